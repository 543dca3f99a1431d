/** Bar 9 of EbsSnapshotDr: the functions of a site with 100,000 snapshots. By itself: `npx tsx bench/ebs-scale.ts`. */
import { cpuSeconds, functionProcesses, peakMegabytes } from './ebs-process';
import { table } from './fan-out-kit';
import { setId, TAG } from '../src/ebs-snapshot-dr/contract';
import { PLAN, SITE, SOURCE } from '../test/ebs-snapshot-dr/flow-at-work';
import { SideAtWork } from '../test/ebs-snapshot-dr/side-at-work';
import { HOUR } from '../test/kit/fakes/ec2';
import { MemoryGroup } from '../test/kit/memory-group';

const SNAPSHOTS = Number(process.env.BENCH_SNAPSHOTS ?? 100_000);
const INSTANCES = 100;
const MEMORY_MB = 256;
const BUCKET = { burst: 100, perSecond: 20 };
/** What EC2 says to a call too many. */
const THROTTLED = 'RequestLimitExceeded';

export async function ebsScale(): Promise<string> {
  const side = await SideAtWork.start('site');
  try {
    await side.begin(undefined, { bucket: BUCKET });
    side.world.adjust(() => ({ memoryMb: MEMORY_MB, memoryLimit: MemoryGroup.available() }));
    for (let n = 0; n < SNAPSHOTS; n++) plant(side, n);
    const rows: string[][] = [];
    for (const verb of ['Copy', 'Watch', 'Prune'] as const) rows.push(await measure(side, verb));
    return [
      `### Bar 9: ${SNAPSHOTS.toLocaleString('en')} snapshots, ${BUCKET.burst} calls and ${BUCKET.perSecond} a second (bars: ends, no throttle unhandled, below ${MEMORY_MB} MB; peers have no function of this kind)`,
      table(['', 'ended', 's', 'of CPU', 'peak, MB', 'calls of EC2', 'other calls', 'deletions', 'throttles met', 'unhandled'], rows),
      MemoryGroup.available() ? `A process that exceeds ${MEMORY_MB} MB is killed by the kernel.` : 'This machine does not let us limit the memory.',
    ].join('\n\n');
  } finally {
    await side.stop();
  }
}

async function measure(side: SideAtWork, verb: 'Copy' | 'Watch' | 'Prune'): Promise<string[]> {
  side.world.proxy.clearCalls();
  const before = new Set(functionProcesses());
  const { durationMs, kind, logs } = await side.invoke(verb);
  const process = functionProcesses().find((pid) => !before.has(pid));
  const { calls } = side.world.proxy;
  const ec2 = calls.filter(({ service }) => service === 'ec2');
  const count = (some: readonly unknown[]) => some.length.toLocaleString('en');
  return [
    `${verb.toLowerCase()} function`,
    kind,
    (durationMs / 1000).toFixed(1),
    process === undefined ? '' : cpuSeconds(process).toFixed(1),
    process === undefined ? '' : peakMegabytes(process).toFixed(0),
    count(ec2),
    count(calls.filter(({ service }) => service !== 'ec2')),
    count(ec2.filter(({ operation, applied }) => operation === 'DeleteSnapshot' && applied)),
    count(ec2.filter(({ errorCode }) => errorCode === THROTTLED)),
    count(logs.split('\n').filter((line) => line.includes(THROTTLED))),
  ];
}

/** One copied snapshot a set: the newest of each instance an hour old, the others older than the look-back. */
function plant({ model }: SideAtWork, n: number): void {
  const instance = `i-${(n % INSTANCES).toString(16).padStart(8, '0')}`;
  const taken = model.clock.now() - (n < INSTANCES ? 1 : 100 + Math.floor(n / INSTANCES)) * HOUR;
  const iso = `${new Date(taken).toISOString().slice(0, 19)}Z`;
  model.plant(SITE, {
    startedAt: taken,
    source: `snap-${n}`,
    tags: {
      [TAG.plan]: PLAN,
      [TAG.set]: setId(instance, iso),
      [TAG.members]: '1',
      [TAG.origin]: `${SOURCE.account}/${SOURCE.region}`,
      [TAG.source]: `snap-${n}`,
      [TAG.volume]: `vol-${(n % INSTANCES).toString(16)}`,
      [TAG.device]: '/dev/sda',
      [TAG.taken]: iso,
    },
  });
}

if (require.main === module) {
  ebsScale().then(console.log, (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
