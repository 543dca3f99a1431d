import type { Reply, ServiceError } from '../call';
import { cloudfront } from './cloudfront';
import { dynamodb } from './dynamodb';
import { events } from './events';
import { lambda } from './lambda';
import { requestSize } from './request-size';
import { s3 } from './s3';
import { sns } from './sns';
import { sqs } from './sqs';
import { firehose, kinesis } from './streams';
import type { IdentifiedCall } from '../identify';
import type { WireRequest } from '../wire';

/** What a resource was told when it was made, where a limit depends on it. Absent, or undefined: the service's default. */
export interface ResourceFacts {
  /** Bytes of a record of this stream, its key included. */
  readonly maxRecordBytes?: (streamName: string) => number | undefined;
  /** Attribute MaximumMessageSize of this topic. */
  readonly maxMessageBytes?: (topicArn: string) => number | undefined;
  /** Names of the attributes that make a key of this table. */
  readonly keyNames?: (tableName: string) => readonly string[] | undefined;
}

/** What the proxy knows of a service that its emulators do not. */
export interface ServiceTruth {
  /** A real limit the request breaks. */
  readonly check?: (call: IdentifiedCall, facts?: ResourceFacts) => ServiceError | undefined;
  /** Names of what the call changes: calls that share one run one after the other, and are announced in that order. */
  readonly changes?: (call: IdentifiedCall) => readonly string[];
  /** Forwards the request and puts right what comes back; absent: plain forwarding. */
  readonly apply?: (call: IdentifiedCall, context: TruthContext) => Promise<Reply>;
}

export interface TruthContext {
  readonly send: (request: WireRequest) => Promise<Reply>;
  /** Whether the caller may learn that a key of this bucket does not exist. */
  readonly mayListBucket: (bucket: string) => boolean;
  /** Runs a function of this world; without it the emulator does what it can. */
  readonly invoke?: (invocation: Invocation) => Promise<Reply>;
}

/** A function somebody calls through the proxy. */
export interface Invocation {
  /** Name or ARN, with or without a qualifier. */
  readonly functionName: string;
  readonly asynchronous: boolean;
  readonly payload: Buffer;
}

const TRUTHS: Readonly<Record<string, ServiceTruth>> = { cloudfront, dynamodb, events, firehose, kinesis, lambda, s3, sns, sqs };

export function truthOf({ service }: Pick<IdentifiedCall, 'service'>): ServiceTruth {
  return TRUTHS[service] ?? requestSize;
}
