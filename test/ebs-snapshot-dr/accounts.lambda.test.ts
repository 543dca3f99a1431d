import { CopySnapshotCommand, DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { AccountsAtWork, DEFAULT_KEY, EXTERNAL_ID, MIGHTY, PLAN, SOURCE, STRANGER, VAULT, VOLUME_KEY } from './accounts-at-work';
import { metricsOf } from './side-at-work';
import { METRIC, type RestoreAnswer, setId, TAG } from '../../src/ebs-snapshot-dr/contract';
import { FaultSchedule } from '../kit/faults';
import { mintAccessKey } from '../kit/lambda-host';

/** A plan and its site in two accounts, as shipped, under their own roles. */
let accounts: AccountsAtWork;
beforeAll(async () => {
  accounts = await AccountsAtWork.start();
}, 120_000);
afterAll(() => accounts?.stop());
beforeEach(() => accounts.begin());

jest.setTimeout(120_000);

const DAY_MINUTES = 1440;

/** Credentials of somebody whose calls the vault's world judges. */
function credentials(accessKeyId: string) {
  return { endpoint: accounts.vault.proxy.endpoint, credentials: { accessKeyId, secretAccessKey: 'minted' }, maxAttempts: 1 };
}

function sourcesOfCopies(): string[] {
  return accounts.copies().map(({ source }) => source!).sort();
}

function idsOfOriginals(): string[] {
  return accounts.originals().map(({ id }) => id).sort();
}

describe('the whole way', () => {
  test('a set is shared, copied under the site\'s key, restored without the plan\'s account, and pruned on both sides', async () => {
    accounts.instance([{ device: '/dev/sda' }, { device: '/dev/sdf', sizeGiB: 20, key: VOLUME_KEY }]);
    await accounts.snapshot();
    // The site sees a set before it is shared.
    expect(metricsOf(await accounts.at('Copy'))).toMatchObject({ [METRIC.copiesStarted]: 0, [METRIC.copiesQueued]: 2 });
    expect((await accounts.of('Share')).payload).toEqual({ shared: 1 });
    expect(accounts.originals().map(({ sharedWith }) => [...sharedWith])).toEqual([[VAULT.account], [VAULT.account]]);
    accounts.advance(5);
    expect(metricsOf(await accounts.at('Copy'))).toMatchObject({ Plan: PLAN, Site: VAULT.region, [METRIC.copiesStarted]: 2, [METRIC.copiesLate]: 0 });
    expect(accounts.copies().map(({ account, key, transferType, tags }) => [account, key, transferType, tags[TAG.origin]])).toEqual(
      Array.from({ length: 2 }, () => [VAULT.account, accounts.key, 'time-based', `${SOURCE.account}/${SOURCE.region}`]));
    await accounts.ticks(3);
    const [point] = await accounts.points();
    expect(point.members.map(({ device, source }) => [device, accounts.model.find(source)!.region])).toEqual([['/dev/sda', SOURCE.region], ['/dev/sdf', SOURCE.region]]);
    // Everything until now was within the permissions of each role.
    expect([...accounts.plan.proxy.calls, ...accounts.vault.proxy.calls].filter(({ status }) => status === 403)).toEqual([]);

    accounts.close();
    const answer = (await accounts.at('Restore', { name: 'dark' })).payload as RestoreAnswer;
    expect(answer).toMatchObject({ status: 'review', parameters: { Data: point.members[1].snapshot }, changes: [{ logicalId: 'Volume' }] });
    const asked = accounts.vault.proxy.calls;
    expect([...new Set(asked.map(({ region }) => region))]).toEqual([VAULT.region]);
    expect(asked.filter(({ service }) => service === 'sts')).toEqual([]);
  });

  test('the site keeps by its retention at once, the plan what may still be copied as well', async () => {
    accounts.instance();
    for (let i = 0; i < 4; i++) await accounts.hour();
    expect(metricsOf(await accounts.at('Prune'))).toMatchObject({ [METRIC.setsDeleted]: 2, [METRIC.pruneHeld]: 0 });
    expect(metricsOf(await accounts.of('Prune'))).toMatchObject({ [METRIC.setsDeleted]: 0, [METRIC.pruneHeld]: 0 });
    expect([accounts.copies().length, (await accounts.points()).length, accounts.originals().length]).toEqual([2, 2, 4]);
    accounts.advance(5 * DAY_MINUTES);
    expect(metricsOf(await accounts.of('Prune'))).toMatchObject({ [METRIC.setsDeleted]: 2 });
    expect([accounts.originals().length, accounts.copies().length]).toEqual([2, 2]);
  });
});

describe('who takes the reader role', () => {
  const assume = (who: string, externalId?: string) => new STSClient({ region: VAULT.region, ...credentials(who) }).send(new AssumeRoleCommand({
    RoleArn: accounts.readerRole.arn, RoleSessionName: 'test', ExternalId: externalId,
  }));
  const keyOf = (arn: string) => `AKIA${arn.split(':')[4]}`;

  test.each<[string, () => string, string | undefined]>([
    ['without an external id', () => keyOf(MIGHTY.vault), undefined],
    ['with another plan\'s', () => keyOf(MIGHTY.vault), 'ebsdr:silver'],
    ['from a third account', () => keyOf(MIGHTY.stranger), EXTERNAL_ID],
    ['for the site\'s watch function, which was not allowed to', () => mintAccessKey(accounts.vault.functionOf('SiteWatch').arn), EXTERNAL_ID],
  ])('%s: nobody', async (_, who, externalId) => {
    await expect(assume(who(), externalId)).rejects.toMatchObject({ name: expect.stringMatching(/^AccessDenied/) });
  });

  test('sees the plan\'s Region, and changes nothing', async () => {
    accounts.instance();
    await accounts.snapshot();
    const { Credentials: session } = await assume(keyOf(MIGHTY.vault), EXTERNAL_ID);
    const reader = (region: string) => new EC2Client({ region, ...credentials(session!.AccessKeyId!) });
    const { Snapshots: seen } = await reader(SOURCE.region).send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    expect(seen!.map(({ Tags }) => Tags!.find(({ Key }) => Key === TAG.plan)?.Value)).toEqual([PLAN]);
    await expect(reader(VAULT.region).send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    await expect(reader(SOURCE.region).send(new CopySnapshotCommand({ SourceRegion: SOURCE.region, SourceSnapshotId: idsOfOriginals()[0] })))
      .rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  });
});

describe('what may go wrong between two accounts', () => {
  /** A set that is shared. */
  async function shared(): Promise<void> {
    accounts.instance();
    await accounts.snapshot();
    await accounts.of('Share');
  }

  test('the role is refused: the site\'s ticks go on, the RPO is missed aloud, and the sets are copied when it is back', async () => {
    await shared();
    accounts.use(FaultSchedule.of({ operation: 'sts:AssumeRole', fault: { kind: 'access-denied' } }));
    const { logs } = await accounts.at('Copy');
    expect(logs).toMatch(/"message":"the plan's Region does not answer".*"code":"AccessDenied/);
    const beat = async () => metricsOf(await accounts.at('Watch'))[METRIC.recoveryPointAge];
    expect(await beat()).toBe(0);
    accounts.advance(150);
    await accounts.at('Copy');
    expect(await beat()).toBeGreaterThan(2 * 3600);
    expect(accounts.copies()).toEqual([]);
    accounts.use(FaultSchedule.none());
    await accounts.ticks(3);
    expect(sourcesOfCopies()).toEqual(idsOfOriginals());
    expect(await accounts.points()).toHaveLength(1);
  });

  test('credentials that were promised to last are no longer good: within ten minutes there are others', async () => {
    accounts.instance();
    await accounts.snapshot();
    await accounts.at('Copy');
    await accounts.of('Share');
    accounts.sts.revokeAll();
    expect((await accounts.at('Copy')).logs).toMatch(/"code":"RequestExpired"/);
    accounts.advance(11);
    expect(metricsOf(await accounts.at('Copy'))).toMatchObject({ [METRIC.copiesStarted]: 1 });
    expect(accounts.sts.assumed).toHaveLength(2);
  });

  test('a warm function asks for others before they end, and no more often', async () => {
    for (let i = 0; i < 7; i++) {
      expect((await accounts.at('Copy')).logs).not.toContain('does not answer');
      accounts.advance(5);
    }
    expect(accounts.sts.assumed.length).toBeGreaterThan(2);
    expect(accounts.sts.assumed.length).toBeLessThan(5);
  });

  test('a share that was taken back costs its own set and no other', async () => {
    await shared();
    const [revoked] = idsOfOriginals();
    accounts.originals()[0].sharedWith.clear();
    await accounts.ticks(4);
    expect([sourcesOfCopies(), await accounts.points()]).toEqual([[], []]);
    await accounts.hour();
    expect(sourcesOfCopies()).toEqual(idsOfOriginals().filter((id) => id !== revoked));
    expect(await accounts.points()).toHaveLength(1);
  });

  test('what is under the key aws/ebs is not shared: the function fails with EC2\'s words, other sets go on', async () => {
    const bad = accounts.instance([{ device: '/dev/sdf', key: DEFAULT_KEY }]);
    const good = accounts.instance();
    await accounts.snapshot();
    const { kind, error, logs } = await accounts.of('Share');
    expect([kind, error?.errorType]).toEqual(['error', 'Unfinished']);
    expect(logs).toMatch(/"set":"i-.*"code":"OperationNotPermitted","reason":"Encrypted snapshots with EBS default key cannot be shared"/);
    expect(error!.errorMessage).toContain(bad.id);
    await accounts.ticks(3);
    expect((await accounts.points()).map(({ instance }) => instance)).toEqual([good.id]);
  });

  test('a stranger\'s snapshots with forged tags, shared with everybody concerned, are neither copied nor counted nor deleted', async () => {
    const instance = accounts.instance();
    const forged = (region: string, tags: Record<string, string> = {}) => {
      const set = setId(instance.id, `${new Date(accounts.model.clock.now()).toISOString().slice(0, 19)}Z`);
      const snapshot = accounts.model.plant({ account: STRANGER, region }, {
        startedAt: accounts.model.clock.now(),
        volume: instance.volumes[0].id,
        tags: { [TAG.plan]: PLAN, [TAG.set]: set, [TAG.members]: '1', [TAG.origin]: `${SOURCE.account}/${SOURCE.region}`, [TAG.devices]: `sdf=${instance.volumes[0].id}`, ...tags },
      });
      accounts.model.shareSnapshot({ account: STRANGER, region }, snapshot.id, [SOURCE.account, VAULT.account]);
      return snapshot;
    };
    const original = forged(SOURCE.region);
    const copy = forged(VAULT.region, { [TAG.source]: 'snap-0bad', [TAG.volume]: instance.volumes[0].id, [TAG.device]: '/dev/sdf', [TAG.taken]: new Date(0).toISOString() });
    const error = accounts.model.plant({ account: STRANGER, region: VAULT.region }, { ...copy, id: 'snap-0bad2', state: 'error', tags: copy.tags });
    accounts.model.shareSnapshot({ account: STRANGER, region: VAULT.region }, error.id, [VAULT.account]);
    accounts.advance(10);
    await accounts.ticks(2);
    for (const prune of [accounts.of('Prune'), accounts.at('Prune')]) expect(metricsOf(await prune)).toMatchObject({ [METRIC.setsDeleted]: 0 });
    expect([accounts.copies(), await accounts.points()]).toEqual([[], []]);
    expect([original, copy, error].map(({ deleted }) => deleted)).toEqual([false, false, false]);
    // Nor could the copy function, if it took one for the plan's.
    const copier = new EC2Client({ region: VAULT.region, ...credentials(mintAccessKey(accounts.vault.functionOf('SiteCopy').arn)) });
    const copying = (SourceSnapshotId: string) => copier.send(new CopySnapshotCommand({
      SourceRegion: SOURCE.region, SourceSnapshotId, Encrypted: true, KmsKeyId: accounts.key, TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: TAG.plan, Value: PLAN }] }],
    }));
    await expect(copying(original.id)).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    await accounts.snapshot();
    await accounts.of('Share');
    expect((await copying(idsOfOriginals()[0])).SnapshotId).toMatch(/^snap-/);
  });

  test('the plan\'s account is gone for good: the site keeps its retention and restores, its age grows', async () => {
    accounts.instance();
    for (let i = 0; i < 3; i++) await accounts.hour();
    accounts.close();
    accounts.advance(60 * DAY_MINUTES);
    await accounts.ticks(1);
    expect(metricsOf(await accounts.at('Prune'))).toMatchObject({ [METRIC.setsDeleted]: 1, [METRIC.pruneHeld]: 0 });
    accounts.advance(60 * DAY_MINUTES);
    expect(metricsOf(await accounts.at('Prune'))).toMatchObject({ [METRIC.setsDeleted]: 0, [METRIC.pruneHeld]: 0 });
    const points = await accounts.points();
    expect([points.length, accounts.copies().length]).toEqual([2, 2]);
    expect(metricsOf(await accounts.at('Watch'))[METRIC.recoveryPointAge]).toBeGreaterThan(119 * 86_400);
    const { parameters } = (await accounts.at('Restore', { name: 'alone' })).payload as RestoreAnswer;
    expect(parameters).toEqual({ Data: points[1].members[0].snapshot });
  });
});
