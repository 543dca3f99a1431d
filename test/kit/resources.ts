import { CloudFrontClient, CreateDistributionCommand } from '@aws-sdk/client-cloudfront';
import { CreateBucketCommand, DeleteBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, DeleteTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteQueueCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { callJson } from './json-call';
import type { NamedModel, TableModel, TemplateModel } from './template';

/** A client of the test's own hands: under no role. */
export function clientConfig(endpoint: string, region: string) {
  return { endpoint, region, forcePathStyle: true, credentials: { accessKeyId: 'thetest', secretAccessKey: 'testing' } };
}

/** Resources whose ids the emulator chooses: they come first, everything else has the name the template gives. Values for a placement. */
export async function createUnnamed(model: TemplateModel, endpoint: string): Promise<Record<string, string>> {
  return { ...await createDistributions(model, endpoint), ...await createSecrets(model, endpoint) };
}

/** What functions call, and has the name the template gives. */
export type NamedResources = Pick<TemplateModel, 'buckets' | 'buses' | 'deliveryStreams' | 'placement' | 'queues' | 'streams' | 'tables' | 'topics'>;

/** Everything else that functions call. */
export async function createNamed(model: NamedResources, endpoint: string): Promise<void> {
  const { region } = model.placement;
  const config = clientConfig(endpoint, region);
  const [s3, sns, sqs] = [new S3Client(config), new SNSClient(config), new SQSClient(config)];
  const create = (service: string, operation: string, input: unknown) => callJson(endpoint, region, service, operation, input);
  for (const { name, versioned } of model.buckets) {
    await s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: region as 'eu-west-1' } }));
    if (versioned) await s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }));
  }
  for (const { fifo, name } of model.topics) {
    await sns.send(new CreateTopicCommand({ Name: name, Attributes: fifo ? { FifoTopic: 'true' } : {} }));
  }
  for (const { fifo, name } of model.queues) {
    await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: fifo ? { FifoQueue: 'true' } : {} }));
  }
  for (const { name } of model.buses) await create('events', 'CreateEventBus', { Name: name });
  for (const { name, shards } of model.streams) await create('kinesis', 'CreateStream', { StreamName: name, ShardCount: shards });
  for (const table of model.tables) await createTable(table, endpoint, region);
  for (const deliveryStream of model.deliveryStreams) await create('firehose', 'CreateDeliveryStream', deliveryStreamInput(deliveryStream));
  [s3, sns, sqs].forEach((client) => client.destroy());
}

/** Somebody deletes them; buckets must be empty. */
export async function deleteNamed(model: NamedResources, endpoint: string): Promise<void> {
  const { region } = model.placement;
  const config = clientConfig(endpoint, region);
  const [s3, sns, sqs] = [new S3Client(config), new SNSClient(config), new SQSClient(config)];
  const remove = (service: string, operation: string, input: unknown) => callJson(endpoint, region, service, operation, input);
  for (const { name } of model.buckets) await s3.send(new DeleteBucketCommand({ Bucket: name }));
  for (const { arn } of model.topics) await sns.send(new DeleteTopicCommand({ TopicArn: arn }));
  for (const { name } of model.queues) {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  }
  for (const { name } of model.buses) await remove('events', 'DeleteEventBus', { Name: name });
  for (const { name } of model.streams) await remove('kinesis', 'DeleteStream', { StreamName: name });
  for (const { name } of model.tables) await remove('dynamodb', 'DeleteTable', { TableName: name });
  for (const { name } of model.deliveryStreams) await remove('firehose', 'DeleteDeliveryStream', { DeliveryStreamName: name });
  [s3, sns, sqs].forEach((client) => client.destroy());
}

/** A table without items. */
export async function emptyTable(table: TableModel, endpoint: string, region: string): Promise<void> {
  const { Count } = await callJson(endpoint, region, 'dynamodb', 'Scan', { TableName: table.name, Select: 'COUNT' });
  if (Count === 0) return;
  await callJson(endpoint, region, 'dynamodb', 'DeleteTable', { TableName: table.name });
  await createTable(table, endpoint, region);
}

async function createTable({ attributes, keys, name }: TableModel, endpoint: string, region: string): Promise<void> {
  await callJson(endpoint, region, 'dynamodb', 'CreateTable', {
    TableName: name,
    KeySchema: keys,
    AttributeDefinitions: attributes.filter(({ AttributeName }) => keys.some((key) => key.AttributeName === AttributeName)),
    BillingMode: 'PAY_PER_REQUEST',
  });
}

/** CloudFormation and the API call the fields alike, but not all are there in both. */
function deliveryStreamInput({ name, properties }: NamedModel): object {
  const { DeliveryStreamType, ExtendedS3DestinationConfiguration, S3DestinationConfiguration } = properties;
  return {
    DeliveryStreamName: name,
    ...DeliveryStreamType !== undefined && { DeliveryStreamType },
    ...ExtendedS3DestinationConfiguration !== undefined && { ExtendedS3DestinationConfiguration },
    ...S3DestinationConfiguration !== undefined && { S3DestinationConfiguration },
  };
}

/** A secret that CloudFormation would generate reads 'generated'. */
async function createSecrets(model: TemplateModel, endpoint: string): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const { logicalId, name, properties } of model.secrets) {
    const SecretString = String(properties.SecretString ?? 'generated');
    const { ARN } = await callJson(endpoint, model.placement.region, 'secretsmanager', 'CreateSecret', { Name: name, SecretString });
    values[logicalId] = values[`${logicalId}.Id`] = String(ARN);
  }
  return values;
}

async function createDistributions(model: TemplateModel, endpoint: string): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  const cloudFront = new CloudFrontClient(clientConfig(endpoint, model.placement.region));
  for (const logicalId of model.distributions) {
    const { Distribution } = await cloudFront.send(new CreateDistributionCommand({
      DistributionConfig: {
        CallerReference: logicalId,
        Comment: '',
        Enabled: true,
        Origins: { Quantity: 1, Items: [{ Id: 'o', DomainName: 'kit.s3.amazonaws.com', S3OriginConfig: { OriginAccessIdentity: '' } }] },
        DefaultCacheBehavior: { TargetOriginId: 'o', ViewerProtocolPolicy: 'redirect-to-https' },
      },
    }));
    values[logicalId] = Distribution!.Id!;
  }
  cloudFront.destroy();
  return values;
}
