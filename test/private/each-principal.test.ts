import * as iam from 'aws-cdk-lib/aws-iam';
import { EachPrincipal } from '../../src/private/each-principal';
import { stackFor, statementsOf } from '../kit/stack';

const statement = () => new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: ['arn:aws:s3:::b/*'] });

function roles(immutable = false) {
  const stack = stackFor();
  const [a, b] = ['A', 'B'].map((id) => new iam.Role(stack, id, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }));
  return { stack, a, b, each: new EachPrincipal([a, immutable ? b.withoutPolicyUpdates() : b, a]) };
}

test('every role receives the statement once', () => {
  const { stack, each } = roles();
  expect(each.addToPrincipalPolicy(statement()).statementAdded).toBe(true);
  expect([statementsOf(stack, 'ADefaultPolicy'), statementsOf(stack, 'BDefaultPolicy')].map(({ length }) => length)).toEqual([1, 1]);
});

test('is a principal of resource policies', () => {
  const { stack, a, b, each } = roles();
  expect(stack.resolve(each.policyFragment.principalJson)).toEqual({ AWS: [a, b].map((role) => stack.resolve(role.roleArn)) });
});

test('a grant depends on every policy it wrote', () => {
  const { each } = roles();
  const { policyDependable } = each.addToPrincipalPolicy(statement());
  expect(policyDependable).toBeDefined();
  expect(each.addToPolicy(statement())).toBe(true);
});

test('an immutable role counts as granted: its owner answers for it', () => {
  const { stack, each } = roles(true);
  expect(each.addToPrincipalPolicy(statement()).statementAdded).toBe(true);
  expect(statementsOf(stack, 'BDefaultPolicy')).toEqual([]);
});
