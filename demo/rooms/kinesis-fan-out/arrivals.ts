import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Envelope, QuarantinedRecord } from '../../../src/kinesis-fan-out/contract';
import { EmulatedStream } from '../../../test/kit/dispatch/emulated-stream';
import type { DemoWorld } from '../../room';

/** What a destination holds, event by event, in the order it holds them. */
export type Contents = readonly string[];

/** Everything the room reads and writes through the SDK. */
export class Clients {
  public readonly s3: S3Client;
  public readonly sqs: SQSClient;
  public readonly kinesis: KinesisClient;
  public readonly dynamoDb: DynamoDBClient;

  constructor(private readonly world: DemoWorld) {
    const { client } = world;
    this.s3 = new S3Client({ ...client, forcePathStyle: true });
    this.sqs = new SQSClient({ ...client, useQueueUrlAsEndpoint: false });
    // Its own speaks HTTP/2, which the emulator ends at times.
    this.kinesis = new KinesisClient({ ...client, requestHandler: this.s3.config.requestHandler });
    this.dynamoDb = new DynamoDBClient(client);
  }

  /** What the envelopes in the lake's objects hold, by shard and name. */
  public async lake(): Promise<Contents> {
    const bucket = this.world.outputs.LakeBucket;
    const keys = await this.keys(bucket, 'orders/');
    const texts = await Promise.all(keys.map(async (key) => this.text(bucket, key)));
    const envelopes = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '').map((line) => JSON.parse(line) as Envelope);
    return envelopes.map(({ data }) => typeof data === 'string' ? data : JSON.stringify(data));
  }

  public async mirror(): Promise<Contents> {
    const stream = await EmulatedStream.of(this.kinesis, this.world.outputs.MirrorArn);
    const contents: string[] = [];
    for (const { id } of await stream.shards()) {
      let page = await stream.read(id, { kind: 'trim-horizon' }, 10_000);
      while (page.records.length > 0) {
        contents.push(...page.records.map(({ data }) => Buffer.from(data, 'base64').toString()));
        page = await stream.read(id, page.next, 10_000);
      }
    }
    return contents;
  }

  /** The items of the table: order number → step. */
  public async state(): Promise<ReadonlyMap<string, number>> {
    const items = new Map<string, number>();
    for await (const { Items: page = [] } of paginateScan({ client: this.dynamoDb }, { TableName: this.world.outputs.StateTable })) {
      page.forEach(({ orderId, step }) => items.set(orderId.S!, Number(step.N)));
    }
    return items;
  }

  /** Takes everything out of the queue, as its consumer does. */
  public async paid(): Promise<Contents> {
    const QueueUrl = this.world.outputs.PaidUrl;
    const contents: string[] = [];
    for (;;) {
      const { Messages: messages = [] } = await this.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (messages.length === 0) return contents;
      contents.push(...messages.map(({ Body }) => Body!));
      await this.sqs.send(new DeleteMessageBatchCommand({
        QueueUrl, Entries: messages.map(({ ReceiptHandle }, n) => ({ Id: String(n), ReceiptHandle })),
      }));
    }
  }

  public async quarantine(): Promise<QuarantinedRecord[]> {
    const bucket = this.world.outputs.FailureBucket;
    const keys = await this.keys(bucket, 'quarantine/');
    return Promise.all(keys.map(async (key) => JSON.parse(await this.text(bucket, key)) as QuarantinedRecord));
  }

  private async keys(bucket: string, prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const { Contents: page = [] } of paginateListObjectsV2({ client: this.s3 }, { Bucket: bucket, Prefix: prefix })) {
      keys.push(...page.map(({ Key }) => Key!));
    }
    return keys.sort();
  }

  private async text(bucket: string, key: string): Promise<string> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return Body!.transformToString();
  }
}
