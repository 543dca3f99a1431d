import { T0 } from './builders';
import { PLAN, REGION, RESTORE, SETTINGS, TEMPLATE_KEY } from './site-at-work';
import { type ArtifactInventory, METRIC, type SiteSettings } from '../../src/ebs-snapshot-dr/contract';
import { artifactKey } from '../../src/ebs-snapshot-dr/handlers/inventory';
import { ranges } from '../../src/ebs-snapshot-dr/handlers/objects-s3';
import { type Artifacts, LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';
import { sync } from '../../src/ebs-snapshot-dr/handlers/sync-run';
import { Bucket, FAIR, type Fates, fateAt, FakeLedger, FakeObjects, LedgerTable, Line, VirtualClock } from '../kit/fakes/ec2';

const INVENTORY = 'inventories/p.json';
const ODD_KEYS = ['a b+c/%41.zip', 'ümläut/☃.txt', 'dir//twice', '../up', '.', 'end/', "q'&=?#\"<>"];
const WITHOUT_RESTORE: SiteSettings = { ...SETTINGS, restore: undefined, drill: undefined, plans: [{ ...PLAN, artifacts: ['code'] }] };

/** Buckets of the source Region and of the site. */
class Buckets {
  public readonly clock = new VirtualClock(T0);
  public readonly table = new LedgerTable(REGION, () => this.clock.now());
  public readonly site = new Bucket(REGION);
  /** By bucket and key: content. */
  public readonly sources = new Map<string, Map<string, string>>([['code', new Map()], ['templates', new Map([['app.template', '{}']])]]);
  /** Buckets that do not answer. */
  public readonly dark = new Set<string>();
  public readonly unreadable = new Set<string>();
  public readonly copied: string[] = [];
  public readonly failures: number[] = [];
  public ending = new AbortController();
  /** Happens between list and copy. */
  public meanwhile?: (key: string) => void;
  public line!: Line;

  constructor(private readonly settings: SiteSettings = WITHOUT_RESTORE) {}

  public put(key: string, body: string, bucket = 'code'): void {
    this.sources.get(bucket)!.set(key, body);
  }

  public async sync(fates: Fates = FAIR): Promise<'ok' | 'error' | 'killed'> {
    const line = this.line = new Line({ principal: 'sync', clock: this.clock, fates });
    const end = await line.run(() => sync({
      settings: this.settings,
      region: REGION,
      artifacts: (region) => this.artifacts(region, line),
      objects: new FakeObjects(this.site, line),
      ledger: new FakeLedger(this.table, line),
      clock: this.clock,
      metrics: {
        count: (plan, metric, value) => {
          if (plan === 'p' && metric === METRIC.artifactsFailed) this.failures.push(value);
        },
      },
      log: { info: () => {}, warn: () => {} },
      ending: this.ending.signal,
    }));
    return end.kind;
  }

  public inventory(): Omit<ArtifactInventory, 'version' | 'at'> {
    const { objects, pending } = JSON.parse(this.site.get(INVENTORY)!.body) as ArtifactInventory;
    return { objects, pending };
  }

  /** What a restore would read: content by key. */
  public restored(): Readonly<Record<string, string>> {
    const { key, version } = this.table.get(LEDGER.inventory, 'p') as unknown as { readonly key: string; readonly version: string };
    const { objects } = JSON.parse(this.site.get(key, version)!.body) as ArtifactInventory;
    return Object.fromEntries(objects.map((object) => [object.key, this.site.get(artifactKey(object.bucket, object.key), object.version)!.body]));
  }

  private artifacts(region: string, line: Line): Artifacts {
    const objects = (bucket: string) => {
      if (this.dark.has(bucket)) throw Object.assign(new Error('connect ETIMEDOUT'), { name: 'TimeoutError' });
      return [...this.sources.get(bucket)!].map(([key, body]) => ({ key, etag: `etag of ${body}`, size: body.length }));
    };
    return {
      list: (bucket) => line.call('s3', 'ListObjectsV2', region, () => objects(bucket)),
      find: (bucket, key) => line.call('s3', 'HeadObject', region, () => objects(bucket).find((object) => object.key === key)),
      copy: (bucket, { key, etag }, target, signal) => line.call('s3', 'CopyObject', REGION, () => {
        this.meanwhile?.(key);
        signal.throwIfAborted();
        if (this.unreadable.has(key)) throw Object.assign(new Error('Access Denied'), { name: 'AccessDenied' });
        const body = this.sources.get(bucket)!.get(key);
        if (body === undefined || etag !== `etag of ${body}`) return undefined;
        this.copied.push(key);
        return this.site.put(target, body);
      }),
    };
  }
}

test('new and changed objects are copied, once, whatever their keys', async () => {
  const buckets = new Buckets();
  for (const key of ODD_KEYS) buckets.put(key, `1 ${key}`);
  await buckets.sync();
  expect(buckets.restored()).toEqual(Object.fromEntries(ODD_KEYS.map((key) => [key, `1 ${key}`])));
  buckets.put('.', '2');
  buckets.copied.length = 0;
  await buckets.sync();
  expect(buckets.copied).toEqual(['.']);
  expect(buckets.restored()['.']).toBe('2');
  await buckets.sync();
  expect(buckets.copied).toEqual(['.']);
  expect(buckets.failures).toEqual([0, 0, 0]);
});

test('an inventory is written only if something has changed', async () => {
  const buckets = new Buckets();
  buckets.put('a', '1');
  await buckets.sync();
  const noted = buckets.table.get(LEDGER.inventory, 'p');
  buckets.clock.advance(900_000);
  await buckets.sync();
  expect(buckets.table.get(LEDGER.inventory, 'p')).toEqual(noted);
});

test('what was deleted leaves the inventory, and older inventories still find it', async () => {
  const buckets = new Buckets();
  buckets.put('a', '1');
  buckets.put('b', '1');
  await buckets.sync();
  const before = buckets.restored();
  const older = buckets.table.get(LEDGER.inventory, 'p')!;
  buckets.sources.get('code')!.delete('a');
  await buckets.sync();
  expect(buckets.restored()).toEqual({ b: '1' });
  buckets.table.write(older);
  expect(buckets.restored()).toEqual(before);
});

test('an object that cannot be read costs no other one, and its last version stays', async () => {
  const buckets = new Buckets();
  for (const key of ['a', 'b', 'c']) buckets.put(key, '1');
  buckets.unreadable.add('c');
  await buckets.sync();
  expect(buckets.restored()).toEqual({ a: '1', b: '1' });
  buckets.put('a', '2');
  buckets.put('b', '2');
  buckets.unreadable.add('a');
  await buckets.sync();
  expect(buckets.restored()).toEqual({ a: '1', b: '2' });
  expect(buckets.inventory().pending).toBe(2);
  expect(buckets.failures).toEqual([1, 2]);
});

test.each(['dark', 'empty'])('a bucket that is %s changes nothing', async (how) => {
  const buckets = new Buckets();
  buckets.put('a', '1');
  await buckets.sync();
  if (how === 'dark') buckets.dark.add('code');
  else buckets.sources.get('code')!.clear();
  await buckets.sync();
  expect(buckets.restored()).toEqual({ a: '1' });
  expect(buckets.failures).toEqual([0, 1]);
});

test('a bucket that never had anything is no failure', async () => {
  const buckets = new Buckets();
  await buckets.sync();
  expect([buckets.inventory(), buckets.failures]).toEqual([{ objects: [], pending: 0 }, [0]]);
});

test('nothing is begun when there is no time', async () => {
  const buckets = new Buckets();
  buckets.put('a', '1');
  buckets.ending.abort();
  await buckets.sync();
  expect(buckets.line.calls.filter(({ operation }) => operation === 'CopyObject')).toEqual([]);
  expect([buckets.inventory(), buckets.failures]).toEqual([{ objects: [], pending: 1 }, [0]]);
});

test('one bucket that is dark costs no other one', async () => {
  const buckets = new Buckets({ ...WITHOUT_RESTORE, plans: [{ ...PLAN, artifacts: ['gone', 'code'] }] });
  buckets.sources.set('gone', new Map());
  buckets.dark.add('gone');
  buckets.put('a', '1');
  await buckets.sync();
  expect(buckets.restored()).toEqual({ a: '1' });
});

test('an object that changes between list and copy waits for the next run', async () => {
  const buckets = new Buckets();
  buckets.put('a', '1');
  buckets.meanwhile = (key) => buckets.put(key, '2');
  await buckets.sync();
  expect(buckets.inventory()).toEqual({ objects: [], pending: 1 });
  buckets.meanwhile = undefined;
  await buckets.sync();
  expect(buckets.restored()).toEqual({ a: '2' });
  expect(buckets.failures).toEqual([0, 0]);
});

test('what was not copied in time is copied by the next runs, small ones first', async () => {
  const buckets = new Buckets();
  for (let n = 1; n <= 30; n++) buckets.put(`${n}`, 'x'.repeat(n));
  let runs = 0;
  for (; buckets.copied.length < 30; runs++) {
    buckets.ending = new AbortController();
    const until = buckets.copied.length + 12;
    buckets.meanwhile = () => {
      if (buckets.copied.length >= until - 1) buckets.ending.abort();
    };
    await buckets.sync();
    expect(Object.keys(buckets.restored())).toHaveLength(buckets.copied.length);
    expect(buckets.inventory().pending).toBe(30 - buckets.copied.length);
  }
  expect(runs).toBeGreaterThan(2);
  expect(new Set(buckets.copied).size).toBe(30);
  expect(Math.max(...buckets.copied.slice(0, 8).map(Number))).toBeLessThan(20);
});

describe('the template', () => {
  const settings: SiteSettings = { ...SETTINGS, restore: RESTORE };

  test('comes whenever it changes', async () => {
    const buckets = new Buckets(settings);
    await buckets.sync();
    await buckets.sync();
    expect(buckets.site.get(TEMPLATE_KEY)).toEqual({ version: 'v1', body: '{}' });
    buckets.put('app.template', '{ "Resources": {} }', 'templates');
    await buckets.sync();
    expect(buckets.site.get(TEMPLATE_KEY)!.body).toBe('{ "Resources": {} }');
  });

  test('that changes while it is copied comes with the next run', async () => {
    const buckets = new Buckets(settings);
    await buckets.sync();
    buckets.put('app.template', 'new', 'templates');
    buckets.meanwhile = () => buckets.put('app.template', 'newer', 'templates');
    await buckets.sync();
    expect(buckets.site.get(TEMPLATE_KEY)?.body).toBe('{}');
    buckets.meanwhile = undefined;
    buckets.put('app.template', 'new', 'templates');
    await buckets.sync();
    expect(buckets.site.get(TEMPLATE_KEY)?.body).toBe('new');
  });

  test('that somebody deleted at the site comes again', async () => {
    const buckets = new Buckets(settings);
    await buckets.sync();
    buckets.site.remove(TEMPLATE_KEY);
    await buckets.sync();
    expect(buckets.site.get(TEMPLATE_KEY)?.body).toBe('{}');
  });

  test('that is gone stays as it was, and counts as failed', async () => {
    const buckets = new Buckets(settings);
    await buckets.sync();
    buckets.sources.get('templates')!.clear();
    await buckets.sync();
    expect(buckets.site.get(TEMPLATE_KEY)!.body).toBe('{}');
    expect(buckets.failures).toEqual([0, 1]);
  });
});

test.each(['killed-before', 'killed-after', 'lost', 'late', 'refused'] as const)('%s at any call: the next run makes it whole', async (fate) => {
  const prepared = () => {
    const buckets = new Buckets({ ...SETTINGS, plans: [{ ...PLAN, artifacts: ['code'] }] });
    for (const key of ['a', 'b']) buckets.put(key, key);
    return buckets;
  };
  const fair = prepared();
  await fair.sync();
  for (let n = 1; n <= fair.line.calls.length; n++) {
    const buckets = prepared();
    await buckets.sync(fateAt(n, fate));
    buckets.clock.advance(900_000);
    await buckets.sync();
    expect(buckets.restored()).toEqual({ a: 'a', b: 'b' });
    expect(buckets.inventory().pending).toBe(0);
    expect(buckets.site.get(TEMPLATE_KEY)!.body).toBe('{}');
  }
});

test.each([
  [5 * 2 ** 30 + 1, 6],
  [50e12, 10_000],
])('parts of %d bytes are %d, without a gap', (size, parts) => {
  const all = ranges(size).map(({ part, range }) => [part, ...range.slice('bytes='.length).split('-').map(Number)]);
  expect(all).toHaveLength(parts);
  expect(all[0]).toEqual([1, 0, all[0][2]]);
  expect(all.at(-1)![2]).toBe(size - 1);
  expect(all.slice(1).every(([part, from], n) => part === n + 2 && from === all[n][2] + 1)).toBe(true);
  expect(Math.max(...all.map(([, from, until]) => until - from + 1))).toBeLessThanOrEqual(5 * 2 ** 30);
});
