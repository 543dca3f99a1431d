import { METRIC, METRIC_NAMESPACE } from '../../../src/kinesis-fan-out/contract';
import type { RecordedInvocation } from '../../../test/kit/lambda-host';

export interface FanOutCounts {
  readonly delivered: number;
  readonly filtered: number;
  readonly quarantined: number;
  /** Left out because they had been delivered before. */
  readonly suppressed: number;
  /** Handed back to the mapping, as often as that happened. */
  readonly unfinished: number;
  readonly invocations: number;
  readonly workMs: number;
}

/** What a function said of itself: the metrics CloudWatch would make of its log. */
export function countsOf(invocations: readonly RecordedInvocation[]): FanOutCounts {
  const lines = invocations.flatMap(({ outcome }) => outcome.logs.split('\n')).filter((line) => line.includes(METRIC_NAMESPACE) && line.startsWith('{'));
  const metrics = lines.map((line) => JSON.parse(line) as Readonly<Record<string, number | readonly number[]>>);
  const sum = (name: string) => metrics.flatMap((line) => line[name] ?? 0).reduce((total, value) => total + value, 0);
  return {
    delivered: sum(METRIC.DELIVERED),
    filtered: sum(METRIC.FILTERED),
    quarantined: sum(METRIC.QUARANTINED),
    suppressed: sum(METRIC.SUPPRESSED),
    unfinished: sum(METRIC.UNFINISHED),
    invocations: invocations.length,
    workMs: invocations.reduce((total, { outcome }) => total + outcome.durationMs, 0),
  };
}

/** Events that come after a later one of their order, or twice. */
export function disorder(contents: readonly string[]): number {
  const last = new Map<string, number>();
  let misplaced = 0;
  for (const text of contents) {
    const event = parsed(text);
    if (event?.orderId === undefined) continue;
    if (event.step <= (last.get(event.orderId) ?? -1)) misplaced += 1;
    last.set(event.orderId, event.step);
  }
  return misplaced;
}

function parsed(text: string): { readonly orderId?: string; readonly step: number } | undefined {
  try {
    return JSON.parse(text) as { orderId?: string; step: number };
  } catch {
    return undefined; // what was cut off
  }
}
