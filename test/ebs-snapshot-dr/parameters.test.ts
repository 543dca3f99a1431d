import { HOUR, T0, at } from './builders';
import { copied, imageCopy, PLAN } from './site-at-work';
import { type ArtifactInventory, type RecoveryPoint, type RestoreParameter, setId, TAG } from '../../src/ebs-snapshot-dr/contract';
import { artifactKey } from '../../src/ebs-snapshot-dr/handlers/inventory';
import { choosePoints, type Offer, parameterValues, type Parameters, pointId } from '../../src/ebs-snapshot-dr/handlers/parameters';
import type { Tags } from '../../src/ebs-snapshot-dr/handlers/ports';
import { readSets, recoveryPoint } from '../../src/ebs-snapshot-dr/handlers/recovery-point';
import { RestoreRefused } from '../../src/ebs-snapshot-dr/handlers/refusal';

interface PointOptions {
  readonly plan?: string;
  readonly instance?: string;
  readonly name?: string;
  readonly scheduled?: number;
  readonly devices?: readonly string[];
  readonly extra?: Partial<RecoveryPoint>;
}

function point({ plan = 'p', instance = 'i-1', name, scheduled = T0, devices = ['/dev/sda1', '/dev/sdf'], extra = {} }: PointOptions = {}): RecoveryPoint {
  const volumes = Object.fromEntries(devices.map((device, n) => [`vol-${instance}-${n}`, device]));
  const tags: Tags = name === undefined ? {} : { [TAG.name]: name };
  const [set] = readSets(copied(volumes, { plan, instance, scheduled, extra: () => ({ tags }) }), 'copies');
  return { ...recoveryPoint(set), ...extra };
}

function snapshotAt(of: RecoveryPoint, device: string): string {
  return of.members.find((member) => member.device === device)!.snapshot;
}

function choose(parameters: Parameters, points: readonly RecoveryPoint[], pinned: readonly RecoveryPoint[] = [], plans = [PLAN, { ...PLAN, plan: 'q' }]) {
  return choosePoints(parameters, { points, pinned: new Set(pinned.map(pointId)), plans });
}

const OFFER: Offer = { bucket: 'site-bucket', inventories: new Map(), artifactKey, offered: new Set(['m5.large', 'm6i.large', 'us-west-2a', 'us-west-2b']), declared: {}, attempt: 0 };

function values(parameters: Parameters, points: readonly RecoveryPoint[], offer: Partial<Offer> = {}) {
  const declared = Object.fromEntries(Object.keys(parameters).map((name) => [name, { hasDefault: false, noEcho: false }]));
  return parameterValues(parameters, choose(parameters, points), [{ ...PLAN, artifacts: ['code'] }], { ...OFFER, declared, ...offer });
}

const DATA: RestoreParameter = { kind: 'snapshot', device: '/dev/sdf' };

describe('which recovery point serves', () => {
  test('the only one needs neither plan nor name', () => {
    const only = point();
    expect(values({ Data: DATA, Root: { kind: 'snapshot', device: '/dev/sda1' } }, [only]).parameters).toEqual({ Data: snapshotAt(only, '/dev/sdf'), Root: snapshotAt(only, '/dev/sda1') });
  });

  test('of several instances the one with the device, the name or the plan', () => {
    const web = point({ instance: 'i-a', name: 'web', devices: ['/dev/sda1'] });
    const db = point({ instance: 'i-b', name: 'db' });
    const other = point({ instance: 'i-c', name: 'db', plan: 'q' });
    expect(choose({ Data: DATA }, [web, db]).of.get('Data')).toBe(db);
    expect(choose({ Root: { kind: 'snapshot', device: '/dev/sda1', name: 'web' } }, [web, db]).of.get('Root')).toBe(web);
    expect(choose({ Data: { ...DATA, plan: 'q' } }, [db, other]).of.get('Data')).toBe(other);
  });

  test('several that serve are refused, with what there is', () => {
    const [a, b] = [point({ instance: 'i-a', name: 'a' }), point({ instance: 'i-b', name: 'b' })];
    expect(() => choose({ Data: DATA }, [a, b])).toThrow(RestoreRefused);
    expect(() => choose({ Data: DATA }, [a, b])).toThrow(
      `parameter 'Data': several recovery points with a volume at /dev/sdf: 'a' ${a.set} of plan 'p' (/dev/sda1, /dev/sdf); 'b' ${b.set} of plan 'p' (/dev/sda1, /dev/sdf); name the plan or the instance, or ask for a set`);
  });

  test('none that serves is refused, with what there is, for all parameters at once', () => {
    const refusal = () => choose({ A: { ...DATA, device: '/dev/sdz' }, B: { kind: 'image', name: 'web' } }, [point({ name: 'db' })]);
    expect(refusal).toThrow(`parameter 'A': no recovery point with a volume at /dev/sdz; there are 'db' i-1@${at(T0)} of plan 'p' (/dev/sda1, /dev/sdf)`);
    expect(refusal).toThrow("parameter 'B': no recovery point with an image of instance 'web'");
    expect(() => choose({ A: DATA }, [])).toThrow('there are none');
  });

  test('a set that was asked for decides between instances', () => {
    const [a, b] = [point({ instance: 'i-a' }), point({ instance: 'i-b' })];
    expect(choose({ Data: DATA }, [a, b], [b]).of.get('Data')).toBe(b);
  });

  test('an instance of two plans serves with its newest point', () => {
    const [older, newer] = [point(), point({ plan: 'q', scheduled: T0 + HOUR })];
    expect(choose({ Data: DATA }, [older, newer]).of.get('Data')).toBe(newer);
  });

  test('an instance far behind its namesake was replaced by it', () => {
    const old = point({ instance: 'i-a', name: 'web', scheduled: T0 });
    const successor = point({ instance: 'i-b', name: 'web', scheduled: T0 + 5 * HOUR });
    const choice = choose({ Data: DATA }, [old, successor]);
    expect(choice.of.get('Data')).toBe(successor);
    expect(choice.warnings).toEqual([`i-b is taken to have replaced i-a (last set of ${old.takenAt})`]);
  });

  test('two RPOs are not far', () => {
    const twins = [point({ instance: 'i-a', name: 'web', scheduled: T0 }), point({ instance: 'i-b', name: 'web', scheduled: T0 + 4 * HOUR })];
    expect(() => choose({ Data: DATA }, twins)).toThrow('several recovery points');
  });

  test('one of another name is never taken for a successor', () => {
    const others = [point({ instance: 'i-a', name: 'web', scheduled: T0 }), point({ instance: 'i-b', name: 'db', scheduled: T0 + 50 * HOUR })];
    expect(() => choose({ Data: DATA }, others)).toThrow('several recovery points');
  });

  test('sets of different times are told', () => {
    const parameters: Parameters = { A: { ...DATA, name: 'a' }, B: { ...DATA, name: 'b' } };
    const points = [point({ instance: 'i-a', name: 'a' }), point({ instance: 'i-b', name: 'b', scheduled: T0 + HOUR })];
    expect(choose(parameters, points).warnings).toEqual([`the sets are of different times: ${at(T0)}, ${at(T0 + HOUR)}`]);
  });
});

describe('values', () => {
  const image = imageCopy('ami-1', { scheduled: T0 - HOUR });
  const withImage = point({ extra: { image: { image: image.image, source: 'ami-0', takenAt: at(T0 - HOUR) } } });

  test('an image older than its volumes is told', () => {
    const { parameters, warnings } = values({ Image: { kind: 'image' } }, [withImage]);
    expect(parameters).toEqual({ Image: 'ami-1' });
    expect(warnings).toEqual([`the image of i-1 is of ${at(T0 - HOUR)}, its volumes are of ${withImage.takenAt}`]);
  });

  test('instance types and zones: the first one offered, the next ones if there is no capacity, all zones first', () => {
    const parameters: Parameters = {
      Type: { kind: 'instance-type', candidates: ['x9.mega', 'm5.large', 'm6i.large'] },
      Zone: { kind: 'availability-zone', candidates: ['us-west-2a', 'us-west-2b', 'us-west-2z'] },
      Fixed: { kind: 'instance-type', candidates: ['m5.large'] },
    };
    const tried = [0, 1, 2, 3].map((attempt) => values(parameters, [], { attempt }).parameters);
    expect(tried).toEqual([
      { Type: 'm5.large', Zone: 'us-west-2a', Fixed: 'm5.large' },
      { Type: 'm5.large', Zone: 'us-west-2b', Fixed: 'm5.large' },
      { Type: 'm6i.large', Zone: 'us-west-2a', Fixed: 'm5.large' },
      { Type: 'm6i.large', Zone: 'us-west-2b', Fixed: 'm5.large' },
    ]);
    expect(() => values(parameters, [], { attempt: 4 })).toThrow('no capacity: all 4 candidates were tried');
  });

  test('no candidate that is offered is refused', () => {
    expect(() => values({ Type: { kind: 'instance-type', candidates: ['x9.mega', 'x8.mega'] } }, [])).toThrow("parameter 'Type': this Region offers none of x9.mega, x8.mega");
  });

  test('artifacts: bucket, key and the version of the inventory', () => {
    const inventory: ArtifactInventory = { version: 1, at: at(T0), pending: 2, objects: [{ bucket: 'code', key: 'a b/app.zip', etag: 'e', version: 'v7' }] };
    const parameters: Parameters = {
      Bucket: { kind: 'artifact-bucket' },
      Key: { kind: 'artifact-key', bucket: 'code', key: 'a b/app.zip' },
      Version: { kind: 'artifact-version', bucket: 'code', key: 'a b/app.zip' },
    };
    const found = values(parameters, [], { inventories: new Map([['p', inventory]]) });
    expect(found.parameters).toEqual({ Bucket: 'site-bucket', Key: 'artifacts/code/a b/app.zip', Version: 'v7' });
    expect(found.warnings).toEqual([`2 artifacts were missing or outdated at ${at(T0)}`]);
    expect(() => values({ V: { kind: 'artifact-version', bucket: 'code', key: 'gone.zip' } }, [], { inventories: new Map([['p', inventory]]) }))
      .toThrow(`parameter 'V': 'gone.zip' is not among the 1 artifacts of 'code' of ${at(T0)}`);
    expect(() => values(parameters, [])).toThrow("no inventory of the artifacts in 'code'");
  });

  test('a stale template is refused: what it does not declare, what it needs, what NoEcho hides', () => {
    const parameters: Parameters = { Old: { kind: 'value', value: 'x' }, Password: { kind: 'value', value: 'x' } };
    const declared = {
      Password: { hasDefault: false, noEcho: true }, New: { hasDefault: false, noEcho: false }, Size: { hasDefault: true, noEcho: false },
    };
    const refusal = () => values(parameters, [], { declared });
    expect(refusal).toThrow("parameter 'Old': the template does not declare it; it declares New, Password, Size");
    expect(refusal).toThrow("parameter 'New': the template declares it without default, and the restore has no value for it");
    expect(refusal).toThrow("parameter 'Password': it is NoEcho and gets no fixed value");
  });
});

test('a point is known by plan and set', () => {
  expect(pointId({ plan: 'p', set: setId('i-1', at(T0)) })).toBe(`p/i-1@${at(T0)}`);
});
