import { randomUUID } from 'node:crypto';
import { type CloudFrontClient, CreateInvalidationCommand } from '@aws-sdk/client-cloudfront';
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { EVENT_SOURCE, MANIFEST_NAME, type PipelineEnv, type PipelineMessage } from '../contract';
import type { Notifier } from './ports';

export interface NotifierClients {
  readonly sns: SNSClient;
  readonly events: EventBridgeClient;
  readonly cloudFront: CloudFrontClient;
}

export type NotifierEnv = Pick<PipelineEnv, 'SUCCESS_TOPIC_ARN' | 'FAILURE_TOPIC_ARN' | 'EVENT_BUS_NAME' | 'DISTRIBUTION_ID'>;

/** Tells topics and bus, and drops what the distribution has cached; whichever of them are set. */
export class AwsNotifier implements Notifier {
  constructor(private readonly clients: NotifierClients, private readonly env: NotifierEnv) {}

  public async publish(message: PipelineMessage, overwritten: boolean): Promise<void> {
    const done = await Promise.allSettled([
      this.toTopic(message),
      this.toBus(message),
      overwritten ? this.invalidate(message.manifest.key) : undefined,
    ]);
    // All are tried before one failure has the message delivered again.
    for (const result of done) {
      if (result.status === 'rejected') {
        throw result.reason;
      }
    }
  }

  private async toTopic(message: PipelineMessage): Promise<void> {
    const { type, reason } = message;
    const topic = type === 'ImageRejected' ? this.env.FAILURE_TOPIC_ARN : this.env.SUCCESS_TOPIC_ARN;
    if (topic !== '') {
      await this.clients.sns.send(new PublishCommand({
        TopicArn: topic,
        Message: JSON.stringify(message),
        // For filter policies.
        MessageAttributes: {
          type: { DataType: 'String', StringValue: type },
          ...(reason === undefined ? {} : { reason: { DataType: 'String', StringValue: reason } }),
        },
      }));
    }
  }

  private async toBus(message: PipelineMessage): Promise<void> {
    if (this.env.EVENT_BUS_NAME === '') {
      return;
    }
    const { FailedEntryCount: failed, Entries: [entry] = [] } = await this.clients.events.send(new PutEventsCommand({
      Entries: [{ EventBusName: this.env.EVENT_BUS_NAME, Source: EVENT_SOURCE, DetailType: message.type, Detail: JSON.stringify(message) }],
    }));
    if (failed) {
      throw new Error(`the event bus refused an event: ${entry?.ErrorCode}`);
    }
  }

  /** One wildcard path: everything of one original lies in one folder. */
  private async invalidate(manifestKey: string): Promise<void> {
    if (this.env.DISTRIBUTION_ID !== '') {
      const folder = manifestKey.slice(0, -MANIFEST_NAME.length).split('/').map(encodeURIComponent).join('/');
      await this.clients.cloudFront.send(new CreateInvalidationCommand({
        DistributionId: this.env.DISTRIBUTION_ID,
        InvalidationBatch: { CallerReference: randomUUID(), Paths: { Quantity: 1, Items: [`/${folder}*`] } },
      }));
    }
  }
}
