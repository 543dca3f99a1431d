import { setTimeout } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { DELIVER_ENV, type DeliverSettings, METRIC_DIMENSION, METRIC_NAMESPACE, type TargetKind } from '../contract';
import { BrakedSender } from './brake';
import type { StreamEvent } from './decode';
import type { DeliveryDeadline, DeliveryReport } from './delivery';
import { publish } from './metrics';
import type { Sender, SenderContext, TargetOf } from './ports';
import { preparation } from './prepare';
import { S3Quarantine } from './quarantine';
import { type DeliveryAnswer, Shell } from './shell';
import { readEnv } from '../../handler-kit/env';
import { createLogger, createMetrics, type Logger, type Metrics } from '../../handler-kit/log';

/** No call begins later than so many milliseconds before the end, or this share of the time there is… */
const START_RESERVE_MS = 5000;
const START_RESERVE_SHARE = 0.25;
/** …and none goes on later than this: metrics and the answer must still leave. */
const END_RESERVE_MS = 1000;
/** Lines of a log about single records. */
const MAX_LINES = 20;

/**
 * Event → decode → filter, transform → send → what is unfinished. Wires the engine to the environment, once per process.
 *
 * @throws if a variable is missing, or the settings are those of another kind of destination
 */
export function deliver<K extends TargetKind>(
  kind: K, createSender: (context: SenderContext<K>) => Sender,
): (event: StreamEvent, context: Context) => Promise<DeliveryAnswer> {
  const env = readEnv(DELIVER_ENV);
  const settings = JSON.parse(env.SETTINGS) as DeliverSettings;
  const { target, ordering, packing } = settings;
  if (target.kind !== kind) {
    throw new Error(`the settings must be those of a '${kind}' destination, got '${target.kind}'`);
  }
  const log = createLogger('kinesis-fan-out');
  const metrics = createMetrics(METRIC_NAMESPACE, {
    [METRIC_DIMENSION.FAN_OUT]: env.FAN_OUT_NAME,
    [METRIC_DIMENSION.DESTINATION]: env.DESTINATION,
  });
  const sender = createSender({ name: env.TARGET, secretArn: env.SECRET_ARN, target: target as TargetOf<K>, ordering, packing });
  const shell = new Shell({
    rules: { ...settings, packing: sender.packing ?? packing },
    prepare: preparation(settings),
    sender: new BrakedSender(sender, Date.now),
    quarantine: new S3Quarantine(env.FAILURE_BUCKET, env.DESTINATION),
    clock: { now: Date.now, sleep: (ms, signal) => setTimeout(ms, undefined, { signal }), random: Math.random },
  });

  return async (event, context) => {
    const deadline = deadlineOf(context);
    try {
      const { answer, report } = await shell.handle(event, deadline);
      inform(log, metrics, report);
      return answer;
    } finally {
      deadline.clear();
    }
  };
}

function deadlineOf(context: Pick<Context, 'getRemainingTimeInMillis'>): DeliveryDeadline & { clear(): void } {
  const total = context.getRemainingTimeInMillis();
  const reserve = Math.min(START_RESERVE_MS, total * START_RESERVE_SHARE);
  const ending = new AbortController();
  const timer = globalThis.setTimeout(() => ending.abort(), Math.max(0, total - Math.min(END_RESERVE_MS, reserve / 2)));
  return {
    remainingMs: () => Math.max(0, context.getRemainingTimeInMillis() - reserve),
    signal: ending.signal,
    clear: () => clearTimeout(timer),
  };
}

/** Never throws: an error would bring everything again that was delivered. */
function inform(log: Logger, metrics: Metrics, report: DeliveryReport): void {
  try {
    tell(log, report);
    publish(metrics, report);
  } catch (error) {
    log.error('metrics lost', { error: error instanceof Error ? error.name : 'Error' });
  }
}

/** Ids, codes and counts; never what a record holds. */
function tell(log: Logger, { quarantined, unfinished, failures, gaveUp, calls, received }: DeliveryReport): void {
  quarantined.slice(0, MAX_LINES).forEach(({ id, refusal, attempts }) => log.warn('record quarantined', { id, ...refusal, attempts }));
  if (quarantined.length > MAX_LINES) {
    log.warn('more records quarantined', { records: quarantined.length - MAX_LINES });
  }
  if (unfinished.length > 0 || failures.size > 0) {
    log.warn(unfinished.length > 0 ? 'records left to be delivered again' : 'calls failed on the way', {
      received, unfinished: unfinished.length, from: unfinished[0]?.id, calls, failures: Object.fromEntries(failures), gaveUp,
    });
  }
}
