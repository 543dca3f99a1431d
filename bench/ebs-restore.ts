/** Bar 3 of EbsSnapshotDr: restores of a site that has nothing but its snapshots. By itself: `npx tsx bench/ebs-restore.ts`. */
import { cpuSeconds, functionProcesses } from './ebs-process';
import { table } from './fan-out-kit';
import { median } from './measure';
import { setId, TAG } from '../src/ebs-snapshot-dr/contract';
import { at, HOUR, T0 } from '../test/ebs-snapshot-dr/builders';
import { historyOf } from '../test/ebs-snapshot-dr/histories';
import { HERE, RecoveryAtWork } from '../test/ebs-snapshot-dr/recovery-at-work';
import { RESTORE, SETTINGS, Site } from '../test/ebs-snapshot-dr/site-at-work';
import { hash32 } from '../test/kit/faults';

const HISTORIES = 1000;
const SNAPSHOTS = 100_000;
const INSTANCES = 125;
const VOLUMES = 4;
const HOURLY = 72;
const RUNS = 3;
const BAR = { seconds: 5, callsBesidesPages: 10 };

export async function ebsRestore(): Promise<string> {
  const { asked, exact, source } = await blindRestores();
  const found = await largeSite();
  const { runs, besides, pages } = found;
  const warm = (of: keyof Run) => median(runs.slice(1).map((run) => run[of])).toFixed(1);
  return [
    '### Bar 3: blind restore (peers have none)',
    `${exact} of ${asked} restores of generated histories named the newest complete sets and their exact snapshots, with ${source} calls to another Region.`,
    `${SNAPSHOTS.toLocaleString('en')} snapshots, nothing in the table (bar: ${BAR.seconds} s, pages + ${BAR.callsBesidesPages} calls until the parameters are known):`,
    table(['', 's', "s of the function's CPU", "s of the kit's EC2 for its answers"], [
      ['cold', runs[0].seconds.toFixed(1), runs[0].cpu.toFixed(1), runs[0].fake.toFixed(1)],
      [`warm (medians of ${RUNS})`, warm('seconds'), warm('cpu'), warm('fake')],
    ]),
    `${pages} pages and ${besides.parameters} other calls; with table and change set ${besides.all}; ${found.source} calls to the source.`,
  ].join('\n\n');
}

async function blindRestores(): Promise<{ readonly asked: number; readonly exact: number; readonly source: number }> {
  let [asked, exact, source] = [0, 0, 0];
  for (let run = 0; run < HISTORIES; run++) {
    const { newest, parameters, plans, right, snapshots } = historyOf(hash32('blind restore', run));
    const wanted = Object.fromEntries(Object.entries(parameters).filter(([name]) => right.get(name)!.size > 0));
    const site = new Site({ settings: { ...SETTINGS, plans, restore: { ...RESTORE, parameters: wanted } }, snapshots, blind: true });
    const answer = await site.restore();
    asked++;
    if (Object.entries(answer.parameters).every(([name, value]) => right.get(name)!.has(value))
      && answer.points.map(({ set }) => set).sort().join() === [...newest.values()].sort().join()) exact++;
    source += site.line.calls.filter(({ region }) => region !== HERE.region && region !== 'us-west-2').length;
  }
  return { asked, exact, source };
}

interface LargeSite {
  readonly pages: number;
  readonly besides: { readonly parameters: number; readonly all: number };
  readonly source: number;
  /** The first one cold. */
  readonly runs: readonly Run[];
}

/** All in seconds: function and EC2 are at work side by side. */
interface Run {
  readonly seconds: number;
  readonly cpu: number;
  readonly fake: number;
}

/** The function as shipped, in Lambda's runtime, with EC2's answers as XML over HTTP. */
async function largeSite(): Promise<LargeSite> {
  const recovery = await RecoveryAtWork.start();
  try {
    await recovery.begin();
    for (let n = 0; n < SNAPSHOTS - 1; n++) plant(recovery, n);
    const newest = recovery.copy(T0 + HOUR);
    recovery.image();
    const fake = timed(recovery);
    const before = new Set(functionProcesses());
    const runs: Run[] = [];
    let calls: readonly { readonly service: string; readonly operation: string; readonly region: string }[] = [];
    for (let run = 0; run <= RUNS; run++) {
      recovery.world.proxy.clearCalls();
      const [cpuBefore, fakeBefore] = [cpuOf(before), fake()];
      const { parameters } = await recovery.restore({ name: `run-${run}` });
      if (parameters.Data !== newest.id) throw new Error(`the newest snapshot is ${newest.id}, got ${parameters.Data}`);
      runs.push({ seconds: recovery.world.runs.at(-1)!.outcome.durationMs / 1000, cpu: cpuOf(before) - cpuBefore, fake: fake() - fakeBefore });
      calls = recovery.world.proxy.calls;
    }
    const isPage = ({ operation }: typeof calls[number]) => operation === 'DescribeSnapshots';
    const isLast = ({ operation, service }: typeof calls[number]) => operation === 'CreateChangeSet' || operation === 'DescribeChangeSet'
      || (service === 'dynamodb' && operation !== 'Query');
    return {
      pages: calls.filter(isPage).length,
      besides: { parameters: calls.filter((call) => !isPage(call) && !isLast(call)).length, all: calls.filter((call) => !isPage(call)).length },
      source: calls.filter(({ region }) => region !== HERE.region).length,
      runs,
    };
  } finally {
    await recovery.stop();
  }
}

/** Seconds that EC2's fake has been at work since. */
function timed({ fakes: { services } }: RecoveryAtWork): () => number {
  const { ec2 } = services;
  let ms = 0;
  Object.assign(services, {
    ec2: async (...call: Parameters<typeof ec2>) => {
      const start = performance.now();
      try {
        return await ec2(...call);
      } finally {
        ms += performance.now() - start;
      }
    },
  });
  return () => ms / 1000;
}

/** Of the functions started since. */
function cpuOf(before: ReadonlySet<string>): number {
  return functionProcesses().filter((pid) => !before.has(pid)).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Other instances' sets: hourly ones of three days, daily ones before. */
function plant({ model }: RecoveryAtWork, n: number): void {
  const set = Math.floor(n / VOLUMES);
  const instance = `i-a${(set % INSTANCES).toString(16)}`;
  const age = Math.floor(set / INSTANCES);
  const scheduled = T0 - (age < HOURLY ? age : HOURLY + (age - HOURLY) * 24) * HOUR;
  const volume = n % VOLUMES;
  model.plant(HERE, {
    startedAt: scheduled,
    source: `snap-${n}`,
    tags: {
      [TAG.plan]: 'gold',
      [TAG.set]: setId(instance, at(scheduled)),
      [TAG.members]: `${VOLUMES}`,
      [TAG.origin]: `${HERE.account}/us-east-1`,
      [TAG.source]: `snap-${n}`,
      [TAG.volume]: `vol-${instance}-${volume}`,
      [TAG.device]: `/dev/xvd${'abcd'[volume]}`,
      [TAG.taken]: new Date(scheduled).toISOString(),
      [TAG.name]: instance,
      team: 'payments',
      env: 'production',
    },
  });
}

if (require.main === module) {
  ebsRestore().then(console.log, (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
