import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import { S3Artifacts } from '../../src/ebs-snapshot-dr/handlers/objects-s3';
import { RegionPreflight } from '../../src/ebs-snapshot-dr/handlers/preflight';
import { RestoreRefused } from '../../src/ebs-snapshot-dr/handlers/refusal';
import { CloudFormationStacks } from '../../src/ebs-snapshot-dr/handlers/stacks-cloudformation';

interface Sent {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What no fake of the kit answers: a client whose answers are given by the command's name. */
class Answers {
  public readonly sent: Sent[] = [];

  public readonly client = {
    send: async (command: { readonly constructor: { readonly name: string }; readonly input: Sent['input'] }) => {
      const name = command.constructor.name.replace(/Command$/, '');
      this.sent.push({ name, input: command.input });
      const answer = this.answers[name];
      if (answer === undefined) throw new Error(`nobody expected ${name}`);
      return answer(command.input, this.sent.filter((each) => each.name === name).length);
    },
  };

  constructor(private readonly answers: Readonly<Record<string, (input: Sent['input'], nth: number) => object>>) {}

  public inputs(name: string): ReadonlyArray<Sent['input']> {
    return this.sent.filter((each) => each.name === name).map(({ input }) => input);
  }
}

function failing(name: string, message = name): () => never {
  return () => {
    throw Object.assign(new Error(message), { name });
  };
}

describe('objects of more than 5 GiB', () => {
  const object = { key: 'dir/a b+c', etag: 'e1', size: 5 * 2 ** 30 + 1 };
  const parts = {
    HeadObject: () => ({ ContentType: 'text/x-big', Metadata: { who: 'me' } }),
    CreateMultipartUpload: () => ({ UploadId: 'u' }),
    UploadPartCopy: ({ PartNumber }: Sent['input']) => ({ CopyPartResult: { ETag: `part ${String(PartNumber)}` } }),
    CompleteMultipartUpload: () => ({ VersionId: 'v1' }),
    AbortMultipartUpload: () => ({}),
  };
  const artifacts = (s3: Answers) => new S3Artifacts('site', s3.client as unknown as S3Client, s3.client as unknown as S3Client);

  test('are copied by their parts, with what the object says of itself, and only as they were listed', async () => {
    const s3 = new Answers(parts);
    expect(await artifacts(s3).copy('code', object, 'artifacts/code/dir/a b+c', new AbortController().signal)).toBe('v1');
    expect(s3.inputs('CreateMultipartUpload')).toMatchObject([{ Bucket: 'site', Key: 'artifacts/code/dir/a b+c', ContentType: 'text/x-big', Metadata: { who: 'me' } }]);
    const copied = s3.inputs('UploadPartCopy');
    expect(copied).toHaveLength(6);
    expect(copied.every(({ CopySource, CopySourceIfMatch }) => CopySource === 'code/dir/a%20b%2Bc' && CopySourceIfMatch === '"e1"')).toBe(true);
    const { Parts } = s3.inputs('CompleteMultipartUpload')[0].MultipartUpload as { readonly Parts: ReadonlyArray<{ readonly PartNumber: number; readonly ETag: string }> };
    expect(Parts).toEqual([1, 2, 3, 4, 5, 6].map((n) => ({ PartNumber: n, ETag: `part ${n}` })));
  });

  test('leave no parts behind if one fails, or the time is over', async () => {
    const s3 = new Answers({ ...parts, UploadPartCopy: failing('InternalError') });
    await expect(artifacts(s3).copy('code', object, 'k', new AbortController().signal)).rejects.toThrow('InternalError');
    expect(s3.inputs('AbortMultipartUpload')).toMatchObject([{ UploadId: 'u' }]);
    const late = new Answers(parts);
    await expect(artifacts(late).copy('code', object, 'k', AbortSignal.abort())).rejects.toThrow();
    expect(late.inputs('AbortMultipartUpload')).toHaveLength(1);
  });

  test('that change meanwhile are no failure', async () => {
    const s3 = new Answers({ ...parts, UploadPartCopy: failing('PreconditionFailed') });
    expect(await artifacts(s3).copy('code', object, 'k', new AbortController().signal)).toBeUndefined();
  });
});

test('a bucket without versions is refused', async () => {
  const s3 = new Answers({ CopyObject: () => ({}) });
  const artifacts = new S3Artifacts('site', s3.client as unknown as S3Client, s3.client as unknown as S3Client);
  await expect(artifacts.copy('code', { key: 'k', etag: 'e', size: 1 }, 'k', new AbortController().signal)).rejects.toThrow("the site's bucket must be versioned");
});

describe('CloudFormation', () => {
  const request = { stack: 's', changeSet: 'c', templateUrl: 'https://x', parameters: { A: '1' }, capabilities: ['CAPABILITY_IAM'], tags: { k: 'v' } };
  const stacks = (answers: Answers, check = () => {}) => new CloudFormationStacks(
    answers.client as unknown as CloudFormationClient, { roleArn: 'arn:role', clock: { sleep: async () => {} }, deadline: { check } });
  const made = { Status: 'CREATE_COMPLETE', StackId: 'arn:stack', ChangeSetId: 'arn:change-set' };
  const change = (n: number) => ({ ResourceChange: { Action: 'Add', LogicalResourceId: `R${n}`, ResourceType: 'T' } });

  test('a change set is waited for and read to its last page', async () => {
    const answers = new Answers({
      CreateChangeSet: () => ({}),
      DescribeChangeSet: ({ NextToken }, nth) => {
        if (nth < 3) return { Status: 'CREATE_IN_PROGRESS' };
        return NextToken === undefined ? { ...made, Changes: [change(1)], NextToken: 'more' } : { Changes: [change(2)] };
      },
    });
    expect(await stacks(answers).createChangeSet(request)).toEqual({
      stack: 'arn:stack', changeSet: 'arn:change-set', changes: [1, 2].map((n) => ({ action: 'Add', logicalId: `R${n}`, type: 'T' })),
    });
    expect(answers.inputs('CreateChangeSet')).toEqual([{
      StackName: 's',
      ChangeSetName: 'c',
      ChangeSetType: 'CREATE',
      ClientToken: 'c',
      TemplateURL: 'https://x',
      RoleARN: 'arn:role',
      Parameters: [{ ParameterKey: 'A', ParameterValue: '1' }],
      Capabilities: ['CAPABILITY_IAM'],
      Tags: [{ Key: 'k', Value: 'v' }],
    }]);
  });

  test('one that is there already is the one', async () => {
    const answers = new Answers({ CreateChangeSet: failing('AlreadyExistsException'), DescribeChangeSet: () => made });
    expect((await stacks(answers).createChangeSet(request)).changeSet).toBe('arn:change-set');
  });

  test('one that fails is refused with the reason, one that takes too long is not', async () => {
    const failed = new Answers({ CreateChangeSet: () => ({}), DescribeChangeSet: () => ({ Status: 'FAILED', StatusReason: "The submitted information didn't contain changes." }) });
    await expect(stacks(failed).createChangeSet(request)).rejects.toEqual(new RestoreRefused("no change set of stack 's' (FAILED): The submitted information didn't contain changes."));
    const pending = new Answers({ CreateChangeSet: () => ({}), DescribeChangeSet: () => ({ Status: 'CREATE_PENDING' }) });
    await expect(stacks(pending, failing('DeadlineError')).createChangeSet(request)).rejects.toMatchObject({ name: 'DeadlineError' });
  });

  test.each([['ValidationError', true], ['InsufficientCapabilitiesException', true], ['AccessDenied', false], ['Throttling', false]])('%s: refused for good: %s', async (name, refused) => {
    const error = await stacks(new Answers({ CreateChangeSet: failing(name) })).createChangeSet(request).catch((caught: Error) => caught);
    expect(error instanceof RestoreRefused).toBe(refused);
  });

  test('executing again what is executed does nothing; what is gone is refused', async () => {
    const execute = (status?: string) => stacks(new Answers({
      ExecuteChangeSet: failing('InvalidChangeSetStatusException'),
      DescribeStacks: status === undefined ? failing('ValidationError', 'Stack with id s does not exist') : () => ({ Stacks: [{ StackStatus: status }] }),
    })).executeChangeSet('s', 'c');
    await expect(execute('CREATE_IN_PROGRESS')).resolves.toBeUndefined();
    await expect(execute('REVIEW_IN_PROGRESS')).rejects.toThrow(RestoreRefused);
    await expect(execute()).rejects.toThrow(RestoreRefused);
  });

  test('failures are those that others follow from, of all pages', async () => {
    const event = (LogicalResourceId: string, ResourceStatus: string, ResourceStatusReason?: string) => (
      { LogicalResourceId, ResourceStatus, ResourceStatusReason });
    const answers = new Answers({
      DescribeStackEvents: ({ NextToken }) => NextToken === undefined
        ? { StackEvents: [event('s', 'ROLLBACK_COMPLETE'), event('B', 'CREATE_FAILED', 'Resource creation cancelled')], NextToken: 'more' }
        : { StackEvents: [event('A', 'CREATE_FAILED', 'no such image'), event('A', 'CREATE_IN_PROGRESS')] },
    });
    expect(await stacks(answers).failures('s')).toEqual([{ logicalId: 'A', reason: 'no such image' }]);
  });
});

test.each([
  ['Enabled', () => ({ KeyMetadata: { KeyState: 'Enabled' } }), true],
  ['pending deletion', () => ({ KeyMetadata: { KeyState: 'PendingDeletion' } }), false],
  ['gone', failing('NotFoundException'), false],
  ["somebody else's: the stack will tell", failing('AccessDeniedException'), true],
])('a key that is %s', async (_, answer, usable) => {
  const kms = new Answers({ DescribeKey: answer });
  const preflight = new RegionPreflight({ send: failing('nobody') }, kms.client as unknown as KMSClient, { info: () => {}, warn: () => {} });
  expect(await preflight.keyUsable('arn:key')).toBe(usable);
});
