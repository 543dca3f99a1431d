import type { RuleModel, RuleTargetModel } from '../template';
import { EXACTLY_ONCE, type DeliveryPlan } from './delivery';
import { matchesPattern } from './pattern';
import type { Timeline } from './timeline';

/** What happened when EventBridge called a target; a refusal is not tried again. */
export type TargetAnswer = 'accepted' | 'unavailable' | 'refused';

/**
 * Calls a target as `events.amazonaws.com` for a rule.
 * @param attributes of a message to a dead-letter queue
 */
export type CallTarget = (targetArn: string, ruleArn: string, input: string, attributes?: Readonly<Record<string, string>>) => TargetAnswer;

/** First wait; it doubles up to the longest ("How EventBridge retries delivering events": exponential, with jitter). */
const FIRST_BACKOFF = 1;
const LONGEST_BACKOFF = 300;

/** A bus: patterns, input, at-least-once delivery, retries, dead-letter queues. */
export class EventBridge {
  constructor(
    private readonly rules: readonly RuleModel[],
    private readonly timeline: Timeline,
    private readonly call: CallTarget,
    public plan: DeliveryPlan = EXACTLY_ONCE,
  ) {}

  public put(event: Readonly<Record<string, unknown>>, busName = 'default'): void {
    for (const rule of this.rules) {
      if (!rule.enabled || rule.busName !== busName || rule.pattern === undefined || !matchesPattern(rule.pattern, event)) continue;
      for (const target of rule.targets) {
        const input = targetInput(target, rule.arn, event);
        for (const delay of this.plan.copies(`${rule.arn}/${target.id}/${String(event.id)}`)) {
          this.timeline.after(delay, async () => this.deliver(rule, target, input, this.timeline.now, 0));
        }
      }
    }
  }

  private deliver(rule: RuleModel, target: RuleTargetModel, input: string, since: number, retries: number): void {
    const answer = this.call(target.arn, rule.arn, input);
    if (answer === 'accepted') return;
    const wait = Math.min(FIRST_BACKOFF * 2 ** retries, LONGEST_BACKOFF);
    const exhausted = answer === 'refused' ? 'NotRetryable'
      : retries >= target.maximumRetryAttempts ? 'MaximumRetryAttempts'
        : this.timeline.now + wait * 1000 - since > target.maximumEventAgeSeconds * 1000 ? 'MaximumEventAgeInSeconds' : undefined;
    if (exhausted === undefined) {
      this.timeline.after(wait, async () => this.deliver(rule, target, input, since, retries + 1));
    } else if (target.deadLetterArn !== undefined) {
      // "Using dead-letter queues to process undelivered events", EventBridge user guide.
      this.call(target.deadLetterArn, rule.arn, input, {
        RULE_ARN: rule.arn,
        TARGET_ARN: target.arn,
        RETRY_ATTEMPTS: String(retries),
        ERROR_CODE: answer === 'refused' ? 'NO_PERMISSIONS' : 'SDK_CLIENT_ERROR',
        ...answer !== 'refused' && { EXHAUSTED_RETRY_CONDITION: exhausted },
      });
    }
  }
}

/** What the target gets: the event, a part of it, a constant, or a template filled from it. */
export function targetInput(target: Pick<RuleTargetModel, 'input' | 'inputPath' | 'inputTransformer'>, ruleArn: string, event: unknown): string {
  if (target.input !== undefined) return target.input;
  if (target.inputPath !== undefined) return JSON.stringify(select(event, target.inputPath) ?? null);
  if (target.inputTransformer === undefined) return JSON.stringify(event);
  const { paths, template } = target.inputTransformer;
  const values = new Map<string, unknown>(Object.entries(paths).map(([name, path]) => [name, select(event, path)]));
  values.set('aws.events.rule-arn', ruleArn).set('aws.events.rule-name', ruleArn.split('/').at(-1)).set('aws.events.event', event)
    .set('aws.events.event.json', event);
  return fill(template, values);
}

/** A variable inside a quoted string is text there; anywhere else it is a JSON value. What the event lacks is left out. */
function fill(template: string, values: ReadonlyMap<string, unknown>): string {
  let quoted = false;
  return template.replace(/\\.|"|<([\w.-]+)>/g, (found: string, name?: string) => {
    if (found === '"') quoted = !quoted;
    if (name === undefined || !values.has(name)) return found;
    const value = values.get(name);
    if (!quoted) return JSON.stringify(value) ?? '""';
    const text = typeof value === 'string' ? value : JSON.stringify(value) ?? '';
    return JSON.stringify(text).slice(1, -1);
  });
}

/** The part of JSONPath that input paths take: `$.a.b[0]['c d']`. */
function select(event: unknown, path: string): unknown {
  const steps = path.replace(/^\$/, '').match(/\.[^.[]+|\[\d+\]|\['[^']+'\]/g) ?? [];
  return steps.reduce<unknown>((value, step) => {
    const name = step.startsWith('.') ? step.slice(1) : step.slice(1, -1).replace(/^'|'$/g, '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }, event);
}
