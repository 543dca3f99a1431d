import { at, copies, HOUR, originals, T0 } from './builders';
import { PLAN } from './site-at-work';
import { type RestoreSettings, setId, type SitePlan, TAG } from '../../src/ebs-snapshot-dr/contract';
import type { Snapshot, SnapshotState } from '../../src/ebs-snapshot-dr/handlers/ports';
import { Prng } from '../kit/faults';

/** What years at a site leave: complete sets, and whatever can be wrong with one. */
export interface History {
  readonly snapshots: readonly Snapshot[];
  readonly plans: readonly SitePlan[];
  readonly parameters: RestoreSettings['parameters'];
  /** By parameter: the snapshots that are right; none if its instance has no complete set. */
  readonly right: ReadonlyMap<string, ReadonlySet<string>>;
  /** By instance: its newest complete set. */
  readonly newest: ReadonlyMap<string, string>;
}

const DEVICES = ['/dev/sda1', '/dev/sdf', '/dev/sdg', 'xvdb'];

export function historyOf(seed: number): History {
  const prng = new Prng(seed);
  const snapshots: Snapshot[] = [];
  const plans = ['gold', 'silver'].slice(0, prng.int(1, 2)).map((plan): SitePlan => ({ ...PLAN, plan }));
  const parameters: Record<string, RestoreSettings['parameters'][string]> = {};
  const right = new Map<string, ReadonlySet<string>>();
  const newest = new Map<string, string>();
  for (let n = 1; n <= prng.int(1, 5); n++) {
    const { plan } = plans[prng.int(0, plans.length - 1)];
    const instance = `i-${n}${seed.toString(16).replace('-', '')}`;
    const devices = DEVICES.slice(0, prng.int(1, DEVICES.length));
    let complete: ReadonlyMap<string, ReadonlySet<string>> | undefined;
    for (let hour = 0, hours = prng.int(1, 12); hour < hours; hour++) {
      const scheduled = T0 + hour * HOUR;
      const made = setAt({ plan, instance, name: `n${n}`, devices, scheduled }, prng);
      snapshots.push(...made.snapshots);
      if (made.completed.size !== devices.length) continue;
      complete = made.completed;
      newest.set(instance, setId(instance, at(scheduled)));
    }
    devices.forEach((device, i) => {
      const name = `P${n}x${i}`;
      parameters[name] = { kind: 'snapshot', device, name: `n${n}`, ...prng.chance(0.5) && { plan } };
      right.set(name, complete?.get(device) ?? new Set());
    });
  }
  // What is none of ours, or none of a copy's.
  snapshots.push(...originals({ id: 'original', plan: plans[0].plan, instance: 'i-1' }), ...copies({ id: 'foreign', plan: 'other', instance: 'i-1' }));
  return { snapshots: shuffled(snapshots, prng), plans, parameters, right, newest };
}

interface SetAt {
  readonly plan: string;
  readonly instance: string;
  readonly name: string;
  readonly devices: readonly string[];
  readonly scheduled: number;
}

/** A set's copies, mostly whole, and by device those that are completed. */
function setAt(
  { plan, instance, name, devices, scheduled }: SetAt, prng: Prng,
): { readonly snapshots: Snapshot[]; readonly completed: Map<string, Set<string>> } {
  const snapshots: Snapshot[] = [];
  const completed = new Map<string, Set<string>>();
  const copyOf = (device: string, i: number, state: SnapshotState, call: string): Snapshot => {
    const [copy] = copies({ id: call, plan, instance, scheduled, volumes: [`vol-${instance}-${i}`], members: devices.length });
    return { ...copy, state, tags: { ...copy.tags, [TAG.device]: device, [TAG.name]: name } };
  };
  const add = (device: string, copy: Snapshot) => {
    snapshots.push(copy);
    if (copy.state === 'completed') completed.set(device, (completed.get(device) ?? new Set()).add(copy.snapshot));
  };
  devices.forEach((device, i) => {
    if (prng.chance(0.9)) add(device, copyOf(device, i, prng.chance(0.9) ? 'completed' : prng.chance(0.5) ? 'pending' : 'error', `${scheduled}`));
    // A crash's second copy of the same snapshot.
    if (prng.chance(0.1)) {
      const again = copyOf(device, i, prng.chance(0.5) ? 'completed' : 'error', `${scheduled}`);
      add(device, { ...again, snapshot: `${again.snapshot}-again` });
    }
  });
  // A crash's second call for the set, of which one copy is there: no substitute for one of the first.
  if (devices.length > 1 && prng.chance(0.1)) snapshots.push(copyOf(devices[0], 0, 'completed', `${scheduled}-second`));
  return { snapshots, completed };
}

function shuffled<T>(items: readonly T[], prng: Prng): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = prng.int(0, i);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}
