import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';

export { MetricUnit } from '@aws-lambda-powertools/metrics';
export type { Logger, Metrics };

/** Where Lambda, SQS, SNS, EventBridge and S3 Batch events carry what users sent. */
const PAYLOADS = new Set(['Records', 'detail', 'tasks']);
const TEXT_PAYLOADS = new Set(['body', 'Message']);

/**
 * A JSON logger; create one per module. Payloads of events never reach the log, whoever hands them in: neither by
 * `logger.info('…', event)` nor by Powertools' `POWERTOOLS_LOGGER_LOG_EVENT`.
 */
export function createLogger(service: string): Logger {
  return new Logger({ serviceName: service, jsonReplacerFn: omitPayload });
}

function omitPayload(key: string, value: unknown): unknown {
  const payload = TEXT_PAYLOADS.has(key) || (PAYLOADS.has(key) && typeof value === 'object');
  return payload ? '[omitted]' : value;
}

/**
 * CloudWatch metrics in embedded metric format; create one per module and `publishStoredMetrics()` once per
 * invocation. The dimensions are exactly those given: an alarm finds a metric only by the whole set.
 */
export function createMetrics(namespace: string, dimensions: Record<string, string>): Metrics {
  return new ExactMetrics(namespace, dimensions);
}

/** Powertools adds a dimension `service` of its own to every metric and warns when there is none to publish. */
class ExactMetrics extends Metrics {
  constructor(private readonly space: string, private readonly exact: Record<string, string>, singleMetric = false) {
    super({ namespace: space, singleMetric });
    this.clearDefaultDimensions();
    this.setDefaultDimensions(exact);
  }

  public override publishStoredMetrics(): this {
    return this.hasStoredMetrics() ? super.publishStoredMetrics() : this;
  }

  public override singleMetric(): Metrics {
    return new ExactMetrics(this.space, this.exact, true);
  }
}
