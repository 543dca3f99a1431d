import { HOUR, T0 } from './builders';
import { ARTIFACT, CODE, HERE, RecoveryAtWork, TEMPLATE, TEMPLATES } from './recovery-at-work';
import type { RestoreAnswer } from '../../src/ebs-snapshot-dr/contract';
import { FaultSchedule } from '../kit/faults';

/** The functions as shipped, in Lambda's runtime client, under their own roles; the source's Region does not answer. */
let recovery: RecoveryAtWork;

beforeAll(async () => {
  recovery = await RecoveryAtWork.start();
}, 120_000);
afterAll(async () => recovery?.stop());

function calls(operation: string) {
  return recovery.world.proxy.calls.filter((call) => `${call.service}:${call.operation}` === operation);
}

/** Until the drill under way is over. */
async function drillOn(): Promise<void> {
  for (let tick = 0; tick < 40 && calls('dynamodb:DeleteItem').length < 2; tick++) {
    recovery.world.lag(300);
    await recovery.drill();
  }
}

describe('restore', () => {
  let newest: string;
  let image: string;

  beforeEach(async () => {
    await recovery.begin();
    recovery.copy(T0);
    newest = recovery.copy(T0 + HOUR).id;
    image = recovery.image();
  });

  test('a change set with exact parameters, executed after its review; nothing asks the source', async () => {
    const review = await recovery.restore({ name: 'reviewed' });
    expect(review).toMatchObject({
      stack: 'recovery-restore-reviewed',
      status: 'review',
      parameters: { Data: newest, Type: 'm5.large', Zone: 'eu-west-1a', Image: image, Code: expect.stringMatching(/^[\w-]+$/) },
      changes: [{ logicalId: 'Server' }, { logicalId: 'Volume' }, { logicalId: 'Role' }].map((each) => ({ action: 'Add', ...each })),
    });
    expect((await recovery.restore({ name: 'reviewed' })).changeSet).toBe(review.changeSet);
    expect((await recovery.restore({ changeSet: review.changeSet })).status).toBe('executing');
    recovery.world.lag(300);
    expect((await recovery.restore({ name: 'reviewed' })).status).toBe('complete');
    expect(recovery.fakes.cloudFormation.there.filter(({ name }) => name === 'recovery-restore-reviewed')).toMatchObject([{ status: 'CREATE_COMPLETE' }]);
    expect(new Set(recovery.world.proxy.calls.map(({ region }) => region))).toEqual(new Set([HERE.region]));
  });

  test('a name of its own for each invocation without one', async () => {
    const [one, other] = [await recovery.restore(), await recovery.restore()];
    expect(one.stack).toMatch(/^recovery-restore-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(other.stack).not.toBe(one.stack);
  });

  test('no capacity: the next invocation tells, and takes the next zone', async () => {
    recovery.full.add('eu-west-1a');
    await recovery.restore({ name: 'full', execute: true });
    recovery.world.lag(300);
    const next = await recovery.restore({ name: 'full', execute: true });
    expect(next).toMatchObject({ status: 'executing', parameters: { Type: 'm5.large', Zone: 'eu-west-1b' } });
    expect(next.warnings[0]).toContain('failed for lack of capacity (Server: We currently do not have sufficient m5.large capacity');
  });

  test('what CloudFormation refuses is told with its reason, and nothing is executed', async () => {
    const { Role: _, ...others } = TEMPLATE.Resources;
    const stale = { ...TEMPLATE, Resources: { ...others, Named: { Type: 'AWS::IAM::Role', Properties: { RoleName: 'x' } } } };
    await recovery.world.upload(TEMPLATES, 'app.json', JSON.stringify(stale));
    await recovery.sync();
    await expect(recovery.restore({ name: 'refused', execute: true })).rejects.toMatchObject({
      name: 'RestoreRefused', message: 'CloudFormation refuses: Requires capabilities : [CAPABILITY_NAMED_IAM]',
    });
    expect(calls('cloudformation:ExecuteChangeSet')).toEqual([]);
  });

  test.each([
    ['a parameter without value', { ...TEMPLATE, Parameters: { ...TEMPLATE.Parameters, New: { Type: 'String' } } }, "parameter 'New': the template declares it without default"],
    ['no template at all', 'hello', 'CloudFormation refuses: '],
  ])('a stale template is refused before any change: %s', async (_, template, message) => {
    await recovery.world.upload(TEMPLATES, 'app.json', JSON.stringify(template));
    await recovery.sync();
    await expect(recovery.restore({ name: 'stale' })).rejects.toThrow(message);
    expect(calls('cloudformation:CreateChangeSet')).toEqual([]);
  });

  test('a request that is none is refused', async () => {
    await expect(recovery.restore({ name: '-' })).rejects.toMatchObject({ name: 'RestoreRefused' });
  });

  test.each([
    ['dynamodb:PutItem', 1], ['dynamodb:PutItem', 2], ['cloudformation:CreateChangeSet', 1], ['cloudformation:DescribeChangeSet', 1], ['cloudformation:ExecuteChangeSet', 1],
  ])('killed after %s %d: asked again it is one stack with one change set', async (operation, nth) => {
    const name = `killed-${operation.replace(':', '-')}-${nth}`;
    recovery.world.proxy.use(FaultSchedule.of({ operation, nth, fault: { kind: 'kill-after' } }));
    await expect(recovery.restore({ name, execute: true })).rejects.toMatchObject({ name: 'Runtime.ExitError' });
    recovery.world.proxy.use(FaultSchedule.none());
    const answer: RestoreAnswer = await recovery.restore({ name, execute: true });
    expect(answer.status).toBe('executing');
    const stacks = recovery.fakes.cloudFormation.stacks.filter((stack) => stack.name === `recovery-restore-${name}`);
    expect(stacks).toMatchObject([{ status: 'CREATE_IN_PROGRESS', changeSets: [{ execution: 'EXECUTE_COMPLETE' }] }]);
  });
});

describe('drill', () => {
  const start = (day: string) => ({ scheduledTime: `${day}T03:00:00Z` });

  beforeEach(async () => {
    await recovery.begin();
    recovery.copy(T0);
    recovery.image();
  });

  test('evidence anybody can verify with the public key; nothing is left', async () => {
    recovery.answerOfProbe({ ok: true, rows: 3 });
    await recovery.drill(start('2026-12-01'));
    await drillOn();
    const { evidence, signature, text } = await recovery.evidence('2026-12-01t03-00-00z');
    expect(evidence).toMatchObject({
      outcome: 'passed',
      site: 'recovery',
      leftovers: [],
      stages: { stackSeconds: 240, teardownSeconds: 60 },
      probe: { ok: true, rows: 3, asked: { drill: '2026-12-01t03-00-00z', outputs: { Volume: expect.stringContaining('Volume') } } },
    });
    expect(recovery.fakes.kms.verifies(recovery.signingKey, text, signature)).toBe(true);
    expect(recovery.fakes.kms.verifies(recovery.signingKey, text.replace('passed', 'failed'), signature)).toBe(false);
    expect(recovery.fakes.cloudFormation.there.filter(({ name }) => name.includes('2026-12-01'))).toEqual([]);
    expect(new Set(recovery.world.proxy.calls.map(({ region }) => region))).toEqual(new Set([HERE.region]));
  });

  test('a probe that throws fails the drill', async () => {
    recovery.answerOfProbe('throw');
    await recovery.drill(start('2026-12-02'));
    await drillOn();
    expect((await recovery.evidence('2026-12-02t03-00-00z')).evidence).toMatchObject({ outcome: 'failed', reason: 'the probe failed: TypeError: no rows', leftovers: [] });
  });

  test('a snapshot that a deletion policy leaves is in the evidence', async () => {
    const volume = { ...TEMPLATE.Resources.Volume, DeletionPolicy: 'Snapshot' };
    await recovery.world.upload(TEMPLATES, 'app.json', JSON.stringify({ ...TEMPLATE, Resources: { ...TEMPLATE.Resources, Volume: volume } }));
    await recovery.sync();
    await recovery.drill(start('2026-12-03'));
    await drillOn();
    expect((await recovery.evidence('2026-12-03t03-00-00z')).evidence).toMatchObject({ outcome: 'failed', leftovers: [expect.stringMatching(/^snap-\w+ \(snapshot\)$/)] });
  });

  test('killed after each step it is still one drill with one evidence', async () => {
    const operations = ['cloudformation:CreateChangeSet', 'cloudformation:ExecuteChangeSet', 'lambda:Invoke', 'cloudformation:DeleteStack', 'kms:Sign', 's3:PutObject'];
    recovery.world.proxy.use(FaultSchedule.of(...operations.map((operation) => ({ operation, nth: 1, fault: { kind: 'kill-after' as const } }))));
    await recovery.drill(start('2026-12-04')).catch(() => {});
    for (let tick = 0; tick < 40 && calls('dynamodb:DeleteItem').length < 2; tick++) {
      recovery.world.lag(300);
      await recovery.drill().catch(() => {});
    }
    const { evidence, signature, text } = await recovery.evidence('2026-12-04t03-00-00z');
    expect(evidence).toMatchObject({ outcome: 'passed', leftovers: [] });
    expect(recovery.fakes.kms.verifies(recovery.signingKey, text, signature)).toBe(true);
    expect(recovery.fakes.cloudFormation.stacks.filter(({ name }) => name.includes('2026-12-04'))).toMatchObject([{ status: 'DELETE_COMPLETE' }]);
    expect(recovery.world.runs.filter(({ outcome }) => outcome.kind !== 'ok').length).toBeGreaterThanOrEqual(operations.length - 1);
  });
});

describe('sync', () => {
  const ODD = ['a b+c/%41&=?.zip', 'ümläut/☃.txt', 'dir//twice', 'end/', '..a/.b', `${'long/'.repeat(150)}x`, "q'\"<>"];

  beforeEach(() => recovery.begin());

  test('objects with odd keys come along, byte for byte and once', async () => {
    for (const key of ODD) await recovery.world.upload(CODE, key, `of ${key}`, { ContentType: 'text/x-odd', Metadata: { who: 'me' } });
    await recovery.sync();
    for (const key of ODD) expect((await recovery.world.read(recovery.bucket, `artifacts/${CODE}/${key}`)).toString()).toBe(`of ${key}`);
    const copies = calls('s3:CopyObject').length;
    expect(copies).toBe(ODD.length);
    await recovery.sync();
    expect(calls('s3:CopyObject')).toHaveLength(copies);
    expect((await recovery.versions('inventories/')).filter((key) => key === 'inventories/gold.json')).toHaveLength(2);
  });

  test('an object that cannot be read costs no other one', async () => {
    for (const key of ['a', 'b']) await recovery.world.upload(CODE, key, key);
    recovery.world.proxy.use(FaultSchedule.of({ operation: 's3:CopyObject', nth: 1, fault: { kind: 'access-denied' } }));
    await recovery.sync();
    const inventory = JSON.parse((await recovery.world.read(recovery.bucket, 'inventories/gold.json')).toString()) as { pending: number; objects: Array<{ key: string }> };
    expect(inventory.pending).toBe(1);
    expect(inventory.objects).toHaveLength(2);
    expect(recovery.world.runs.at(-1)!.outcome.logs).toMatch(/"ArtifactsFailed":1/);
  });

  test('an error inside a copy\'s 200 is none', async () => {
    await recovery.world.upload(CODE, 'a', 'a');
    recovery.world.proxy.use(FaultSchedule.of({ operation: 's3:CopyObject', nth: 1, fault: { kind: 'error-in-200' } }));
    await recovery.sync();
    await recovery.sync();
    expect((await recovery.world.read(recovery.bucket, `artifacts/${CODE}/a`)).toString()).toBe('a');
  });

  test('a list of many pages is read to its end', async () => {
    recovery.world.proxy.use(FaultSchedule.of({ operation: 's3:ListObjectsV2', nth: 1, fault: { kind: 'short-page' } }));
    for (const key of ['a', 'b', 'c']) await recovery.world.upload(CODE, key, key);
    await recovery.sync();
    const inventory = JSON.parse((await recovery.world.read(recovery.bucket, 'inventories/gold.json')).toString()) as { objects: Array<{ key: string }> };
    expect(inventory.objects.map(({ key }) => key)).toEqual(['a', ARTIFACT, 'b', 'c']);
  });
});
