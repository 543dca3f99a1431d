import {
  Bucket, Ec2Model, EPOCH, fateAt, FakeEc2, FakeLedger, FakeObjects, FakeQuotas, LedgerTable, Line, MINUTE, seededFates, VirtualClock,
  type Durations, type Fate, type Fates,
} from './index';

const HERE = { account: '111111111111', region: 'us-east-1' };
const EXACT: Durations = { snapshotMs: () => 3 * MINUTE, copyMs: () => 8 * MINUTE };

function world(fates?: Fates) {
  const model = new Ec2Model({ durations: EXACT });
  const instance = model.addInstance({ ...HERE, tags: { dr: 'gold' }, volumes: [{ device: '/dev/sdf' }] });
  const line = new Line({ principal: 'snapshot', clock: model.clock, fates });
  const ec2 = new FakeEc2(model, line, HERE);
  const take = () => ec2.createSnapshots({ instance: instance.id, excludeVolumes: [], excludeRoot: false, copyVolumeTags: false, tags: {}, description: '' });
  return { model, instance, line, ec2, take };
}

describe('the clock', () => {
  test('runs what is due in order, and stands still in between', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    for (const [due, name] of [[30, 'c'], [10, 'a'], [30, 'd'], [20, 'b']] as const) clock.after(due, () => seen.push(`${name}${clock.now() - EPOCH}`));
    clock.advance(20);
    expect(seen).toEqual(['a10', 'b20']);
    expect(clock.next).toBe(EPOCH + 30);
    clock.advance(100);
    expect([seen.slice(2), clock.now() - EPOCH]).toEqual([['c30', 'd30'], 120]);
  });

  test('goes on when everybody sleeps', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const sleeper = async (name: string, ...naps: number[]) => {
      for (const nap of naps) {
        await clock.sleep(nap);
        seen.push(`${name}${clock.now() - EPOCH}`);
      }
    };
    clock.after(15, () => seen.push('x15'));
    await Promise.all([sleeper('a', 10, 10), sleeper('b', 5, 30)]);
    expect(seen).toEqual(['b5', 'a10', 'x15', 'a20', 'b35']);
  });

  test('keeps a hundred thousand things in order', () => {
    const clock = new VirtualClock();
    let [last, wrong] = [0, 0];
    for (let i = 0; i < 100_000; i++) {
      const due = (i * 7919) % 100_003;
      clock.after(due, () => {
        wrong += due < last ? 1 : 0;
        last = due;
      });
    }
    clock.advance(200_000);
    expect([wrong, clock.next]).toEqual([0, Infinity]);
  });
});

describe('a line', () => {
  test.each<[Fate, string, number, number]>([
    ['refused', 'InternalError', 0, 0],
    ['throttled', 'RequestLimitExceeded', 0, 0],
    ['lost', 'TimeoutError', 1, 1],
    ['late', 'TimeoutError', 0, 1],
  ])('%s: the caller sees %s, and what is made is there at once %d, later %d', async (fate, name, atOnce, later) => {
    const { line, model, take } = world((call) => call.operation === 'CreateSnapshots' ? fate : 'fine');
    expect(await line.run(take)).toEqual({ kind: 'error', error: expect.objectContaining({ name }) });
    expect(model.count(HERE)).toBe(atOnce);
    model.clock.advance(2 * MINUTE);
    expect(model.count(HERE)).toBe(later);
  });

  test.each<[Fate, number]>([['killed-before', 0], ['killed-after', 1]])('%s: the run hears nothing any more', async (fate, made) => {
    const { line, model, take } = world(fateAt(1, fate));
    const seen: string[] = [];
    expect(await line.run(async () => {
      await take().catch(() => seen.push('caught'));
      seen.push('went on');
    })).toEqual({ kind: 'killed' });
    expect([seen, model.count(HERE)]).toEqual([[], made]);
  });

  test('a run whose time is over calls nobody any more', async () => {
    const { line, model, take } = world();
    const run = line.run(async () => {
      await model.clock.sleep(MINUTE);
      await take();
    });
    line.kill();
    expect(await run).toEqual({ kind: 'killed' });
    model.clock.advance(2 * MINUTE);
    await new Promise((resolve) => setImmediate(resolve));
    expect([line.calls.length, model.count(HERE)]).toEqual([0, 0]);
  });

  test('lists can lie', async () => {
    const { ec2, line, model } = world((call) => (['fine', 'empty', 'partial'] as const)[call.n - 1]);
    for (let i = 0; i < 20; i++) model.plant(HERE, { tags: {} });
    const [all, none, some] = [await ec2.snapshots({}), await ec2.snapshots({}), await ec2.snapshots({})].map(({ length }) => length);
    expect([all, none]).toEqual([20, 0]);
    expect(some).toBeGreaterThan(0);
    expect(some).toBeLessThan(20);
    expect(line.calls.map(({ operation }) => operation)).toEqual(['DescribeSnapshots', 'DescribeSnapshots', 'DescribeSnapshots']);
  });

  test('a slow answer takes virtual time, and ends the wait of whoever has a timeout', async () => {
    const { ec2, instance, model } = world(() => 'slow');
    const request = { instance: instance.id, excludeVolumes: [], excludeRoot: false, copyVolumeTags: false, tags: {}, description: '', timeoutMs: 1 };
    await expect(ec2.createSnapshots(request)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(model.count(HERE)).toBe(1);
    expect(model.clock.now()).toBeGreaterThan(EPOCH);
  });

  test('fates come from the seed, and only those a call can suffer', () => {
    const drawn = (seed: number) => {
      const fates = seededFates(seed, { empty: 0.5, late: 0.5 });
      return Array.from({ length: 200 }, (_, n) => fates({ principal: 'p', service: 'ec2', operation: 'X', region: 'r', n, reads: n % 2 === 0 }));
    };
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
    drawn(1).forEach((fate, n) => expect(fate).not.toBe(n % 2 === 0 ? 'late' : 'empty'));
    expect(new Set(drawn(1))).toEqual(new Set(['fine', 'empty', 'late']));
  });
});

describe('ports', () => {
  test('throttles are tried again, on the virtual clock', async () => {
    const { ec2, model } = world();
    for (let i = 0; i < 100; i++) model.admit(HERE, 'DescribeInstances');
    expect(await ec2.instances()).toHaveLength(1);
    expect(model.clock.now()).toBeGreaterThan(EPOCH);
  });

  test('each page takes a token', async () => {
    const { ec2, model } = world();
    for (let i = 0; i < 2500; i++) model.plant(HERE, { tags: {} });
    for (let i = 0; i < 97; i++) model.admit(HERE, 'DescribeSnapshots');
    expect(await ec2.snapshots({})).toHaveLength(2500);
    expect(() => model.admit(HERE, 'DescribeSnapshots')).toThrow(/limit/);
  });

  test('what is terminated is no instance; ids that are not there are left out', async () => {
    const { ec2, instance, model, take } = world();
    const [{ snapshot }] = await take();
    expect((await ec2.snapshots({ ids: [snapshot, 'snap-0123'] })).map(({ snapshot: id, state }) => [id, state])).toEqual([[snapshot, 'pending']]);
    expect(await ec2.images({ ids: ['ami-0123'] })).toEqual([]);
    model.terminate(instance);
    expect(await ec2.instances()).toEqual([]);
  });

  test('images in use are those of launch templates, groups, configurations and instances', async () => {
    const { ec2, model } = world();
    model.addInstance({ ...HERE, image: 'ami-1', volumes: [] });
    model.terminate(model.addInstance({ ...HERE, image: 'ami-2', volumes: [] }));
    model.use({ ...HERE, kind: 'launch-configuration', id: 'c', name: 'c', image: 'ami-3' });
    expect(await ec2.imagesInUse(['ami-1', 'ami-2', 'ami-3', 'ami-4'])).toEqual(new Set(['ami-1', 'ami-3']));
  });

  test('the quota is the model\'s', async () => {
    const { line, model } = world();
    model.setCopyLimit('us-east-1', 5);
    expect(await new FakeQuotas(model, line, 'us-east-1').concurrentSnapshotCopies()).toBe(5);
  });
});

describe('the ledger', () => {
  function ledger() {
    const clock = new VirtualClock();
    const table = new LedgerTable('us-east-1', () => clock.now());
    return { clock, table, ledger: new FakeLedger(table, new Line({ principal: 'p', clock })) };
  }

  test('claims once, and writes only over what it knows', async () => {
    const { ledger: items } = ledger();
    expect(await items.claim({ pk: 'a', sk: '1', at: 1 })).toBe(true);
    expect(await items.claim({ pk: 'a', sk: '1', at: 2 })).toBe(false);
    expect(await items.put({ pk: 'a', sk: '1', at: 3 }, 2)).toBe(false);
    expect(await items.put({ pk: 'a', sk: '1', at: 3 }, 1)).toBe(true);
    expect(await items.put({ pk: 'a', sk: '1', at: 4 })).toBe(true);
    expect(await items.put({ pk: 'a', sk: '2', at: 4 }, 1)).toBe(false);
    expect(await items.get('a', '1')).toEqual({ pk: 'a', sk: '1', at: 4 });
  });

  test('lists in order, from a key on', async () => {
    const { ledger: items } = ledger();
    for (const sk of ['b', 'd', 'a', 'c']) await items.claim({ pk: 'x', sk, at: 1 });
    await items.remove('x', 'c');
    const keys = async (from?: string) => (await items.list('x', from)).map(({ sk }) => sk);
    expect([await keys(), await keys('b'), await keys('bb'), await keys('e')]).toEqual([['a', 'b', 'd'], ['b', 'd'], ['d'], []]);
    await items.claim({ pk: 'x', sk: 'aa', at: 1 });
    expect(await keys()).toEqual(['a', 'aa', 'b', 'd']);
  });

  test('drops what has expired, not at once', async () => {
    const { clock, ledger: items } = ledger();
    await items.claim({ pk: 'x', sk: 'a', at: 1, expires: EPOCH / 1000 + 60 });
    clock.advance(2 * MINUTE);
    expect(await items.list('x')).toHaveLength(1);
    clock.advance(86_400_000);
    expect([await items.list('x'), await items.get('x', 'a')]).toEqual([[], undefined]);
  });

  test('keeps what was written, whatever becomes of the object', async () => {
    const { ledger: items } = ledger();
    const sets = ['a'];
    await items.claim({ pk: 'x', sk: 'a', at: 1, sets });
    sets.push('b');
    expect((await items.get('x', 'a'))!.sets).toEqual(['a']);
  });
});

test('objects have versions, and a removed one is still there by its version', async () => {
  const clock = new VirtualClock();
  const objects = new FakeObjects(new Bucket('us-west-2'), new Line({ principal: 'p', clock }));
  const { version } = await objects.put('k', 'one');
  await objects.put('k', 'three');
  expect([await objects.get('k'), await objects.get('k', version)]).toEqual(['three', 'one']);
  expect(await objects.head('k')).toMatchObject({ size: 5 });
  await objects.remove('k');
  expect([await objects.get('k'), await objects.head('k'), await objects.get('k', version)]).toEqual([undefined, undefined, 'one']);
});
