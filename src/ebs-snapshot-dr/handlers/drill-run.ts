import { METRIC, TAG, type DrillEvent, type DrillEvidence } from '../contract';
import { drillEvidence, evidenceKey, evidenceText, signatureKey, type DrillTimes } from './evidence';
import { LEDGER, type LedgerItem, type Log, type Metrics, type Millis, type Probe, ProbeFailed, type Query, type Signer, type Tags } from './ports';
import { exactly, prepareRestore, type PreparedRestore, stackTags } from './prepare-restore';
import { RestoreRefused } from './refusal';
import { deletedPoint, protectedUntil, timeAfter } from './restore-items';
import type { RestoreWorld } from './restore-run';
import { codeOf } from './run';
import { changeSetName, firstOf, isLackOfCapacity, stateOf } from './stack-state';

export interface DrillWorld extends RestoreWorld {
  /** None: a stack that is up has passed. */
  readonly probe?: Probe;
  readonly signer: Signer;
  /** Its key (ARN). */
  readonly signingKey: string;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Ends what is waited for; set before the invocation ends. */
  readonly ending: AbortSignal;
}

type Stage = 'changing' | 'creating' | 'probing' | 'holding' | 'deleting' | 'evidence';

/** The drill under way. There is one item for it, so that there is one at a time. */
interface DrillItem extends LedgerItem {
  readonly drill: string;
  readonly stage: Stage;
  readonly times: Partial<DrillTimes> & Pick<DrillTimes, 'startedAt'>;
  /** How often there was no capacity. */
  readonly attempt: number;
  /** Absent: to be chosen for this attempt. */
  readonly prepared?: PreparedRestore;
  /** What the first attempt chose; further ones take the same points. */
  readonly points: PreparedRestore['points'];
  /** Of all attempts, names or, once they are known, ids. */
  readonly stacks: readonly string[];
  readonly changeSet?: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly probes: number;
  readonly probe?: unknown;
  readonly deletions: number;
  readonly leftovers: readonly string[];
  /** Why it failed. */
  readonly reason?: string;
}

/** Sort key of the drill under way. Those that are over stand beside it by their id, so that a schedule that fires twice starts one. */
const CURRENT = 'current';
const REMEMBERED_DAYS = 400;
const MAX_PROBES = 3;
const MAX_PROBE_BYTES = 65_536;
const MAX_DELETIONS = 3;
const MAX_DELETION_MS = 2 * 3_600_000;
const MAX_SIGNING_MS = 6 * 3_600_000;

/**
 * Starts a drill if the event says so and none is under way, and takes the drill under way as far as it gets now. Every step
 * is written down before the next one, and may be done again.
 *
 * @throws what the next tick may do better
 */
export async function runDrill(event: DrillEvent, world: DrillWorld): Promise<void> {
  if (event.scheduledTime !== undefined) await startDrill(drillId(event.scheduledTime), world);
  let item = await world.ledger.get(LEDGER.drill, CURRENT) as DrillItem | undefined;
  while (item !== undefined && !world.ending.aborted) {
    item = await new Drill(item, world).step();
  }
}

/** Good for the names of stacks and objects. */
function drillId(scheduledTime: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(scheduledTime)) throw new Error("'scheduledTime' must be like '2026-11-21T10:00:00Z'");
  return scheduledTime.replace(/\.\d+Z$/, 'Z').replace(/:/g, '-').toLowerCase();
}

async function startDrill(drill: string, world: DrillWorld): Promise<void> {
  const { ledger, clock, log } = world;
  if (await ledger.get(LEDGER.drill, drill) !== undefined) return;
  const now = clock.now();
  const item: DrillItem = {
    pk: LEDGER.drill, sk: CURRENT, at: now, drill, stage: 'changing', times: { startedAt: now }, attempt: 0, points: [], stacks: [], outputs: {}, probes: 0, deletions: 0, leftovers: [],
  };
  if (await ledger.claim(item)) {
    log.info('drill started', { drill });
  } else {
    const current = await ledger.get(LEDGER.drill, CURRENT) as DrillItem | undefined;
    if (current?.drill === drill) return;
    log.warn('no drill is started while another one is under way', { drill, current: current?.drill });
    const isOver = current !== undefined && now - current.times.startedAt > longest(world);
    for (const { plan } of world.settings.plans) world.metrics.count(plan, METRIC.drillsFailed, isOver ? 1 : 0);
  }
}

/** A drill under way for longer does not come to its end. */
function longest({ settings: { drill } }: DrillWorld): Millis {
  return (drill!.maxRestoreSeconds + drill!.teardownAfterSeconds) * 1000 + MAX_DELETION_MS + MAX_SIGNING_MS;
}

class Drill {
  private readonly base: string;

  constructor(private readonly item: DrillItem, private readonly world: DrillWorld) {
    this.base = `${world.settings.restore?.stackPrefix ?? ''}-drill-${item.drill}`;
  }

  /** What is to be done next; undefined: nothing now. */
  public async step(): Promise<DrillItem | undefined> {
    switch (this.item.stage) {
      case 'changing': return this.inTime(() => this.change());
      case 'creating': return this.inTime(() => this.create());
      case 'probing': return this.probe();
      case 'holding': return this.hold();
      case 'deleting': return this.tearDown();
      case 'evidence': return this.conclude();
    }
  }

  private get stack(): string {
    return this.item.stacks[this.item.stacks.length - 1];
  }

  private get now(): Millis {
    return this.world.clock.now();
  }

  /** What fails for good ends the drill at once, everything else when the time for the restore is over. */
  private async inTime(step: () => Promise<DrillItem | undefined>): Promise<DrillItem | undefined> {
    const { maxRestoreSeconds } = this.world.settings.drill!;
    const isLate = this.now - this.item.times.startedAt >= maxRestoreSeconds * 1000;
    try {
      return await step() ?? (isLate ? await this.fail(`the stack was not up after ${maxRestoreSeconds} s`) : undefined);
    } catch (error) {
      if (error instanceof RestoreRefused) return this.fail(error.message);
      if (isLate) return this.fail(`the stack was not up after ${maxRestoreSeconds} s: ${(error as Error).message}`);
      throw error;
    }
  }

  private async change(): Promise<DrillItem | undefined> {
    const { prepared, changeSet, stacks, times } = this.item;
    if (prepared === undefined) return this.prepare();
    const { templateUrl, parameters } = prepared;
    const { capabilities } = this.world.settings.restore!;
    const { stack } = await this.world.stacks.createChangeSet({
      stack: this.stack, changeSet: changeSet!, templateUrl, parameters, capabilities, tags: stackTags(this.base),
    });
    return this.write({ stage: 'creating', stacks: [...stacks.slice(0, -1), stack], times: { ...times, changedAt: times.changedAt ?? this.now } });
  }

  private async prepare(): Promise<DrillItem | undefined> {
    const { attempt, points, stacks } = this.item;
    const prepared = await prepareRestore(attempt === 0 ? {} : exactly(points), attempt, this.world.points(false), this.world);
    const stack = attempt === 0 ? this.base : `${this.base}-${attempt + 1}`;
    const { ledger, log } = this.world;
    await ledger.put({ pk: LEDGER.restore, sk: this.base, at: this.now, expires: protectedUntil(this.now), state: 'drill', sets: prepared.sets });
    const deleted = await deletedPoint(prepared.points, this.world);
    if (deleted !== undefined) {
      log.info('retention is deleting a set, the next tick chooses anew', { drill: this.item.drill, plan: deleted.plan, set: deleted.set });
      return undefined;
    }
    const changeSet = changeSetName(stack, prepared.templateUrl, prepared.parameters);
    return this.write({ prepared, points: prepared.points, stacks: [...stacks, stack], changeSet });
  }

  private async create(): Promise<DrillItem | undefined> {
    const { stacks, log } = this.world;
    const { changeSet, attempt, times } = this.item;
    const found = await stacks.describe(this.stack);
    switch (stateOf(found?.status)) {
      case 'gone':
        return this.fail('somebody else deleted the stack');
      case 'reviewable':
        await stacks.executeChangeSet(this.stack, changeSet!);
        return undefined;
      case 'moving':
        return undefined;
      case 'up':
        return this.write({ stage: 'probing', outputs: found!.outputs, times: { ...times, upAt: await stacks.lastEventAt(this.stack) } });
      case 'failed': {
        const failures = await stacks.failures(this.stack);
        const lack = failures.find(({ reason }) => isLackOfCapacity(reason));
        if (lack === undefined) return this.fail(`the stack failed: ${firstOf(failures)}`);
        log.warn('no capacity for the stack of a drill', { stack: this.stack, resource: lack.logicalId, attempt });
        return this.write({ stage: 'changing', prepared: undefined, attempt: attempt + 1 });
      }
    }
  }

  private async probe(): Promise<DrillItem | undefined> {
    const { drill, outputs, probes, times } = this.item;
    const { probe, log, ending } = this.world;
    if (probe === undefined) return this.answered({});
    if (probes >= MAX_PROBES) return this.answered({ reason: `the probe gave no answer in ${probes} invocations` });
    const asking = await this.write({ probes: probes + 1, times: { ...times, probeStartedAt: times.probeStartedAt ?? this.now } });
    if (asking === undefined) return undefined;
    try {
      const answer = await probe.invoke({ drill, stack: this.stack, outputs }, ending);
      return await new Drill(asking, this.world).answered(verdictOn(answer));
    } catch (error) {
      if (error instanceof ProbeFailed) return new Drill(asking, this.world).answered({ reason: `the probe failed: ${error.message}` });
      log.warn('the probe gave no answer', { drill, error: (error as Error).name });
      return undefined;
    }
  }

  private answered(verdict: Pick<DrillItem, 'probe' | 'reason'>): Promise<DrillItem | undefined> {
    return this.write({ ...verdict, stage: 'holding', times: { ...this.item.times, probedAt: this.now } });
  }

  private async hold(): Promise<DrillItem | undefined> {
    const { times } = this.item;
    const over = this.now >= times.probedAt! + this.world.settings.drill!.teardownAfterSeconds * 1000;
    return over ? this.write({ stage: 'deleting', times: { ...times, deletingAt: this.now } }) : undefined;
  }

  private async tearDown(): Promise<DrillItem | undefined> {
    const { stacks: names, times, deletions } = this.item;
    const { stacks } = this.world;
    const found = await Promise.all(names.map(async (stack) => ({ stack, status: (await stacks.describe(stack))?.status })));
    const there = found.filter(({ status }) => stateOf(status) !== 'gone');
    // A stack that is on its way up can be deleted, one that goes down by itself cannot.
    const idle = there.filter(({ status = '' }) => !status.endsWith('_IN_PROGRESS') || status === 'CREATE_IN_PROGRESS' || status === 'REVIEW_IN_PROGRESS');
    const isLate = this.now - times.deletingAt! >= MAX_DELETION_MS;
    if (there.length === 0 || isLate || (idle.length > 0 && deletions >= MAX_DELETIONS)) {
      return this.write({ stage: 'evidence', leftovers: await this.leftovers(), times: { ...times, deletedAt: await this.deletedAt(), finishedAt: this.now } });
    }
    if (idle.length === 0) return undefined;
    const deleting = await this.write({ deletions: deletions + 1 });
    if (deleting !== undefined) await Promise.all(idle.map(({ stack }) => stacks.deleteStack(stack)));
    return undefined;
  }

  /** What deleting did not delete, retained resources included. */
  private async leftovers(): Promise<string[]> {
    const all = await Promise.all(this.item.stacks.map((stack) => this.world.stacks.resources(stack)));
    const resources = all.flat().filter(({ status }) => status !== 'DELETE_COMPLETE').map(({ logicalId, type, status }) => `${logicalId} (${type}): ${status}`);
    // What a deletion policy made of its volumes carries the stack's tags, and so does what a plan took of them meanwhile.
    const snapshots = await this.world.ec2.snapshots({ tags: tagFilter(stackTags(this.base)) });
    return [...resources, ...snapshots.filter(({ tags }) => !(TAG.plan in tags)).map(({ snapshot }) => `${snapshot} (snapshot)`)];
  }

  private async deletedAt(): Promise<Millis> {
    const ids = this.item.stacks.filter((stack) => stack.startsWith('arn:'));
    return Math.max(this.item.times.deletingAt!, ...await Promise.all(ids.map((stack) => this.world.stacks.lastEventAt(stack))));
  }

  /** Evidence first, then the end: what is written twice is the same twice. */
  private async conclude(): Promise<undefined> {
    const { drill, times, reason, prepared, points, probe, leftovers, attempt, stacks } = this.item;
    const { settings, objects, signingKey, metrics, log, ledger } = this.world;
    const facts = {
      drill,
      site: settings.site,
      stack: stacks.at(-1) ?? '',
      reason,
      points,
      parameters: prepared?.parameters ?? {},
      probe,
      leftovers,
      signedBy: signingKey,
      times: times as DrillTimes,
    };
    const { evidence, text, signature } = await this.signed(drillEvidence(facts));
    if (signature !== undefined) await objects.put(signatureKey(drill), signature, 'text/plain');
    await objects.put(evidenceKey(drill), text, 'application/json');
    const passed = evidence.outcome === 'passed';
    // One that did not get as far as to choose sets concerns all plans.
    for (const plan of new Set((points.length > 0 ? points : settings.plans).map((each) => each.plan))) {
      metrics.count(plan, METRIC.drillsPassed, passed ? 1 : 0);
      metrics.count(plan, METRIC.drillsFailed, passed ? 0 : 1);
    }
    const { outcome, rpoSeconds, rtoSeconds } = evidence;
    log[passed ? 'info' : 'warn']('drill over', { drill, outcome, reason: evidence.reason, rpoSeconds, rtoSeconds, attempt });
    await ledger.put({ pk: LEDGER.drill, sk: drill, at: this.now, expires: Math.ceil(this.now / 1000) + REMEMBERED_DAYS * 86_400, outcome });
    await ledger.remove(LEDGER.restore, this.base);
    await ledger.remove(LEDGER.drill, CURRENT);
    return undefined;
  }

  /** A key that does not sign for hours costs the drill its proof, and must not hold up the next drills. */
  private async signed(evidence: DrillEvidence): Promise<{ readonly evidence: DrillEvidence; readonly text: string; readonly signature?: string }> {
    const text = evidenceText(evidence);
    try {
      return { evidence, text, signature: await this.world.signer.sign(text) };
    } catch (error) {
      if (this.now - this.item.times.finishedAt! < MAX_SIGNING_MS) throw error;
      const reason = evidence.reason ?? `the evidence could not be signed: ${codeOf(error)}`;
      const unsigned: DrillEvidence = { ...evidence, outcome: 'failed', reason, signedBy: '' };
      return { evidence: unsigned, text: evidenceText(unsigned) };
    }
  }

  private fail(reason: string): Promise<DrillItem | undefined> {
    return this.write({ reason, stage: 'deleting', times: { ...this.item.times, deletingAt: this.now } });
  }

  /** The item as it is from now on; undefined if another invocation was faster, which then goes on. */
  private async write(changes: Partial<DrillItem>): Promise<DrillItem | undefined> {
    const next: DrillItem = { ...this.item, ...changes, at: timeAfter(this.item, this.now) };
    return await this.world.ledger.put(next, this.item.at) ? next : undefined;
  }
}

function tagFilter(tags: Tags): Query['tags'] {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, [value]]));
}

function verdictOn(answer: unknown): Pick<DrillItem, 'probe' | 'reason'> {
  const bytes = Buffer.byteLength(JSON.stringify(answer) ?? '');
  if (bytes > MAX_PROBE_BYTES) return { reason: `the probe's answer must have at most ${MAX_PROBE_BYTES} bytes, got ${bytes}` };
  const isOk = typeof answer === 'object' && answer !== null && (answer as { readonly ok?: unknown }).ok === true;
  return { probe: answer, ...!isOk && { reason: 'the probe did not answer { "ok": true }' } };
}
