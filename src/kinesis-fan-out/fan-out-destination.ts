import { Duration, Size } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { FanOutHttpMethod } from './fan-out-modes';
import { FanOutPacking } from './fan-out-packing';
import { DynamoDbTarget } from './targets/dynamodb';
import { EventBridgeTarget } from './targets/eventbridge';
import { FirehoseTarget } from './targets/firehose';
import { HttpsTarget } from './targets/https';
import { KinesisTarget } from './targets/kinesis';
import { LambdaTarget } from './targets/lambda';
import { S3Target } from './targets/s3';
import { SnsTarget } from './targets/sns';
import { SqsTarget } from './targets/sqs';
import { Target } from './targets/target';

/** Options of an S3 destination. */
export interface FanOutS3Options {
  /**
   * Key prefix of objects, empty or ending with '/'. Keys are `<prefix><partition><shard>/<first sequence number>`.
   * @default ''
   */
  readonly prefix?: string;
  /**
   * Folders below `prefix`, made of what records hold: `country=<$.country>/day=<yyyy>-<MM>-<dd>/`. `<$.a.b>` is a field of
   * the record as it leaves, `<yyyy>`, `<MM>`, `<dd>` and `<HH>` the time it arrived, in UTC. Other characters of a value than
   * letters, digits, '_', '-' and '.' become `%XX`, one longer than 64 characters ends with a hash, and instead of one that is
   * not there stands `__HIVE_DEFAULT_PARTITION__`.
   * @default - none
   */
  readonly partition?: string;
  /**
   * Folders that records sent together are sorted into at most, 1 to 1000: each of them costs a request. What belongs into
   * others goes to `<prefix>overflow/`.
   * @default 100
   */
  readonly maxPartitions?: number;
  /**
   * How records become objects.
   * @default - `FanOutPacking.ndjson()`, objects up to 8 MiB
   */
  readonly packing?: FanOutPacking;
}

/** Options of a DynamoDB destination. */
export interface FanOutDynamoDbOptions {
  /**
   * Name of the table's partition key, which is also the record's field.
   * @default - that of a table of this app; required for an imported one
   */
  readonly partitionKey?: string;
  /**
   * Name of the table's sort key, which is also the record's field. Used together with `partitionKey`.
   * @default - that of a table of this app; none for an imported one
   */
  readonly sortKey?: string;
  /**
   * Attribute that holds the record's position in the stream; the newer of two records of one item wins by it.
   * @default '_sequence'
   */
  readonly sequenceAttribute?: string;
}

/** Options of a Kinesis destination. */
export interface FanOutKinesisOptions {
  /**
   * How records become stream records.
   * @default - `FanOutPacking.none()`
   */
  readonly packing?: FanOutPacking;
  /**
   * Largest record the target stream allows, key included, 1 to 10 MiB.
   * @default - what a stream of this app says, 1 MiB otherwise
   */
  readonly maxRecordSize?: Size;
}

/** Options of a Firehose destination. */
export interface FanOutFirehoseOptions {
  /**
   * How records become Firehose records. Firehose bills each in steps of 5 KB: packed ones cost a tenth.
   * @default - `FanOutPacking.none()`
   */
  readonly packing?: FanOutPacking;
}

/** Options of an SQS destination. */
export interface FanOutSqsOptions {
  /**
   * How records become messages. SQS bills every 64 KB: packed ones cost a tenth.
   * @default - `FanOutPacking.none()`
   */
  readonly packing?: FanOutPacking;
}

/** Options of an SNS destination. */
export interface FanOutSnsOptions {
  /**
   * How records become messages.
   * @default - `FanOutPacking.none()`
   */
  readonly packing?: FanOutPacking;
  /**
   * What the topic's attribute `MaximumMessageSize` allows, up to 1 MiB.
   * @default - what a topic of this app says, 256 KiB otherwise
   */
  readonly maxMessageSize?: Size;
}

/** Options of an EventBridge destination. */
export interface FanOutEventBridgeOptions {
  /**
   * Source of the events.
   * @default 'cdk-lambda-blueprints.kinesis-fan-out'
   */
  readonly source?: string;
  /**
   * Detail type of the events.
   * @default 'FanOutRecord'
   */
  readonly detailType?: string;
}

/** Options of an HTTPS destination. */
export interface FanOutHttpsOptions {
  /**
   * Secret whose text is the `Authorization` header. Fetched again when the API answers 401.
   * @default - no such header
   */
  readonly authorization?: secretsmanager.ISecret;
  /**
   * Method of the requests.
   * @default FanOutHttpMethod.POST
   */
  readonly method?: FanOutHttpMethod;
  /**
   * Further headers. They stand in the function's configuration: no secrets.
   * @default - none
   */
  readonly headers?: { [name: string]: string };
  /**
   * Time until an unanswered request counts as failed.
   * @default Duration.seconds(10)
   */
  readonly timeout?: Duration;
  /**
   * Largest body the API takes.
   * @default Size.mebibytes(1)
   */
  readonly maxBodySize?: Size;
  /**
   * Requests under way at a time in one invocation, 1 to 100.
   * @default 4
   */
  readonly concurrency?: number;
  /**
   * How records become bodies.
   * @default - `FanOutPacking.none()`
   */
  readonly packing?: FanOutPacking;
}

/** Options of a Lambda destination. */
export interface FanOutLambdaOptions {
  /**
   * How records become payloads: `none()` or `jsonArray()`.
   * @default - `FanOutPacking.jsonArray()` of records in their envelopes
   */
  readonly packing?: FanOutPacking;
}

/** Where records go. */
export class FanOutDestination {
  /**
   * Objects in a bucket. An object has a key of its own and is written only if it is not there: repeating a delivery makes
   * no duplicate, unless a crash made Lambda halve the batch; the halves then stand beside the whole.
   */
  public static s3(bucket: s3.IBucket, options: FanOutS3Options = {}): FanOutDestination {
    return new FanOutDestination(new S3Target(bucket, options), options.packing);
  }

  /**
   * Items of a table, the newest record of a key winning. Records are JSON objects with the fields of the table's key, and
   * what has one item key must have one partition key in the stream.
   */
  public static dynamoDb(table: dynamodb.ITable, options: FanOutDynamoDbOptions = {}): FanOutDestination {
    return new FanOutDestination(new DynamoDbTarget(table, options));
  }

  /** Records of another stream, with the partition keys they have. */
  public static kinesis(stream: kinesis.IStream, options: FanOutKinesisOptions = {}): FanOutDestination {
    return new FanOutDestination(new KinesisTarget(stream, options), options.packing);
  }

  /** Records of a Firehose delivery stream that takes direct puts. It keeps no order. */
  public static firehose(stream: firehose.IDeliveryStream, options: FanOutFirehoseOptions = {}): FanOutDestination {
    return new FanOutDestination(new FirehoseTarget(stream), options.packing);
  }

  /** Messages of a queue. A FIFO queue keeps order per partition key and drops what is repeated within five minutes. */
  public static sqs(queue: sqs.IQueue, options: FanOutSqsOptions = {}): FanOutDestination {
    return new FanOutDestination(new SqsTarget(queue), options.packing);
  }

  /** Messages of a topic. A FIFO topic keeps order per partition key and drops what is repeated within five minutes. */
  public static sns(topic: sns.ITopic, options: FanOutSnsOptions = {}): FanOutDestination {
    return new FanOutDestination(new SnsTarget(topic, options), options.packing);
  }

  /** Events on a bus, the record in its envelope as detail. A bus keeps no order. */
  public static eventBridge(bus: events.IEventBus, options: FanOutEventBridgeOptions = {}): FanOutDestination {
    return new FanOutDestination(new EventBridgeTarget(bus, options));
  }

  /**
   * Requests to an API, with an `Idempotency-Key` made of the record's id. 400, 413 and 422 quarantine the record, every
   * other answer that is not 2xx is tried again.
   */
  public static https(url: string, options: FanOutHttpsOptions = {}): FanOutDestination {
    return new FanOutDestination(new HttpsTarget(url, options), options.packing);
  }

  /** Synchronous invocations of a function, the way to anything else. An error of the function is tried again. */
  public static lambdaFunction(handler: lambda.IFunction, options: FanOutLambdaOptions = {}): FanOutDestination {
    return new FanOutDestination(new LambdaTarget(handler), options.packing);
  }

  private constructor(
    /** @internal */
    public readonly _target: Target,
    /** @internal */
    public readonly _packing?: FanOutPacking,
  ) {}
}
