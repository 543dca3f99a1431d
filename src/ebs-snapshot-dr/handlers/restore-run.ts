import { parseSetId, type RestoreAnswer, type RestoreRequest } from '../contract';
import { LEDGER, type Clock, type Ledger, type RecoveryPoints, type StackChange, type Stacks } from './ports';
import { exactly, prepareRestore, type PreparedRestore, type RestoreSources, stackTags } from './prepare-restore';
import { RestoreRefused } from './refusal';
import { deletedPoint, releaseRestores, type RestoreFields, type RestoreItem, writeRestore } from './restore-items';
import { changeSetName, firstOf, isLackOfCapacity, stateOf } from './stack-state';

export interface RestoreWorld extends RestoreSources {
  readonly stacks: Stacks;
  readonly ledger: Ledger;
  /** @param rebuild from tags, even if the table has points */
  readonly points: (rebuild: boolean) => RecoveryPoints;
  readonly clock: Pick<Clock, 'now'>;
}

/** A stack's name takes 128 characters, 60 of them the prefix. */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/;

/** @throws {@link RestoreRefused} if it is no request */
export function checkRestoreRequest(event: unknown): RestoreRequest {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw new RestoreRefused('the request must be an object');
  const { sets, before, name, rebuild, execute, changeSet } = event as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(event).filter((key) => !['sets', 'before', 'name', 'rebuild', 'execute', 'changeSet'].includes(key));
  if (unknown.length > 0) throw new RestoreRefused(`the request may have sets, before, name, rebuild, execute and changeSet, got ${unknown.join(', ')}`);
  if (sets !== undefined) checkSets(sets);
  if (before !== undefined && !(typeof before === 'string' && /^\d{4}-\d\d-\d\dT/.test(before) && !Number.isNaN(Date.parse(before)))) {
    throw new RestoreRefused("'before' must be a time like '2026-11-21T10:00:00Z'");
  }
  if (name !== undefined && !(typeof name === 'string' && NAME.test(name))) {
    throw new RestoreRefused("'name' must be 1 to 50 letters, digits and hyphens, without a hyphen at its ends");
  }
  for (const [key, flag] of Object.entries({ rebuild, execute })) {
    if (flag !== undefined && typeof flag !== 'boolean') throw new RestoreRefused(`'${key}' must be true or false`);
  }
  if (changeSet !== undefined && !(typeof changeSet === 'string' && changeSet !== '')) throw new RestoreRefused("'changeSet' must be the name or ARN of a change set");
  return event as RestoreRequest;
}

function checkSets(sets: unknown): void {
  const isSet = (each: unknown) => {
    const { plan, set } = (each ?? {}) as Readonly<Record<string, unknown>>;
    return typeof plan === 'string' && typeof set === 'string';
  };
  if (!Array.isArray(sets) || !sets.every(isSet)) throw new RestoreRefused("'sets' must be a list of { plan, set }");
  for (const { set } of sets as ReadonlyArray<{ readonly set: string }>) {
    try {
      parseSetId(set);
    } catch (error) {
      throw new RestoreRefused((error as Error).message);
    }
  }
}

/**
 * Prepares a stack from recovery points, and executes it if asked. The same name is the same restore: asked again, it goes on
 * with what was chosen the first time, tells what has become of the stack, and after a lack of capacity takes the next candidate.
 *
 * @param defaultName if the request has none: the same for every attempt of an invocation
 * @throws {@link RestoreRefused} before anything was changed, or with CloudFormation's reason
 */
export async function restore(request: RestoreRequest, defaultName: string, world: RestoreWorld): Promise<RestoreAnswer> {
  return request.changeSet === undefined
    ? new Restore(request, `${prefixOf(world)}-restore-${request.name ?? defaultName}`, world).run()
    : executeReviewed(request, request.changeSet, world);
}

function prefixOf({ settings }: RestoreWorld): string {
  if (settings.restore === undefined) throw new RestoreRefused('this site has no template to restore from');
  return settings.restore.stackPrefix;
}

async function executeReviewed(request: RestoreRequest, changeSet: string, world: RestoreWorld): Promise<RestoreAnswer> {
  const restores = await world.ledger.list(LEDGER.restore) as readonly RestoreItem[];
  const item = restores.find(({ changeSet: name }) => name === changeSet || changeSet.includes(`/${name}/`));
  if (item === undefined) throw new RestoreRefused('the change set was not made by this function');
  return new Restore({ ...request, execute: true }, item.sk, world).goOn(item);
}

class Restore {
  constructor(private readonly request: RestoreRequest, private readonly name: string, private readonly world: RestoreWorld) {}

  public async run(): Promise<RestoreAnswer> {
    const item = await this.world.ledger.get(LEDGER.restore, this.name) as RestoreItem | undefined;
    if (item === undefined || item.state === 'refused') return this.begin(item);
    const told = await this.goOn(item);
    await releaseRestores(this.world);
    return told;
  }

  public async goOn(item: RestoreItem): Promise<RestoreAnswer> {
    const { sets, before } = this.request;
    const { asked } = item;
    if ((sets !== undefined && JSON.stringify(sets) !== JSON.stringify(asked.sets)) || (before !== undefined && before !== asked.before)) {
      throw new RestoreRefused(`'${this.name}' was asked for with other sets: give another name`);
    }
    return this.look(item);
  }

  /** Chooses anew. */
  private async begin(before: RestoreItem | undefined): Promise<RestoreAnswer> {
    const { sets, before: latest } = this.request;
    return this.choose({ ...sets && { sets }, ...latest !== undefined && { before: latest } }, before);
  }

  private async choose(asked: RestoreItem['asked'], before: RestoreItem | undefined): Promise<RestoreAnswer> {
    const prepared = await prepareRestore(asked, 0, this.world.points(this.request.rebuild ?? false), this.world);
    return this.propose(asked, prepared, 0, before);
  }

  /** The restore is written down before anything is created for it. */
  private async propose(asked: RestoreItem['asked'], prepared: PreparedRestore, attempt: number, before: RestoreItem | undefined): Promise<RestoreAnswer> {
    const refusals = before?.refusals ?? 0;
    const stack = attempt === 0 ? this.name : `${this.name}-${attempt + 1}`;
    const { templateUrl, parameters, sets } = prepared;
    const changeSet = changeSetName(stack, templateUrl, parameters, refusals);
    const item = await this.write({ state: 'review', sets, asked, prepared, stack, changeSet, attempt, refusals }, before);
    return this.change(item);
  }

  /** Makes the change set, or finds it again. */
  private async change(item: RestoreItem): Promise<RestoreAnswer> {
    const { stack, changeSet, prepared: { templateUrl, parameters, points } } = item;
    const { stacks, settings } = this.world;
    const deleted = await deletedPoint(points, this.world);
    if (deleted !== undefined) return this.giveUp(deleted, item);
    const { capabilities } = settings.restore!;
    const proposed = await refusing(
      () => stacks.createChangeSet({ stack, changeSet, templateUrl, parameters, capabilities, tags: stackTags(item.sk) }),
      () => this.write({ ...item, state: 'refused', sets: [], refusals: item.refusals + 1 }, item),
    );
    if (!this.request.execute) return answer(item, 'review', proposed.changeSet, proposed.changes);
    const executing = await this.write({ ...item, state: 'executing', stack: proposed.stack }, item);
    await stacks.executeChangeSet(proposed.stack, changeSet);
    return answer(executing, 'executing', proposed.changeSet, proposed.changes);
  }

  /** Retention wrote down a set before this was written down: the one before it takes its place, unless it must be this one. */
  private async giveUp({ plan, set }: RestoreItem['prepared']['points'][number], item: RestoreItem): Promise<RestoreAnswer> {
    const { asked, attempt } = item;
    const refused = await this.write({ ...item, state: 'refused', sets: [] }, item);
    if (attempt > 0 || asked.sets?.some((each) => each.plan === plan && each.set === set)) {
      throw new RestoreRefused(`set ${set} of plan '${plan}' cannot be restored from: retention is deleting it`);
    }
    return this.choose(asked, refused);
  }

  /** What has become of a stack. */
  private async look(item: RestoreItem): Promise<RestoreAnswer> {
    const { stack, changeSet } = item;
    const reviewed = item.state === 'review';
    switch (stateOf((await this.world.stacks.describe(stack))?.status)) {
      case 'gone':
        // Never made, or thrown away in review: then it stays what was asked for. One that was up is made anew.
        return reviewed ? this.change(item) : this.begin(item);
      case 'reviewable':
        if (reviewed) return this.change(item);
        await this.world.stacks.executeChangeSet(stack, changeSet);
        return answer(item, 'executing', changeSet, []);
      case 'moving':
        return answer(item, 'executing', changeSet, []);
      case 'up':
        return answer(await this.write({ ...item, state: 'complete', sets: [] }, item), 'complete', changeSet, []);
      case 'failed':
        return this.retry(item);
    }
  }

  /** The next candidate in a stack of its own: the failed one may be looked at, and is deleted by hand. */
  private async retry(item: RestoreItem): Promise<RestoreAnswer> {
    const { asked, prepared: { points }, attempt, stack } = item;
    const failures = await this.world.stacks.failures(stack);
    const lack = failures.find(({ reason }) => isLackOfCapacity(reason));
    if (lack === undefined) throw new RestoreRefused(`stack '${stack}' failed: ${firstOf(failures)}`);
    const prepared = await prepareRestore(exactly(points), attempt + 1, this.world.points(false), this.world);
    const warnings = [`stack '${stack}' failed for lack of capacity (${lack.logicalId}: ${lack.reason}), and can be deleted`, ...prepared.warnings];
    return this.propose(asked, { ...prepared, warnings }, attempt + 1, item);
  }

  private write(fields: RestoreFields, before: RestoreItem | undefined): Promise<RestoreItem> {
    return writeRestore(this.name, fields, before, this.world);
  }
}

/** Runs `action`; `refused` if it is certain that it came to nothing. */
async function refusing<T>(action: () => Promise<T>, refused: () => Promise<unknown>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof RestoreRefused) await refused();
    throw error;
  }
}

function answer({ stack, prepared }: RestoreItem, status: RestoreAnswer['status'], changeSet: string, changes: readonly StackChange[]): RestoreAnswer {
  const { points, parameters, warnings } = prepared;
  return { stack, changeSet, status, points, parameters, changes, warnings };
}
