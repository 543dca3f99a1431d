import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  DrTemplate, EbsDrSite, EbsRestore, EbsSelection, EbsSnapshotDr, EdgeRewrite, FanOutDestination, FanOutTransform, KinesisFanOut, RestoreParam,
  RewriteRule,
} from '../../src';
import { loadLibrary, structs } from '../kit/assembly';
import { stackFor, templateOf } from '../kit/stack';

/** jsii hands over maps of Python and Java in an order of their own: the same input must give the same bytes. */

type Mapped = <T>(map: Record<string, T>) => Record<string, T>;

/** By where the API takes a map: a stack with one of two entries or more. */
const MAPS: Readonly<Record<string, (mapped: Mapped) => Stack>> = {
  'EbsCloudFormationRestoreProps.parameters': (mapped) => {
    const stack = stackFor({ env: { region: 'us-west-2' } });
    const site = new EbsDrSite(stack, 'Site', {
      restore: EbsRestore.cloudFormation({
        template: DrTemplate.fromBucket(s3.Bucket.fromBucketName(stack, 'Templates', 'templates'), 'app.json'),
        executionRole: iam.Role.fromRoleArn(stack, 'Execution', 'arn:aws:iam::123456789012:role/restore'),
        parameters: mapped({ Data: RestoreParam.snapshot('/dev/sdf'), Logs: RestoreParam.snapshot('/dev/sdg'), Domain: RestoreParam.value('example.com') }),
      }),
    });
    const source = new Stack(stack.node.root as Stack, 'Source', { env: { region: 'us-east-1' } });
    new EbsSnapshotDr(source, 'Dr', { selection: EbsSelection.tag('dr'), copyTo: [site] });
    return stack;
  },
  'FanOutHttpsOptions.headers': (mapped) => fanOut((bucket) => (
    { Partner: FanOutDestination.https('https://api.example.com/', { headers: mapped({ 'X-Team': 'shop', 'X-Env': 'prod' }) }), Lake: FanOutDestination.s3(bucket) })),
  'KinesisFanOutProps.destinations': (mapped) => fanOut((bucket) => (
    mapped({ Lake: FanOutDestination.s3(bucket, { prefix: 'a/' }), Archive: FanOutDestination.s3(bucket, { prefix: 'b/' }) }))),
  'FanOutTransform.rename': (mapped) => transformed(FanOutTransform.rename(mapped({ '$.b': '$.c', '$.a': '$.d' }))),
  'FanOutTransform.set': (mapped) => transformed(FanOutTransform.set(mapped({ '$.b': 'x', '$.a': 'y' }))),
  'FanOutTransform.insertJson': (mapped) => transformed(FanOutTransform.insertJson(mapped({ '$.b': '1', '$.a': '[2]' }))),
  'RewriteRuleOptions.query': (mapped) => edge(RewriteRule.redirect('/find', '/:kind/:id', { query: mapped({ kind: ':kind', id: ':id', view: 'full' }) })),
  'RewriteSplitOptions.weights': (mapped) => edge(RewriteRule.split('/pricing', { experiment: 'pricing', weights: mapped({ '/pricing-b': 20, '/pricing': 80 }) })),
  'RewriteHeadersOptions.values': (mapped) => edge(RewriteRule.headers('/*', { values: mapped({ 'X-Team': 'web', 'X-Env': 'prod' }) })),
};

function fanOut(destinations: (bucket: s3.IBucket) => Record<string, FanOutDestination>): Stack {
  const stack = stackFor();
  new KinesisFanOut(stack, 'Orders', { dashboard: true, destinations: destinations(s3.Bucket.fromBucketName(stack, 'Bucket', 'lake')) });
  return stack;
}

function transformed(transform: FanOutTransform): Stack {
  const stack = stackFor();
  const destination = FanOutDestination.s3(s3.Bucket.fromBucketName(stack, 'Bucket', 'lake'));
  new KinesisFanOut(stack, 'Orders').addDestination('Lake', destination, { transform });
  return stack;
}

function edge(rule: RewriteRule): Stack {
  const stack = stackFor();
  new EdgeRewrite(stack, 'Edge', { rules: [rule] });
  return stack;
}

const reversed: Mapped = (map) => Object.fromEntries(Object.entries(map).reverse());

test.each(Object.entries(MAPS))('%s: any order gives the same template', (_, stackWith) => {
  const [one, other] = [stackWith((map) => map), stackWith(reversed)].map((stack) => JSON.stringify(templateOf(stack).toJSON()));
  expect(one).toBe(other);
});

test('every map the API takes is among them', () => {
  const library = loadLibrary();
  const isMap = ({ type }: { readonly type?: object }) => JSON.stringify(type).includes('"kind":"map"');
  const taken = [
    ...structs(library).flatMap(({ name, properties = [] }) => properties.filter(isMap).map((property) => `${name}.${property.name}`)),
    ...Object.values(library.types ?? {}).flatMap((type) => ('methods' in type ? type.methods ?? [] : [])
      .filter(({ parameters = [] }) => parameters.some(isMap)).map(({ name }) => `${type.name}.${name}`)),
  ];
  expect([...new Set(taken)].sort()).toEqual(Object.keys(MAPS).sort());
});
