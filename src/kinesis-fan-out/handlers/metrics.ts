import { METRIC } from '../contract';
import type { DeliveryReport } from './delivery';
import { type Metrics, MetricUnit } from '../../handler-kit/log';

/** All counts of every invocation, zeros too: an alarm tells "nothing failed" from "nothing ran". */
export function publish(metrics: Metrics, report: DeliveryReport): void {
  const counts: ReadonlyArray<readonly [string, number]> = [
    [METRIC.RECEIVED, report.received],
    [METRIC.DELIVERED, report.delivered],
    [METRIC.FILTERED, report.filtered],
    [METRIC.QUARANTINED, report.quarantined.length],
    [METRIC.RETRIED, report.retried],
    [METRIC.SUPPRESSED, report.suppressed],
    [METRIC.UNFINISHED, report.unfinished.length],
    [METRIC.BROKEN, report.broken],
  ];
  counts.forEach(([name, value]) => metrics.addMetric(name, MetricUnit.Count, value));
  if (report.latencyMs !== undefined) {
    metrics.addMetric(METRIC.LATENCY, MetricUnit.Milliseconds, report.latencyMs);
  }
  metrics.publishStoredMetrics();
}
