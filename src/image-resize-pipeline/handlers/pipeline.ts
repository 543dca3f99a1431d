import { randomUUID } from 'node:crypto';
import { CloudFrontClient } from '@aws-sdk/client-cloudfront';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import type { Context } from 'aws-lambda';
import { Deadline } from '../../handler-kit/deadline';
import { readEnv } from '../../handler-kit/env';
import { createLogger, createMetrics, type Logger, type Metrics, MetricUnit } from '../../handler-kit/log';
import { METRIC, METRIC_DIMENSION, METRIC_NAMESPACE, PIPELINE_ENV, type Recipe } from '../contract';
import { createImaging } from './imaging';
import { Keys } from './keys';
import { AwsNotifier } from './notify';
import { hashRecipe, parseRecipe } from './recipe';
import { type Attempt, type Outcome, Reconciler } from './reconcile';
import { S3Destination, S3Source } from './s3-store';

/** Kept back for answering, in ms. */
const RESERVE_MS = 2000;
/** Clocks of two hosts differ, and a request sent by a process that is killed may still take effect. */
const LEASE_MARGIN_MS = 5000;
/** A call that hangs must end, and be repeated, before the invocation does… */
const HTTP = { requestHandler: { connectionTimeout: 3000, requestTimeout: 10_000, throwOnRequestTimeout: true, socketTimeout: 10_000 } };

/** One set for all handlers of the bundle: making a client costs some milliseconds of every cold start. */
const s3 = new S3Client(HTTP);
/** …but not an unconditional write: the one given up could take effect late, over a newer one. It ends with the process, as the lease does. */
const unconditional = new S3Client({ requestHandler: { connectionTimeout: HTTP.requestHandler.connectionTimeout } });
const clients = { sns: new SNSClient(HTTP), events: new EventBridgeClient(HTTP), cloudFront: new CloudFrontClient(HTTP) };

export interface Pipeline {
  readonly sourceBucket: string;
  readonly recipe: Recipe;
  readonly keys: Keys;
  readonly source: S3Source;
  readonly destination: S3Destination;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Reconciles one original within this invocation and reports what was done. */
  reconcile(key: string, context: Context, about?: Pick<Attempt, 'messageId' | 'hint'>): Promise<readonly [Outcome, ...Outcome[]]>;
}

/** Wires the core to the environment, once per process: the only place that reads variables, makes clients, asks the clock. */
export function createPipeline({ mayDelete }: { readonly mayDelete: boolean }): Pipeline {
  const env = readEnv(PIPELINE_ENV);
  const memoryMb = Number(readEnv(['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']).AWS_LAMBDA_FUNCTION_MEMORY_SIZE);
  const recipe = parseRecipe(env.RECIPE);
  const keys = new Keys({
    sourcePrefix: env.SOURCE_PREFIX,
    destinationPrefix: env.DESTINATION_PREFIX,
    quarantinePrefix: env.QUARANTINE_PREFIX,
  }, recipe);
  const source = new S3Source(s3, env.SOURCE_BUCKET);
  const destination = new S3Destination(s3, env.DESTINATION_BUCKET, env.SOURCE_BUCKET, unconditional);
  const log = createLogger('image-resize-pipeline');
  const metrics = createMetrics(METRIC_NAMESPACE, { [METRIC_DIMENSION.PIPELINE]: env.PIPELINE_NAME });
  const reconciler = new Reconciler({
    source,
    destination,
    imaging: createImaging(recipe, memoryMb),
    notifier: new AwsNotifier(clients, env),
    now: Date.now,
  }, {
    keys,
    recipe,
    recipeHash: hashRecipe(recipe),
    sourceBucket: env.SOURCE_BUCKET,
    destinationBucket: env.DESTINATION_BUCKET,
    propagateDeletes: env.PROPAGATE_DELETES === 'true',
    memoryMb,
    mayDelete,
  });

  return {
    sourceBucket: env.SOURCE_BUCKET,
    recipe,
    keys,
    source,
    destination,
    log,
    metrics,
    async reconcile(key, context, about = {}) {
      const started = Date.now();
      const outcomes = await reconciler.reconcile(key, {
        ...about,
        owner: `${context.awsRequestId}/${randomUUID()}`,
        deadline: Deadline.of(context, RESERVE_MS),
        leaseEnds: started + context.getRemainingTimeInMillis() + LEASE_MARGIN_MS,
      });
      outcomes.forEach((outcome) => count(metrics, outcome));
      if (outcomes[0].kind !== 'ignored') {
        metrics.addMetric(METRIC.DURATION, MetricUnit.Milliseconds, Date.now() - started);
      }
      log.debug('reconciled', { key, outcomes: outcomes.map(({ kind }) => kind) });
      return outcomes;
    },
  };
}

function count(metrics: Metrics, outcome: Outcome): void {
  switch (outcome.kind) {
    case 'processed': {
      const { source, variants } = outcome.manifest;
      metrics.addMetric(METRIC.PROCESSED, MetricUnit.Count, 1);
      metrics.addMetric(METRIC.BYTES_SAVED, MetricUnit.Bytes, Math.max(0, source.bytes - Math.max(...variants.map(({ bytes }) => bytes))));
      return;
    }
    case 'rejected': {
      metrics.addMetric(METRIC.REJECTED, MetricUnit.Count, 1);
      const byReason = metrics.singleMetric();
      byReason.addDimension(METRIC_DIMENSION.REASON, outcome.rejection.reason);
      byReason.addMetric(METRIC.REJECTED, MetricUnit.Count, 1);
      return;
    }
    case 'deleted':
      return void metrics.addMetric(METRIC.DELETED, MetricUnit.Count, 1);
    case 'unchanged':
      return void metrics.addMetric(METRIC.UNCHANGED, MetricUnit.Count, 1);
    case 'ignored':
  }
}
