import { ConditionalCheckFailedException, type PutItemCommand, type QueryCommand } from '@aws-sdk/client-dynamodb';
import { type Ec2Connection, SdkEc2 } from '../../src/ebs-snapshot-dr/handlers/ec2-client';
import { SsmFreezer } from '../../src/ebs-snapshot-dr/handlers/freezer-ssm';
import { LedgerTable } from '../../src/ebs-snapshot-dr/handlers/ledger-table';
import { ServiceQuotas } from '../../src/ebs-snapshot-dr/handlers/quotas';
import { VirtualClock } from '../kit/fakes/ec2';

/** What stands between the runs and the SDK, where the emulator and the model have no way to be difficult. */

type Answer = (name: string, input: Readonly<Record<string, unknown>>) => unknown;

/** A client that answers by the name of the command, and what it was asked. */
function clientOf(answer: Answer) {
  const asked: Array<readonly [string, Readonly<Record<string, unknown>>]> = [];
  const send = async (command: { readonly input: Readonly<Record<string, unknown>> }) => {
    const name = command.constructor.name.replace(/Command$/, '');
    asked.push([name, command.input]);
    return answer(name, command.input);
  };
  return { asked, client: { send } as never, names: () => asked.map(([name]) => name) };
}

const failing = (name: string) => Object.assign(new Error(name), { name });

describe('EC2', () => {
  const ec2Of = (answer: Answer, remainingMs = 60_000) => {
    const { asked, client, names } = clientOf(answer);
    return { asked, names, ec2: new SdkEc2({ region: 'eu-west-1', ec2: client, autoScaling: client } as Ec2Connection, { remainingMs: () => remainingMs }) };
  };
  const REQUEST = { instance: 'i-1', excludeVolumes: [], excludeRoot: false, copyVolumeTags: true, tags: { a: 'b' }, description: '' };

  test('a page that is missing is an error, not the end', async () => {
    const { ec2 } = ec2Of((_, { NextToken: token }) => {
      if (token === undefined) return { Snapshots: [], NextToken: 'next' };
      throw failing('UnauthorizedOperation');
    });
    await expect(ec2.snapshots({})).rejects.toThrow('UnauthorizedOperation');
  });

  test('only throttles repeat what makes something', async () => {
    let calls = 0;
    const throttled = ec2Of(() => {
      if (++calls < 3) throw failing('RequestLimitExceeded');
      return { Snapshots: [{ SnapshotId: 'snap-1', VolumeId: 'vol-1' }] };
    });
    expect(await throttled.ec2.createSnapshots(REQUEST)).toEqual([{ snapshot: 'snap-1', volume: 'vol-1' }]);
    const lost = ec2Of(() => { throw failing('TimeoutError'); });
    await expect(lost.ec2.createSnapshots(REQUEST)).rejects.toThrow('TimeoutError');
    expect(lost.names()).toEqual(['CreateSnapshots']);
  });

  test('what only reads is repeated after lost answers, three times in all', async () => {
    const { ec2, names } = ec2Of(() => { throw failing('TimeoutError'); });
    await expect(ec2.images({})).rejects.toThrow('TimeoutError');
    expect(names()).toEqual(['DescribeImages', 'DescribeImages', 'DescribeImages']);
  });

  test('without time left nothing is repeated', async () => {
    const { ec2, names } = ec2Of(() => { throw failing('RequestLimitExceeded'); }, 0);
    await expect(ec2.snapshots({})).rejects.toThrow('RequestLimitExceeded');
    expect(names()).toHaveLength(1);
  });

  test.each([
    ['there', { Reservations: [{ Instances: [{ State: { Name: 'stopped' } }] }] }, true],
    ['there, if the answer is empty', { Reservations: [] }, true],
    ['gone, if it is terminated', { Reservations: [{ Instances: [{ State: { Name: 'terminated' } }] }] }, false],
    ['gone, if nobody knows the id', failing('InvalidInstanceID.NotFound'), false],
  ])('an instance is %s', async (_, answer, isThere) => {
    const { asked, ec2 } = ec2Of(() => {
      if (answer instanceof Error) throw answer;
      return answer;
    });
    expect(await ec2.hasInstance('i-1')).toBe(isThere);
    expect(asked).toEqual([['DescribeInstances', { InstanceIds: ['i-1'] }]]);
  });

  test('volumes that the first answer lacks are asked for by id', async () => {
    const instance = { InstanceId: 'i-1', State: { Name: 'running' }, BlockDeviceMappings: ['1', '2'].map((n) => ({ DeviceName: `/dev/sd${n}`, Ebs: { VolumeId: `vol-${n}` } })) };
    const volume = (id: string) => ({ VolumeId: id, VolumeType: 'gp3', Size: 8 });
    const { asked, ec2 } = ec2Of((name, { Filters }) => {
      if (name === 'DescribeInstances') return { Reservations: [{ Instances: [instance] }] };
      const [{ Name: filter, Values: ids }] = Filters as [{ Name: string; Values: string[] }];
      return { Volumes: filter === 'volume-id' ? ids.map(volume) : [volume('vol-1')] };
    });
    expect((await ec2.instances())[0].volumes.map(({ volume: id }) => id)).toEqual(['vol-1', 'vol-2']);
    expect(asked.map(([, { Filters }]) => Filters).at(-1)).toEqual([{ Name: 'volume-id', Values: ['vol-2'] }]);
  });

  test('who may not ask for an instance does not know that it is gone', async () => {
    const { ec2 } = ec2Of(() => { throw failing('UnauthorizedOperation'); });
    await expect(ec2.hasInstance('i-1')).rejects.toThrow('UnauthorizedOperation');
  });

  test('ids go as filters of 200 at a time, since one that is gone would fail the call', async () => {
    const { asked, ec2 } = ec2Of(() => ({ Snapshots: [] }));
    await ec2.snapshots({ ids: Array.from({ length: 450 }, (_, i) => `snap-${i}`) });
    const filters = asked.map(([, { Filters }]) => Filters as { Name: string; Values: string[] }[]);
    const sizes = filters.map((each) => each.map(({ Name, Values }) => [Name, Values.length]));
    expect(sizes).toEqual([[['snapshot-id', 200]], [['snapshot-id', 200]], [['snapshot-id', 50]]]);
    expect(await ec2.snapshots({ ids: [] })).toEqual([]);
  });

  test('instances are never rebooted for an image', async () => {
    const { asked, ec2 } = ec2Of(() => ({ ImageId: 'ami-1' }));
    await ec2.createImage({ instance: 'i-1', name: 'name', excludeDevices: ['/dev/sdb'], imageTags: {}, snapshotTags: {} });
    expect(asked[0][1]).toMatchObject({ NoReboot: true, BlockDeviceMappings: [{ DeviceName: '/dev/sdb', NoDevice: '' }] });
  });

  test('an image is in use by templates, by versions that groups name, by launch configurations and instances', async () => {
    const { ec2 } = ec2Of((name, { LaunchTemplateId: template, Versions: versions }) => {
      switch (name) {
        case 'DescribeLaunchTemplateVersions':
          return { LaunchTemplateVersions: [{ LaunchTemplateData: { ImageId: template === undefined ? 'ami-default' : `ami-${template}-${versions}` } }] };
        case 'DescribeAutoScalingGroups': return {
          AutoScalingGroups: [
            { LaunchTemplate: { LaunchTemplateId: 'a', Version: '3' } },
            { MixedInstancesPolicy: { LaunchTemplate: { LaunchTemplateSpecification: { LaunchTemplateId: 'b' }, Overrides: [{ LaunchTemplateSpecification: { LaunchTemplateId: 'c', Version: '7' } }] } } },
          ],
        };
        case 'DescribeLaunchConfigurations': return { LaunchConfigurations: [{ ImageId: 'ami-configuration' }] };
        default: return { Reservations: [{ Instances: [{ ImageId: 'ami-running', State: { Name: 'stopped' } }, { ImageId: 'ami-gone', State: { Name: 'terminated' } }] }] };
      }
    });
    const used = ['ami-default', 'ami-a-3', 'ami-b-$Default', 'ami-c-7', 'ami-configuration', 'ami-running'];
    expect([...await ec2.imagesInUse([...used, 'ami-gone', 'ami-free'])].sort()).toEqual([...used].sort());
  });
});

describe('the table', () => {
  const item = { pk: 'set#p', sk: 'i-1', at: 1, state: 'claimed' };
  const refusal = (mark: string | undefined) => new ConditionalCheckFailedException({ message: '', $metadata: {}, Item: { mark: { S: mark ?? 'other' } } });

  test('a claim whose answer was lost finds itself in its way, and knows itself', async () => {
    const { client } = clientOf((_, input) => { throw refusal((input as unknown as PutItemCommand['input']).Item!.mark.S); });
    expect(await new LedgerTable('table', client).claim(item)).toBe(true);
  });

  test('a claim that somebody else has is not ours, though it says the same', async () => {
    const { client } = clientOf(() => { throw refusal(undefined); });
    expect(await new LedgerTable('table', client).claim(item)).toBe(false);
  });

  test('lists all pages, strongly consistent', async () => {
    const { asked, client } = clientOf((_, input) => {
      const after = (input as unknown as QueryCommand['input']).ExclusiveStartKey?.sk.S;
      const entry = (sk: string) => ({ pk: { S: 'p' }, sk: { S: sk }, at: { N: '5' }, expires: { N: '9' }, body: { S: '{"state":"x"}' } });
      return after === undefined ? { Items: [entry('a')], LastEvaluatedKey: { pk: { S: 'p' }, sk: { S: 'a' } } } : { Items: [entry('b')] };
    });
    expect(await new LedgerTable('table', client).list('p', 'a')).toEqual(['a', 'b'].map((sk) => ({ pk: 'p', sk, at: 5, expires: 9, state: 'x' })));
    expect(asked.every(([, { ConsistentRead: consistent }]) => consistent === true)).toBe(true);
  });
});

describe('quotas', () => {
  const log = { info: jest.fn(), warn: jest.fn() };

  test('are found by name, on whatever page', async () => {
    const { client } = clientOf((_, { NextToken: token }) => token === undefined
      ? { Quotas: [{ QuotaName: 'Snapshots per Region', Value: 100_000 }], NextToken: '2' }
      : { Quotas: [{ QuotaName: 'Concurrent snapshot copies per destination Region', Value: 5 }] });
    expect(await new ServiceQuotas(client, log).concurrentSnapshotCopies()).toBe(5);
  });

  test('that cannot be read are taken for the default', async () => {
    const { client } = clientOf(() => { throw failing('AccessDeniedException'); });
    expect(await new ServiceQuotas(client, log).concurrentSnapshotCopies()).toBe(20);
    expect(log.warn).toHaveBeenCalledWith('quotas not read', { code: 'AccessDeniedException', default: 20 });
  });
});

describe('freezing', () => {
  const settings = { document: 'Freeze', paths: ['/data', '/logs'], maxFrozenSeconds: 10 };
  const freezerOf = (statuses: readonly (string | Error)[]) => {
    const queue = [...statuses];
    const { asked, client } = clientOf((name) => {
      if (name === 'SendCommand') return { Command: { CommandId: 'command' } };
      const status = queue.length > 1 ? queue.shift()! : queue[0];
      if (status instanceof Error) throw status;
      return { Status: status };
    });
    const clock = new VirtualClock(1000);
    return { asked, freezer: new SsmFreezer(settings, client, clock) };
  };
  const actions = (asked: readonly (readonly [string, Readonly<Record<string, unknown>>])[]) => asked
    .filter(([name]) => name === 'SendCommand').map(([, { Parameters: parameters }]) => (parameters as Record<string, string[]>).Action[0]);

  test('lasts from the answer to the end of the time since the command was sent', async () => {
    const { asked, freezer } = freezerOf([failing('InvocationDoesNotExist'), 'InProgress', 'Success']);
    expect(await freezer.freeze('i-1')).toMatchObject({ from: 2500, until: 11_000 });
    expect((asked[0][1].Parameters as Record<string, string[]>)).toMatchObject({ Paths: ['/data:/logs'], MaxFrozenSeconds: ['10'] });
  });

  test('that failed is an error at once', async () => {
    const { freezer } = freezerOf(['Failed']);
    await expect(freezer.freeze('i-1')).rejects.toThrow('the command ended as Failed');
  });

  test('that nobody confirms is thawed, and an error', async () => {
    const { asked, freezer } = freezerOf(['Pending']);
    await expect(freezer.freeze('i-1')).rejects.toThrow('not frozen within 10 seconds');
    expect(actions(asked)).toEqual(['freeze', 'thaw']);
  });
});
