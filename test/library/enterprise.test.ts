import { PermissionsBoundary, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { ROOMS } from '../kit/rooms';
import { CfnResource, resourcesOf, stackFor, statementsOf } from '../kit/stack';

const VARIANTS = ['minimal', 'full', 'supplied'] as const;
const ENVIRONMENTS = {
  agnostic: undefined,
  china: { account: '123456789012', region: 'cn-north-1' },
  gov: { account: '123456789012', region: 'us-gov-west-1' },
};

const PLACEMENT = {
  VpcConfig: { SubnetIds: ['subnet-11111111', 'subnet-22222222'], SecurityGroupIds: ['sg-11111111'] },
  LoggingConfig: { LogGroup: '/app/images' },
  TracingConfig: { Mode: 'Active' },
  ReservedConcurrentExecutions: 4,
};

const ofType = (stack: Stack, type: string): CfnResource[] => Object.values(resourcesOf(stack)).filter(({ Type }) => Type === type);

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}

describe.each(ROOMS.map((room) => [room.name, room] as const))('%s', (_name, room) => {
  test('a permissions boundary reaches every role through context', () => {
    const stack = stackFor({ context: { '@aws-cdk/core:permissionsBoundary': { name: 'boundary' } } });
    room.full(stack);
    const boundaries = ofType(stack, 'AWS::IAM::Role').map(({ Properties }) => JSON.stringify(Properties.PermissionsBoundary));
    expect(boundaries.length).toBeGreaterThan(1);
    for (const boundary of boundaries) expect(boundary).toContain('policy/boundary');
  });

  test('a permissions boundary reaches every role through the construct', () => {
    const stack = stackFor();
    iam.PermissionsBoundary.of(room.full(stack)).apply(iam.ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'boundary'));
    const roles = ofType(stack, 'AWS::IAM::Role');
    expect(roles.filter(({ Properties }) => !JSON.stringify(Properties.PermissionsBoundary)?.includes('policy/boundary'))).toEqual([]);
  });

  test('a boundary of the stage reaches every role', () => {
    const stack = new Stack(stackFor().node.root as Stack, 'Bounded', { permissionsBoundary: PermissionsBoundary.fromName('boundary') });
    room.full(stack);
    expect(ofType(stack, 'AWS::IAM::Role').filter(({ Properties }) => !Properties.PermissionsBoundary)).toEqual([]);
  });

  test('given role, VPC, log group, key and runtime are obeyed by every function', () => {
    const stack = stackFor();
    room.supplied(stack);
    const functions = ofType(stack, 'AWS::Lambda::Function');
    expect(functions.length).toBe(room.handlers.length);
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({ Runtime: 'nodejs22.x', Architectures: ['x86_64'], ...(room.edge ? {} : PLACEMENT) });
      expect(texts(Properties.Role).join('')).toContain('role/app');
      if (!room.edge) expect(texts(Properties.KmsKeyArn).join('')).toContain('key/1');
    }
    expect(ofType(stack, 'AWS::Logs::LogGroup')).toEqual([]);
    expect(ofType(stack, 'AWS::EC2::SecurityGroup')).toEqual([]);
    // An immutable role stays as it is: only roles of other services are left.
    expect(ofType(stack, 'AWS::IAM::Role').filter(({ Properties }) => texts(Properties.AssumeRolePolicyDocument).includes('lambda.amazonaws.com'))).toEqual([]);
    expect(statementsOf(stack, '').flatMap(({ Action }) => Action)).not.toContain('logs:PutLogEvents');
  });

  test.each(VARIANTS.flatMap((variant) => Object.entries(ENVIRONMENTS).map(([name, env]) => [variant, name, env] as const)))(
    '%s synthesizes %s, without the words of one partition', (variant, _environment, env) => {
      const stack = stackFor({ env });
      const { node } = room[variant](stack);
      const own = Object.entries(resourcesOf(stack)).filter(([id]) => id.startsWith(node.id)).map(([, resource]) => resource);
      expect(own.length).toBeGreaterThan(0);
      expect(texts(own).filter((text) => text.includes('arn:aws:'))).toEqual([]);
      expect(texts(own).filter((text) => text.includes('amazonaws.com') && !/^[a-z0-9.-]+\.amazonaws\.com$/.test(text))).toEqual([]);
      expect(texts(own.map(({ Type, Properties }) => Type === 'AWS::IAM::Role' ? [] : Properties)).filter((text) => text.endsWith('.amazonaws.com')))
        .toEqual(texts(own.map(({ Properties }) => [Properties.PolicyDocument, Properties.Principal])).filter((text) => text.endsWith('.amazonaws.com')));
    },
  );
});
