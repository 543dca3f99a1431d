import { constants, generateKeyPairSync, sign, verify } from 'node:crypto';
import { FlowAtWork, KEEP_LAST, PLAN, SITE, SOURCE } from './flow-at-work';
import { CREATION_MS, FakeStacks, StackModel } from './stack-model';
import type { DrillEvidence, RestoreAnswer, RestoreSettings } from '../../src/ebs-snapshot-dr/contract';
import { type DrillWorld, runDrill } from '../../src/ebs-snapshot-dr/handlers/drill-run';
import { LEDGER } from '../../src/ebs-snapshot-dr/handlers/ports';
import { SiteRecoveryPoints } from '../../src/ebs-snapshot-dr/handlers/recovery-points';
import { restore } from '../../src/ebs-snapshot-dr/handlers/restore-run';
import { FAIR, FakeEc2, FakeLedger, FakeObjects, HOUR, Line, MINUTE, type StoredInstance, type StoredSnapshot } from '../kit/fakes/ec2';

/** There, back, and home again: plans in both directions over one EC2, restores in between. */

const DEVICES = ['/dev/sda', '/dev/sdb'];
const RESTORE: RestoreSettings = {
  templateKey: 'templates/site.template',
  templateFrom: { bucket: 'templates', key: 'app.template' },
  stackPrefix: 'site',
  parameters: Object.fromEntries(DEVICES.map((device) => [device.replace('/dev/', ''), { kind: 'snapshot', device, name: 'app' }])),
  capabilities: [],
};
const PLANNED = { retention: KEEP_LAST(3) };
/** At sites no rule keeps anything, so that only what stands above all rules keeps copies incremental. */
const COPIED = { retention: KEEP_LAST(0) };
const SETTINGS = { restore: RESTORE, drill: { teardownAfterSeconds: 600, maxRestoreSeconds: 3600 } };
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The recovery side of a flow restores. */
class Recovery {
  public readonly stacks: StackModel;

  constructor(private readonly flow: FlowAtWork) {
    const declared = Object.fromEntries(Object.keys(RESTORE.parameters).map((name) => [name, { hasDefault: false, noEcho: false }]));
    this.stacks = new StackModel(flow.clock, { declared });
    flow.bucket.put(RESTORE.templateKey, '{}');
  }

  /** What the restored instance is made of: the copies' volumes are new ones. */
  public async failOver(): Promise<StoredInstance> {
    const { flow } = this;
    const { parameters } = await this.restore();
    flow.clock.advance(CREATION_MS);
    expect((await this.restore()).status).toBe('complete');
    const point = flow.points.at(-1)!;
    expect(parameters).toEqual(Object.fromEntries(point.members.map(({ device, snapshot }) => [device.replace('/dev/', ''), snapshot])));
    for (const id of Object.values(parameters)) expect(flow.model.find(id)).toMatchObject({ region: flow.to.region, state: 'completed' });
    return flow.model.addInstance({ ...flow.to, tags: { dr: 'gold', Name: 'app' }, volumes: DEVICES.map((device) => ({ device, sizeGiB: 10 })) });
  }

  public async drill(): Promise<{ readonly evidence: DrillEvidence; readonly verified: boolean }> {
    const { bucket, clock, tables } = this.flow;
    await this.run((world) => runDrill({ scheduledTime: '2026-11-22T10:00:00Z' }, world));
    while (tables.site.get(LEDGER.drill, 'current') !== undefined) {
      clock.advance(5 * MINUTE);
      await this.run((world) => runDrill({}, world));
    }
    const [text, signature] = ['json', 'sig'].map((end) => bucket.get(`evidence/2026-11-22t10-00-00z.${end}`)!.body);
    const verified = verify('sha256', Buffer.from(text), { key: publicKey, ...PSS }, Buffer.from(signature, 'base64'));
    return { evidence: JSON.parse(text) as DrillEvidence, verified };
  }

  private restore(): Promise<RestoreAnswer> {
    return this.run((world) => restore({ execute: true }, 'failover', world));
  }

  private async run<T>(work: (world: DrillWorld) => Promise<T>): Promise<T> {
    const { bucket, clock, model, siteSettings: settings, tables, to } = this.flow;
    const line = new Line({ principal: 'restore', clock, fates: FAIR });
    const ledger = new FakeLedger(tables.site, line);
    const ec2 = new FakeEc2(model, line, to);
    const end = await line.run(() => work({
      settings,
      bucket: 'bucket',
      bucketUrl: `https://bucket.s3.${to.region}.amazonaws.com`,
      objects: new FakeObjects(bucket, line),
      stacks: new FakeStacks(this.stacks, line),
      ec2,
      preflight: { keyUsable: async () => true, instanceTypes: async (all) => all, availabilityZones: async (all) => all },
      ledger,
      points: (rebuild) => new SiteRecoveryPoints({ ledger, ec2, clock, rebuild }),
      clock,
      probe: { invoke: async () => ({ ok: true }) },
      signer: { sign: async (text) => sign('sha256', Buffer.from(text), { key: privateKey, ...PSS }).toString('base64') },
      signingKey: 'arn:aws:kms:key/1',
      metrics: { count: () => {} },
      log: { info: () => {}, warn: () => {} },
      ending: new AbortController().signal,
    }));
    if (end.kind !== 'ok') throw end.kind === 'error' ? end.error : new Error('killed');
    return end.value;
  }
}

/** Both directions, and every snapshot there ever was. */
class RoundTrip {
  public readonly there: FlowAtWork;
  public readonly back: FlowAtWork;
  private readonly seen = new Map<string, StoredSnapshot>();

  constructor(planBack: string) {
    this.there = new FlowAtWork({ plan: PLANNED, site: COPIED, settings: SETTINGS });
    const name = { plan: planBack };
    const { model } = this.there;
    this.back = new FlowAtWork({ model, from: SITE, to: SOURCE, plan: { ...PLANNED, ...name }, site: { ...COPIED, ...name }, settings: SETTINGS });
  }

  /** An hour: sets of all that is selected, their copies, and what retention lets go, on all sides. */
  public async hour(): Promise<void> {
    const { clock } = this.there;
    const flows = [this.there, this.back];
    clock.advanceTo((Math.floor(clock.now() / HOUR) + 1) * HOUR);
    for (const flow of flows) await flow.ok('snapshot');
    for (let tick = 0; tick < 5; tick++) {
      clock.advance(5 * MINUTE);
      for (const verb of ['copy', 'watch'] as const) for (const flow of flows) await flow.ok(verb);
    }
    this.look();
    for (const verb of ['plan-prune', 'site-prune'] as const) for (const flow of flows) await flow.ok(verb);
    this.look();
  }

  /** By volume: whether each of its copies was incremental, in their order. */
  public copiesOf(volumes: StoredInstance['volumes']): boolean[][] {
    const copies = [...this.seen.values()].filter(({ source }) => source !== undefined).sort((a, b) => a.order - b.order);
    return volumes.map(({ id }) => copies.filter(({ lineage }) => lineage === id).map(({ incremental }) => incremental!));
  }

  public get deviations(): string[] {
    const all = [...this.seen.values()];
    const copies = all.filter(({ source }) => source !== undefined);
    return [
      ...copies.filter(({ source }) => this.seen.get(source!)?.source !== undefined).map(({ id }) => `${id} is a copy of a copy`),
      ...copies.filter(({ account, region, tags }) => tags['ebsdr:origin'] === `${account}/${region}`).map(({ id }) => `${id} was copied back to its origin`),
      ...copies.filter(({ source, id }) => copies.some((other) => other.source === source && other.id !== id)).map(({ source }) => `${source} was copied twice`),
      ...all.filter(({ deleted, state }) => !deleted && state !== 'completed').map(({ id, state }) => `${id} is ${state}`),
    ];
  }

  private look(): void {
    for (const place of [SOURCE, SITE]) for (const snapshot of this.there.model.all(place)) this.seen.set(snapshot.id, snapshot);
  }
}

const first = (count: number) => DEVICES.map(() => [false, ...Array.from({ length: count - 1 }, () => true)]);

test.each([['a name of its own', 'gold-back'], ['the same name', PLAN]])('the plan back has %s: ten hours in both directions, then home', async (_, planBack) => {
  const trip = new RoundTrip(planBack);
  const { back, there } = trip;
  const home = there.instance(2);
  const ofHome = home.volumes;
  await trip.hour();
  await trip.hour();
  const abroad = new Recovery(there);
  const { evidence, verified } = await abroad.drill();
  expect([evidence.outcome, evidence.leftovers, verified]).toEqual(['passed', [], true]);
  expect(abroad.stacks.there).toEqual([]);

  // The instance at home may still be there when its successor works.
  const away = await abroad.failOver();
  const ofAway = away.volumes;
  for (let hour = 0; hour < 10; hour++) await trip.hour();
  expect(trip.deviations).toEqual([]);
  // Volumes made of copies are new ones to EC2: of each, one copy is full.
  expect([trip.copiesOf(ofHome), trip.copiesOf(ofAway)]).toEqual([first(12), first(10)]);
  for (const flow of [there, back]) expect([flow.points.length, flow.copies().length, flow.originals().length]).toEqual([1, 2, 6]);

  there.model.terminate(home);
  const returned = await new Recovery(back).failOver();
  there.model.terminate(away);
  for (let hour = 0; hour < 3; hour++) await trip.hour();
  expect(trip.deviations).toEqual([]);
  expect([trip.copiesOf(returned.volumes), trip.copiesOf(ofAway)]).toEqual([first(3), first(10)]);
  expect(there.points.filter(({ instance }) => instance === returned.id)).toHaveLength(1);
});
