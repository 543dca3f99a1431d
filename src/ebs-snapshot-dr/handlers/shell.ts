import { setTimeout } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { CLIENT } from './client';
import { LedgerTable } from './ledger-table';
import type { Clock, Log, Metrics } from './ports';
import type { Run } from './run';
import { Deadline } from '../../handler-kit/deadline';
import { readEnv } from '../../handler-kit/env';
import { createLogger, createMetrics, MetricUnit, type Metrics as EmfMetrics } from '../../handler-kit/log';
import { METRIC, METRIC_NAMESPACE } from '../contract';

/** Kept back for records of calls under way, metrics and the answer. */
const RESERVE_MS = 5000;

export const CLOCK: Clock = { now: Date.now, sleep: (ms) => setTimeout(ms) };

/** What a function has for all its invocations. */
export class Shell {
  public readonly log: Log = createLogger('ebs-snapshot-dr');
  private readonly dynamoDb = new DynamoDBClient(CLIENT);
  private readonly metrics: PlanMetrics;
  protected readonly region = readEnv(['AWS_REGION']).AWS_REGION;

  /** @param side whose metrics they are: a plan's alone, or a plan's at this Region's site */
  constructor(private readonly table: string, side: 'plan' | 'site') {
    this.metrics = new PlanMetrics(side === 'site' ? this.region : undefined);
  }

  /** One invocation. Metrics leave whatever becomes of it. */
  public async run<T>(context: Context, work: (run: Run) => Promise<T>): Promise<T> {
    const deadline = Deadline.of(context, RESERVE_MS);
    const run: Run = {
      clock: CLOCK,
      ledger: new LedgerTable(this.table, this.dynamoDb),
      metrics: this.metrics,
      log: this.log,
      remainingMs: () => deadline.remainingMs(),
    };
    try {
      return await work(run);
    } finally {
      this.metrics.publish();
    }
  }
}

/** Embedded metric format, one document for each plan. */
class PlanMetrics implements Metrics {
  private readonly plans = new Map<string, EmfMetrics>();

  constructor(private readonly site: string | undefined) {}

  public count(plan: string, metric: string, value: number): void {
    const metrics = this.plans.get(plan) ?? createMetrics(METRIC_NAMESPACE, { Plan: plan, ...this.site !== undefined && { Site: this.site } });
    this.plans.set(plan, metrics);
    metrics.addMetric(metric, metric === METRIC.recoveryPointAge ? MetricUnit.Seconds : MetricUnit.Count, value);
  }

  public publish(): void {
    for (const metrics of this.plans.values()) metrics.publishStoredMetrics();
  }
}
