import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { BoundTarget, SEND_AHEAD, Target } from './target';
import { checkPattern } from '../../private/validate';
import type { FanOutEventBridgeOptions } from '../fan-out-destination';

/** Events whose detail is the record in its envelope. */
export class EventBridgeTarget implements Target {
  public readonly kind = 'eventbridge';
  public readonly orderings = ['none'] as const;
  public readonly orderingRemedy = 'an event bus keeps no order; leave it out';
  public readonly packings = ['none'] as const;
  public readonly envelope = true;
  public readonly maxEntryBytes = 1_000_000;
  public readonly defaultEntryBytes = this.maxEntryBytes;
  public readonly sendAhead = SEND_AHEAD.OTHERS;
  public readonly batchWindow = Duration.seconds(1);
  private readonly source: string;
  private readonly detailType: string;

  constructor(public readonly resource: events.IEventBus, options: FanOutEventBridgeOptions) {
    checkPattern('source', options.source, /^(?!aws\.)[^\p{Cc}]{1,256}$/u, "1 to 256 characters not beginning with 'aws.'");
    checkPattern('detailType', options.detailType, /^[^\p{Cc}]{1,128}$/u, '1 to 128 characters');
    this.source = options.source ?? 'cdk-lambda-blueprints.kinesis-fan-out';
    this.detailType = options.detailType ?? 'FanOutRecord';
  }

  public get arn(): string {
    return this.resource.eventBusArn;
  }

  public bind(): BoundTarget {
    const { resource: bus, source, detailType } = this;
    return {
      // Of another account's bus the name would mean one of this account.
      target: bus.eventBusArn,
      settings: { kind: 'eventbridge', source, detailType },
      statements: [
        { actions: ['events:PutEvents'], resources: [bus.eventBusArn], conditions: { StringEquals: { 'events:source': source } } },
        { actions: ['events:DescribeEventBus'], resources: [bus.eventBusArn] },
      ],
    };
  }
}
