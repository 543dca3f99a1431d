import { CfnParameter, NestedStack, Stack } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { maybeSameBucket, resourceOf } from '../../src/private/bucket-identity';
import { stackFor } from '../kit/stack';

let stack: Stack;
beforeEach(() => { stack = stackFor({ stackName: 'PhotoShop' }); });

const own = (id: string, bucketName?: string) => new s3.Bucket(stack, id, { bucketName });
const imported = (id: string, name: string) => s3.Bucket.fromBucketName(stack, id, name);
const unknown = (id: string) => imported(id, new CfnParameter(stack, `${id}Name`).valueAsString);

test.each<[string, () => [s3.IBucket, s3.IBucket], boolean]>([
  ['one object', () => { const bucket = own('A'); return [bucket, bucket]; }, true],
  ['two resources', () => [own('A'), own('B')], false],
  ['a resource and its L1 import', () => { const bucket = own('A'); return [bucket, s3.Bucket.fromCfnBucket(resourceOf(bucket)!)]; }, true],
  ['two imports of one name', () => [imported('A', 'xxx'), imported('B', 'xxx')], true],
  ['imports of two names', () => [imported('A', 'xxx'), imported('B', 'yyy')], false],
  ['a named resource and an import of its name', () => [own('A', 'named'), imported('B', 'named')], true],
  ['a named resource and an import of another name', () => [own('A', 'named'), imported('B', 'other')], false],
  ['a resource and an import of a name CloudFormation could have made', () => [own('A'), imported('B', 'photoshop-a1b2c3-1x2y3z4w5v6u')], true],
  ['the same the other way round', () => [imported('B', 'photoshop-a1b2c3-1x2y3z4w5v6u'), own('A')], true],
  ['a resource and an import of a name of another stack', () => [own('A'), imported('B', 'warehouse-a1b2c3-1x2y3z4w5v6u')], false],
  ['that the other way round', () => [imported('B', 'warehouse-a1b2c3-1x2y3z4w5v6u'), own('A')], false],
  ['a resource and an import of a name without random part', () => [own('A'), imported('B', 'photoshop-uploads')], false],
  ['a resource and an unknown name', () => [own('A'), unknown('B')], true],
  ['a known and an unknown name', () => [imported('A', 'xxx'), unknown('B')], true],
  ['two unknown names', () => [unknown('A'), unknown('B')], true],
])('%s', (_name, buckets, same) => {
  const [a, b] = buckets();
  expect(maybeSameBucket(a, b)).toBe(same);
});

test('a nested stack, whose name nobody knows, could have made any name', () => {
  expect(maybeSameBucket(new s3.Bucket(new NestedStack(stack, 'Nested'), 'A'), imported('B', 'anything'))).toBe(true);
});
