import { Regions, SOURCE, type LogLine } from './regions';
import { renderSection, type InstanceReport, type PointReport } from './section';
import { PLAN, RECOVERY_REGION, SOURCE_REGION, SOURCE_STACK } from './stack';
import { METRIC, parseSetId, type RestoreAnswer, TAG } from '../../../src/ebs-snapshot-dr/contract';
import type { DemoResult, DemoRoom, DemoRow, DemoWorld } from '../../room';

export const EBS_SNAPSHOT_DR: DemoRoom = {
  stackName: SOURCE_STACK,
  run: (world) => new Days(world).run(),
};

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 11, 1);
/** The schedule's; the ticks of AWS are every 5 minutes, which would show nothing more. */
const SETS_EVERY = 6 * HOUR;
const TICKS_EVERY = HOUR;
const PRUNES_EVERY = 6 * HOUR;
/** Some hours after the last set, so that something is lost: what the RPO is for. */
const DARK_AT = START + 88 * HOUR;
const RESTORE_AT = DARK_AT + 8 * HOUR;
const RPO_HOURS = 8;

class Days {
  private regions!: Regions;
  private readonly instances = new Map<string, string>();
  private readonly points: PointReport[] = [];
  private readonly ages: { readonly at: number; readonly hours: number }[] = [];
  private readonly problems: string[] = [];

  constructor(private readonly world: DemoWorld) {}

  public async run(): Promise<DemoResult> {
    this.regions = await Regions.start(this.world, START);
    try {
      this.protect();
      this.world.say(`three instances in ${SOURCE_REGION}, sets every 6 hours, copied to ${RECOVERY_REGION}, for days of virtual time`);
      await this.regions.invoke('Sync');
      await this.live(START, DARK_AT);
      this.regions.model.darken(SOURCE_REGION);
      this.world.say(`${SOURCE_REGION} is gone; ${RECOVERY_REGION} goes on alone`);
      await this.live(DARK_AT, RESTORE_AT);
      const { answer, status } = await this.restore();
      this.check(answer, status);
      return this.result(answer, status);
    } finally {
      await this.regions.stop();
    }
  }

  private protect(): void {
    const { model } = this.regions;
    const machines = [
      { name: 'web', dr: 'gold', sizes: [8, 40] },
      { name: 'database', dr: 'gold', sizes: [8, 200, 100] },
      { name: 'mail', dr: 'gold', sizes: [8, 20] },
      { name: 'sandbox', dr: 'none', sizes: [8] },
    ];
    for (const { name, dr, sizes } of machines) {
      const volumes = sizes.map((sizeGiB, n) => ({ device: n === 0 ? '/dev/xvda' : `/dev/sd${'fg'[n - 1]}`, sizeGiB, tags: { team: 'shop' } }));
      const { id } = model.addInstance({ ...SOURCE, tags: { 'Name': name, dr, 'aws:cloudformation:stack-name': 'shop' }, rootDevice: '/dev/xvda', volumes });
      this.instances.set(id, name);
    }
  }

  /** What schedules do. */
  private async live(from: number, until: number): Promise<void> {
    for (let time = from; time < until; time += TICKS_EVERY) {
      this.regions.now = time;
      const sinceStart = time - START;
      const isDark = time >= DARK_AT;
      if (!isDark && sinceStart % SETS_EVERY === 0) await this.regions.invoke('Snapshot', { scheduledTime: iso(time) });
      this.regions.now = time + MINUTE;
      // In the dark it would ask in vain, for minutes of real time.
      if (!isDark) await this.regions.invoke('Copy');
      this.hear((await this.regions.invoke('Watch')).lines, time);
      if (sinceStart % PRUNES_EVERY !== 0) continue;
      if (!isDark) await this.regions.invoke('Prune');
      this.hear((await this.regions.invoke('SitePrune')).lines, time);
    }
  }

  private hear(lines: readonly LogLine[], time: number): void {
    for (const line of lines) {
      const { message, set } = line;
      if (message === 'recovery point') {
        const name = this.nameOf(String(set));
        this.points.push({ set: String(set), name, completeAt: time, consistency: String(line.consistency), members: Number(line.members) });
      } else if (message === 'set is deleted') {
        const point = this.points.find((each) => each.set === set);
        if (point) Object.assign(point, { deletedAt: time, reasons: line.reasons as readonly string[] });
      }
      const age = line[METRIC.recoveryPointAge];
      if (typeof age === 'number') this.ages.push({ at: time, hours: age / 3600 });
    }
  }

  /** Prepare, review, execute, look again. */
  private async restore(): Promise<{ readonly answer: RestoreAnswer; readonly status: string }> {
    this.regions.now = RESTORE_AT;
    const answer = (await this.regions.invoke('Restore', { name: 'drama' })).payload as RestoreAnswer;
    this.world.say(`a change set of ${answer.points.length} recovery points waits for its review`);
    this.regions.now = RESTORE_AT + 10 * MINUTE;
    await this.regions.invoke('Restore', { name: 'drama', changeSet: answer.changeSet });
    this.regions.now = RESTORE_AT + 30 * MINUTE;
    const { status } = (await this.regions.invoke('Restore', { name: 'drama' })).payload as RestoreAnswer;
    return { answer, status };
  }

  private check({ changes, parameters, points }: RestoreAnswer, status: string): void {
    const expect = (what: string, holds: boolean) => {
      if (!holds) this.problems.push(what);
    };
    expect('the stack is up', status === 'complete');
    expect('two volumes are made', changes.length === 2);
    expect('a point of each instance the template needs is used', points.length === 2);
    const lastSet = iso(START + Math.floor((DARK_AT - START) / SETS_EVERY) * SETS_EVERY);
    expect('nothing newer was there', points.every(({ set }) => parseSetId(set).scheduledAt === lastSet));
    for (const [parameter, name] of [['DatabaseSnapshot', 'database'], ['FilesSnapshot', 'web']]) {
      const tags = this.regions.model.find(parameters[parameter])?.tags;
      expect(`${parameter} is of ${name}`, tags?.[TAG.name] === name && tags[TAG.device] === '/dev/sdf');
    }
    expect('nobody snapshotted the sandbox', !this.points.some(({ name }) => name === 'sandbox'));
    const late = this.ages.filter(({ hours }) => hours > RPO_HOURS);
    expect(`the RPO is kept until ${SOURCE_REGION} is gone, and missed after`, late.length > 0 && late.every(({ at }) => at >= DARK_AT));
  }

  private result(answer: RestoreAnswer, status: string): DemoResult {
    const names = [...new Set(this.points.map(({ name }) => name))].sort();
    const instances = names.map((name): InstanceReport => ({ name, points: this.points.filter((point) => point.name === name) }));
    const { ages, problems } = this;
    const times = { startedAt: START, darkAt: DARK_AT, restoredAt: RESTORE_AT };
    const section = renderSection({ ...times, instances, ages, answer, status, rpoHours: RPO_HOURS, problems });
    return { section, rows: this.rows(answer, status), problems };
  }

  private rows(answer: RestoreAnswer, status: string): DemoRow[] {
    const deleted = this.points.filter(({ deletedAt }) => deletedAt !== undefined).length;
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    const { regions } = this;
    return [{
      input: `${(RESTORE_AT - START) / 24 / HOUR} days of plan '${PLAN}'`,
      output: `${this.points.length} recovery points, ${deleted} deleted by retention`,
      failure: '',
      role: regions.roleOf('Watch'),
      time: seconds(regions.workOf('Snapshot', 'Prune', 'Copy', 'Watch', 'SitePrune')),
    }, {
      input: `restore without ${SOURCE_REGION}`,
      output: `${answer.changes.length} resources, stack ${status}`,
      failure: '',
      role: regions.roleOf('Restore'),
      time: seconds(regions.workOf('Restore')),
    }];
  }

  private nameOf(set: string): string {
    return this.instances.get(parseSetId(set).instance) ?? parseSetId(set).instance;
  }
}

function iso(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
