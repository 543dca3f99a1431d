import { randomUUID } from 'node:crypto';
import { type CloudFrontClient, CreateInvalidationCommand } from '@aws-sdk/client-cloudfront';
import { type EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { type MessageAttributeValue, PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { EVENT_SOURCE, MANIFEST_NAME, type PipelineEnv, type PipelineMessage } from '../contract';
import type { Notifier } from './ports';

export interface NotifierClients {
  readonly sns: SNSClient;
  readonly events: EventBridgeClient;
  readonly cloudFront: CloudFrontClient;
}

export type NotifierEnv = Pick<PipelineEnv, 'SUCCESS_TOPIC_ARN' | 'FAILURE_TOPIC_ARN' | 'EVENT_BUS_NAME' | 'DISTRIBUTION_ID'>;

/** Bytes of an SNS message with its attributes. (SNS quotas: 256 KB, that is 262,144 bytes) */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** What goes to a topic: SNS's Message and MessageAttributes. */
export interface TopicMessage {
  readonly text: string;
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
}

/** An entry for the bus, but for the bus. */
export type BusEntry = Pick<PutEventsRequestEntry, 'Source' | 'DetailType' | 'Detail'>;

/**
 * For a topic. SNS counts UTF-8 bytes: the message, and of each attribute its name, type and value.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
 */
export function topicMessage(message: PipelineMessage): TopicMessage {
  const { type, reason } = message;
  // For filter policies.
  const attributes = {
    type: { DataType: 'String', StringValue: type },
    ...(reason === undefined ? {} : { reason: { DataType: 'String', StringValue: reason } }),
  };
  const attributeBytes = bytesOf(...Object.entries(attributes).flatMap(([name, { DataType, StringValue }]) => [name, DataType, StringValue]));
  return { text: textWithin(MAX_MESSAGE_BYTES - attributeBytes, message), attributes };
}

/**
 * For the bus. PutEvents takes more, 1 MB, but targets such as queues and topics may not: an entry is held to a message's
 * limit. EventBridge counts UTF-8 bytes of source, detail type and detail (and 14 for a time, which we do not set).
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
 */
export function busEntry(message: PipelineMessage): BusEntry {
  const { type } = message;
  const detail = textWithin(MAX_MESSAGE_BYTES - bytesOf(EVENT_SOURCE, type), message);
  return { Source: EVENT_SOURCE, DetailType: type, Detail: detail };
}

/** The message as JSON; without its list of variants if it would be too long, for it would be refused at each try. */
function textWithin(limit: number, message: PipelineMessage): string {
  const text = JSON.stringify(message);
  return bytesOf(text) <= limit ? text : JSON.stringify({ ...message, variants: [], variantsOmitted: true } satisfies PipelineMessage);
}

function bytesOf(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

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
    const topic = message.type === 'ImageRejected' ? this.env.FAILURE_TOPIC_ARN : this.env.SUCCESS_TOPIC_ARN;
    if (topic !== '') {
      const { text, attributes } = topicMessage(message);
      await this.clients.sns.send(new PublishCommand({ TopicArn: topic, Message: text, MessageAttributes: attributes }));
    }
  }

  private async toBus(message: PipelineMessage): Promise<void> {
    if (this.env.EVENT_BUS_NAME === '') {
      return;
    }
    const { FailedEntryCount: failed, Entries: [entry] = [] } = await this.clients.events.send(new PutEventsCommand({
      Entries: [{ EventBusName: this.env.EVENT_BUS_NAME, ...busEntry(message) }],
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
