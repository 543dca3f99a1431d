import { Stack } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { Construct, IConstruct } from 'constructs';
import { ROOMS } from '../kit/rooms';
import { FLAG_SETS, stackFor } from '../kit/stack';

/** Everything acknowledged, per room and with its reason; nothing else may be. */
const ACKNOWLEDGED: Record<string, Record<string, string>> = {
  'image-resize-pipeline': {
    'AwsSolutions-IAM5[Resource::*]': 'Lambda checks network interface rights, and X-Ray all rights, on * only',
    'AwsSolutions-IAM5[Resource::<ImagesDestinationDE7ECA0C.Arn>/img/*]': 'writes the variants, all below one prefix',
    'AwsSolutions-IAM5[Resource::<ImagesDestinationDE7ECA0C.Arn>/refused/*]': 'copies refused originals below one prefix',
    'AwsSolutions-IAM5[Resource::<ImagesDestinationDE7ECA0C.Arn>/reports/*]': 'reports and object lists below their prefix',
    'AwsSolutions-IAM5[Resource::<ImagesDestinationDE7ECA0C.Arn>/variants/*]': 'writes the variants, all below one prefix',
    'AwsSolutions-IAM5[Resource::<ImagesSource3216CA9E.Arn>/*]': 'reads the originals, all below one prefix',
    'AwsSolutions-IAM5[Resource::<ImagesSource3216CA9E.Arn>/originals/*]': 'reads the originals, all below one prefix',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::media/backfill-reports/*]': 'reports and object lists below their prefix',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::media/img/*]': 'writes the variants, all below one prefix',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::uploads/originals/*]': 'reads the originals, all below one prefix',
    'Serverless-LambdaDLQ': 'never invoked asynchronously: failures stay with the caller or the queue',
    'Serverless-LambdaEventSourceMappingDestination': 'SQS sources fail over by the queue, which has a dead-letter queue',
    'Serverless-SQSRedrivePolicy': 'this is the dead-letter queue',
  },
  'edge-rewrite': {
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:*:<AWS::AccountId>:log-group:/aws/lambda/us-east-1.<EdgeRequestOriginFunction4ECEDF9E>:*]':
      'replicas log in the region they run in, to streams of their own',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:*:<AWS::AccountId>:log-group:/aws/lambda/us-east-1.<EdgeResponseOriginFunction39044DFE>:*]':
      'replicas log in the region they run in, to streams of their own',
    'Serverless-LambdaDLQ': 'CloudFront invokes it synchronously; Lambda@Edge allows no dead-letter queue',
  },
  'kinesis-fan-out': {
    'AwsSolutions-IAM5[Resource::*]': 'Lambda checks network interface rights, and X-Ray all rights, on * only',
    ...Object.fromEntries(['<Lake5F1B88EA.Arn>/orders', 'arn:<AWS::Partition>:s3:::lake/orders', 'arn:<AWS::Partition>:s3:::lake'].map((objects) => [
      `AwsSolutions-IAM5[Resource::${objects}/*]`, 'writes objects below one prefix, and reads those that are there already',
    ])),
    ...Object.fromEntries(['<OrdersFailuresC10DA753.Arn>', 'arn:<AWS::Partition>:s3:::failed'].flatMap((bucket) => [
      [`AwsSolutions-IAM5[Resource::${bucket}/aws/lambda/*]`, 'Lambda keeps expired records below its own prefix, mapping by mapping'],
      [`AwsSolutions-IAM5[Resource::${bucket}/quarantine/*]`, 'replays what was quarantined'],
      [`AwsSolutions-IAM5[Resource::${bucket}/receipts/*]`, 'receipts of replays, below their prefix'],
      ...['Archive', 'Audit', 'Bus', 'Lake', 'Mirror', 'News', 'Partner', 'State', 'Worker'].map((destination) => [
        `AwsSolutions-IAM5[Resource::${bucket}/quarantine/${destination}/*]`, 'quarantined records of one destination, below its prefix',
      ]),
    ])),
    'Serverless-LambdaDLQ': 'never invoked asynchronously: failures stay with the caller or the queue',
  },
  'ebs-snapshot-dr': {
    'AwsSolutions-IAM5[Resource::*]': 'EC2 and CloudFormation know no resources in what only reads; narrowed to Regions where they can be',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>::image/*]':
      'ids of snapshots and images are not known before; narrowed by the tag of the plan',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>::snapshot/*]':
      'ids of snapshots and images are not known before; narrowed by the tag of the plan',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:instance/*]':
      'ids of instances are not known before; narrowed by the selection',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:volume/*]':
      'volumes come with their instance, whose tags decide',
    'AwsSolutions-SQS3': 'this is the dead-letter queue',
    'Serverless-EventBusDLQ': 'a lost event costs minutes: every tick does without',
    'Serverless-LambdaDLQ': 'what fails goes to its failure destination, which keeps the error beside the event',
    'Serverless-SQSRedrivePolicy': 'this is the dead-letter queue',
  },
  'ebs-dr-site': {
    'AwsSolutions-IAM5[Resource::*]': 'EC2 and CloudFormation know no resources in what only reads; narrowed to Regions where they can be',
    'AwsSolutions-IAM5[Resource::<SiteBucket978D4AEB.Arn>/artifacts/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::<SiteBucket978D4AEB.Arn>/evidence/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::<SiteBucket978D4AEB.Arn>/inventories/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::<SiteBucket978D4AEB.Arn>/manifests/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::<SiteBucket978D4AEB.Arn>/templates/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/shop-drill-*/*]':
      'names of stacks end in the time of their restore',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/shop-restore-*/*]':
      'names of stacks end in the time of their restore',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>::image/*]':
      'ids of snapshots and images are not known before; narrowed by the tag of the plan',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>::snapshot/*]':
      'ids of snapshots and images are not known before; narrowed by the tag of the plan',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>::snapshot/<*>]':
      'ids of snapshots and images are not known before; narrowed by the tag of the plan',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:eu-west-1::image/ami-*]':
      'ids of images are not known before; narrowed to Region and owner',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:eu-west-1::snapshot/snap-*]':
      'ids of snapshots are not known before; narrowed to Region and owner',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:eu-west-1:<AWS::AccountId>:key/*]':
      'keys of the volumes are not known before; narrowed to EC2 and the data of volumes',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::artifacts/*]': 'all objects of an artifact bucket come along',
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::recovery/artifacts/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::recovery/evidence/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::recovery/inventories/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::recovery/manifests/*]': "the site's own objects, below their prefix",
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::recovery/templates/*]': "the site's own objects, below their prefix",
    'AwsSolutions-SQS3': 'this is the dead-letter queue',
    'Serverless-EventBusDLQ': 'a lost event costs minutes: every tick does without',
    'Serverless-LambdaDLQ': 'what fails goes to its failure destination, which keeps the error beside the event',
    'Serverless-SQSRedrivePolicy': 'this is the dead-letter queue',
  },
};

const VARIANTS = ['minimal', 'full', 'supplied'] as const;

function acknowledgements(root: IConstruct): Record<string, string> {
  const entries = root.node.findAll().flatMap(({ node }) => node.metadata).filter(({ type }) => type === 'aws:cdk:acknowledged-rules');
  return Object.assign({}, ...entries.map(({ data }) => data as Record<string, string>));
}

describe.each(ROOMS.map((room) => [room.name, room] as const))('%s', (name, room) => {
  const define = (variant: typeof VARIANTS[number], context = {}): [Stack, Construct] => {
    const stack = stackFor({ context });
    return [stack, room[variant](stack)];
  };

  test.each(VARIANTS.flatMap((variant) => FLAG_SETS.map(([flags, context]) => [variant, flags, context] as const)))(
    '%s has no errors, %s', (variant, _flags, context) => {
      const [stack, construct] = define(variant, context);
      const errors = [new AwsSolutionsChecks(stack), new ServerlessChecks(stack)]
        .flatMap((pack) => pack.validateScope(construct).violations)
        .filter(({ severity }) => severity === 'error')
        .map(({ ruleName }) => ruleName);
      // The older runtime is what this variant supplies.
      expect(errors).toEqual(variant === 'supplied' ? ['AwsSolutions-L1', 'Serverless-LambdaLatestVersion'] : []);
    },
  );

  test('acknowledges exactly the listed findings', () => {
    const acknowledged = Object.assign({}, ...VARIANTS.map((variant) => acknowledgements(define(variant)[1]))) as Record<string, string>;
    expect(acknowledged).toEqual(ACKNOWLEDGED[name]);
  });

  test('acknowledgements are needed: without them there are findings', () => {
    const [stack, construct] = define('full');
    for (const { node } of construct.node.findAll()) {
      for (let i = node.metadata.length; i-- > 0;) {
        if (node.metadata[i].type === 'aws:cdk:acknowledged-rules') (node as unknown as { _metadata: unknown[] })._metadata.splice(i, 1);
      }
    }
    const found = [new AwsSolutionsChecks(stack), new ServerlessChecks(stack)]
      .flatMap((pack) => pack.validateScope(construct).violations).map(({ ruleName }) => ruleName);
    expect(Object.keys(acknowledgements(define('full')[1])).filter((id) => !found.includes(id))).toEqual([]);
  });
});
