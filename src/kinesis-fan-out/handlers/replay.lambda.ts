import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { REPLAY_ENV, type ReplayAnswer, type ReplayEvent, type ReplayRequest, type ReplayResult } from '../contract';
import { CLIENT, INVOKING_CLIENT } from './client';
import { checkRequest, replay } from './replay';
import type { DeliveryAnswer } from './shell';
import { isNotFound } from '../../handler-kit/conditional';
import { Deadline } from '../../handler-kit/deadline';
import { readEnv } from '../../handler-kit/env';
import { createLogger } from '../../handler-kit/log';
import { paginate } from '../../handler-kit/paginate';

/** A destination's function may take that long, or… */
const CALL_RESERVE_MS = 120_000;
/** …so much of the time there is. */
const CALL_RESERVE_SHARE = 0.3;
/** Kept back for a receipt and the answer. */
const END_RESERVE_MS = 5000;

const env = readEnv(REPLAY_ENV);
const functions = JSON.parse(env.FUNCTIONS) as Readonly<Record<string, string>>;
const log = createLogger('kinesis-fan-out');
const s3 = new S3Client({ requestHandler: CLIENT.requestHandler });
const lambda = new LambdaClient(INVOKING_CLIENT);

/**
 * Delivers what the failure bucket holds again, to its destination only.
 *
 * @throws if the request is none, or the bucket cannot be read or written
 */
export async function handler(event: ReplayRequest, context: Context): Promise<ReplayResult> {
  const request = checkRequest(event, Object.keys(functions));
  const { destination } = request;
  const functionName = functions[destination];
  const total = context.getRemainingTimeInMillis();
  const deadline = Deadline.of(context, Math.min(CALL_RESERVE_MS, total * CALL_RESERVE_SHARE));
  const ending = new AbortController();
  const timer = globalThis.setTimeout(() => ending.abort(), Math.max(0, total - END_RESERVE_MS));
  const run = `${new Date().toISOString().replace(/:/g, '.')}-${randomUUID()}`;
  try {
    const result = await replay(request, { destination, functionName, run }, {
      keys: keysBelow,
      read: readObject,
      deliver: (batch) => invoke(functionName, batch, ending.signal),
      write: async (key, receipt) => {
        await s3.send(new PutObjectCommand({ Bucket: env.FAILURE_BUCKET, Key: key, Body: JSON.stringify(receipt), ContentType: 'application/json' }));
      },
      now: Date.now,
      sleep: setTimeout,
      random: Math.random,
      remainingMs: () => deadline.remainingMs(),
    });
    log.info('replayed', { ...result });
    return result;
  } finally {
    clearTimeout(timer);
  }
}

function keysBelow(prefix: string, after?: string): AsyncIterable<string> {
  return paginate(
    (token) => s3.send(new ListObjectsV2Command({ Bucket: env.FAILURE_BUCKET, Prefix: prefix, StartAfter: after, ContinuationToken: token })),
    ({ Contents: objects = [], NextContinuationToken: next }) => ({ items: objects.map(({ Key: key }) => key!), next }),
  );
}

async function readObject(key: string): Promise<string | undefined> {
  try {
    const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: env.FAILURE_BUCKET, Key: key }));
    return await body!.transformToString();
  } catch (error) {
    // Deleted since it was listed, or mistyped.
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function invoke(functionName: string, event: ReplayEvent, abortSignal: AbortSignal): Promise<ReplayAnswer> {
  const { FunctionError: failure, Payload: payload } = await lambda.send(new InvokeCommand({
    FunctionName: functionName,
    Payload: JSON.stringify(event),
  }), { abortSignal });
  const answer = failure === undefined ? (JSON.parse(payload!.transformToString()) as DeliveryAnswer).replay : undefined;
  if (answer === undefined) throw new FunctionError('the function of the destination failed');
  return answer;
}

class FunctionError extends Error {
  public override readonly name = 'FunctionError';
}
