import { CloudFrontClient } from '@aws-sdk/client-cloudfront';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import type { PipelineMessage, Variant } from '../../src/image-resize-pipeline/contract';
import { AwsNotifier, busEntry, topicMessage } from '../../src/image-resize-pipeline/handlers/notify';

const LIMIT = 262_144;
const VARIANT: Variant = { preset: 'p', format: 'webp', key: 'v', width: 1, height: 1, bytes: 1, etag: 'e', contentType: 'image/webp' };
const MESSAGE: PipelineMessage = {
  version: 1,
  type: 'ImageProcessed',
  source: { bucket: 'src', key: 'in/a.jpg', etag: 'e' },
  recipe: 'r',
  manifest: { bucket: 'dst', key: 'out/a.jpg/manifest.json' },
  variants: [VARIANT],
};
const REJECTED: PipelineMessage = { ...MESSAGE, type: 'ImageRejected', reason: 'CORRUPT_IMAGE', detail: 'd' };

/** As the services count it, spelled out by hand. */
const SIZES: Record<string, (message: PipelineMessage) => number> = {
  topic: (message) => {
    const attributes = message.reason === undefined ? `typeString${message.type}` : `typeString${message.type}reasonString${message.reason}`;
    return Buffer.byteLength(topicMessage(message).text) + attributes.length;
  },
  bus: (message) => Buffer.byteLength(busEntry(message).Detail!) + 'cdk-lambda-blueprints.image-resize-pipeline'.length + message.type.length,
};
const TEXTS: Record<string, (message: PipelineMessage) => PipelineMessage> = {
  topic: (message) => JSON.parse(topicMessage(message).text),
  bus: (message) => JSON.parse(busEntry(message).Detail!),
};

/** Makes the message as many bytes long, by the key of its variant; a sign of more than one byte counts as these. */
function ofSize(bytes: number, message: PipelineMessage, size: (message: PipelineMessage) => number, sign: string): PipelineMessage {
  const spare = bytes - size(message);
  const width = Buffer.byteLength(sign);
  const key = `v${sign.repeat(Math.floor(spare / width))}${'x'.repeat(spare % width)}`;
  return { ...message, variants: [{ ...VARIANT, key }] };
}

describe.each(['topic', 'bus'])('on the %s', (to) => {
  test.each([
    ['processed', MESSAGE, 'x'], ['processed, of three-byte signs', MESSAGE, '€'], ['of four-byte signs', MESSAGE, '😀'], ['rejected', REJECTED, 'x'],
  ])('%s: whole at the limit, without its list one byte beyond', (_, message, sign) => {
    const at = ofSize(LIMIT, message, SIZES[to], sign);
    expect([SIZES[to](at), TEXTS[to](at)]).toEqual([LIMIT, at]);
    const beyond = ofSize(LIMIT + 1, message, SIZES[to], sign);
    expect(TEXTS[to](beyond)).toEqual({ ...message, variants: [], variantsOmitted: true });
    expect(SIZES[to](beyond)).toBeLessThan(1000);
  });

  test('an ordinary message says nothing of omission', () => {
    expect(TEXTS[to](MESSAGE)).toEqual(MESSAGE);
  });
});

test('attributes for filter policies are those of the message, whole or not', () => {
  const type = { DataType: 'String', StringValue: 'ImageRejected' };
  const attributes = { type, reason: { DataType: 'String', StringValue: 'CORRUPT_IMAGE' } };
  expect(topicMessage(REJECTED).attributes).toEqual(attributes);
  expect(topicMessage(ofSize(LIMIT + 1, REJECTED, SIZES.topic, 'x')).attributes).toEqual(attributes);
});

test('what is sent is what fits', async () => {
  const [sns, events] = [mockClient(SNSClient), mockClient(EventBridgeClient)];
  sns.on(PublishCommand).resolves({});
  events.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{}] });
  const clients = { sns: new SNSClient({}), events: new EventBridgeClient({}), cloudFront: new CloudFrontClient({}) };
  const env = { SUCCESS_TOPIC_ARN: 't', FAILURE_TOPIC_ARN: '', EVENT_BUS_NAME: 'b', DISTRIBUTION_ID: '' };
  const message = ofSize(LIMIT + 1, MESSAGE, SIZES.topic, 'x');
  await new AwsNotifier(clients, env).publish({ ...message, variants: [...message.variants, VARIANT] }, false);
  const { text, attributes } = topicMessage(message);
  expect(sns.commandCalls(PublishCommand)[0].args[0].input).toEqual({ TopicArn: 't', Message: text, MessageAttributes: attributes });
  expect(events.commandCalls(PutEventsCommand)[0].args[0].input).toEqual({
    Entries: [{
      EventBusName: 'b', Source: 'cdk-lambda-blueprints.image-resize-pipeline', DetailType: 'ImageProcessed', Detail: text,
    }],
  });
});
