/**
 * Bar 9: the real backfill handler under a simulated S3 Batch job over S3 in memory, `backfill.ts <objects>`.
 * Every object is a real picture, decoded and encoded by the real core; one S3 call in ten thousand fails even after the
 * SDK's own retries.
 * Its variables are the function's. What the handler logs goes to the standard output, the result to the standard error.
 */
import { S3Client } from '@aws-sdk/client-s3';
import type { Context, S3BatchEvent } from 'aws-lambda';
import sharp from 'sharp';
import { handler } from '../src/image-resize-pipeline/handlers/backfill.lambda';
import { runBatchJob } from '../test/kit/dispatch/s3-batch';
import { Prng } from '../test/kit/faults';
import { S3Failure, StrictS3 } from '../test/kit/strict-s3';

const THROTTLED = 0.0001;

const s3 = new StrictS3();
const random = new Prng(20261121);
const calls: Record<string, number> = {};
S3Client.prototype.send = (async (command: { readonly input: { readonly Bucket?: string } }) => {
  const name = `${command.constructor.name.replace('Command', '')} ${command.input.Bucket}`;
  calls[name] = (calls[name] ?? 0) + 1;
  if (random.chance(THROTTLED)) throw new S3Failure('SlowDown', 503);
  return s3.execute(command);
}) as typeof S3Client.prototype.send;

async function main(count: number): Promise<void> {
  const body = await sharp({ create: { width: 32, height: 24, channels: 3, background: '#346' } }).jpeg().toBuffer();
  const objects = Array.from({ length: count }, (_, n) => ({ bucket: 'source', key: `originals/${n}.jpg` }));
  objects.forEach(({ key }) => s3.objects('source').set(key, { body, metadata: {} }));

  const context = { awsRequestId: 'bench', functionName: 'bench', getRemainingTimeInMillis: () => 60_000 } as Context;
  const invoked = { kind: 'ok', logs: '', durationMs: 0, coldStart: false, requestId: 'bench' } as const;
  const job = () => runBatchJob({ functionArn: 'backfill', partition: 'aws', objects }, async (_, event) => (
    { ...invoked, payload: await handler(event as S3BatchEvent, context) }));

  const runs = [];
  for (const run of ['first', 'second']) {
    Object.keys(calls).forEach((name) => delete calls[name]);
    const { lines, invocations } = await job();
    const failed = lines.filter(({ status }) => status === 'failed').length;
    runs.push({ run, objects: count, invocations, failed, downloads: calls['GetObject source'] ?? 0, puts: calls['PutObject destination'] ?? 0 });
  }
  console.error(JSON.stringify(runs));
}

void main(Number(process.argv[2]));
