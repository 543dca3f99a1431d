import { Fn, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledge, wildcardResource } from '../../src/private/acknowledge';
import { resourcesOf, stackFor } from '../kit/stack';

test('the key is the one aws-cdk-lib and cdk-nag read', () => {
  const stack = stackFor();
  acknowledge(stack, { Rule: 'reason' });
  expect(stack.node.metadata).toContainEqual(expect.objectContaining({ type: Validations.ACKNOWLEDGED_RULES_METADATA_KEY, data: { Rule: 'reason' } }));
  expect(resourcesOf(stack)).toEqual({});
});

test('names exactly the wildcard resource cdk-nag finds', () => {
  const stack = stackFor();
  const arns = [
    new s3.Bucket(stack, 'Own').arnForObjects('a/*'),
    s3.Bucket.fromBucketName(stack, 'Literal', 'literal').arnForObjects('*'),
    s3.Bucket.fromBucketName(stack, 'Imported', Fn.importValue('Name')).arnForObjects('b/*'),
    s3.Bucket.fromBucketName(stack, 'Selected', Fn.select(0, Fn.split(',', Fn.importValue('Names')))).arnForObjects('c/*'),
    'arn:aws:s3:::plain/*',
    '*',
  ];
  const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  for (const arn of arns) role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [arn] }));
  const found = () => new AwsSolutionsChecks(stack).validateScope(role).violations.map(({ ruleName }) => ruleName);
  expect(found().sort()).toEqual(arns.map((arn) => wildcardResource(stack, arn)).sort());
  acknowledge(role, Object.fromEntries(arns.map((arn) => [wildcardResource(stack, arn), 'reason'])));
  expect(found()).toEqual([]);
});
