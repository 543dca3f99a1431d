/**
 * Writes operations.json from the service models of botocore, which come with the emulators:
 *
 *   npx tsx test/kit/proxy/export-operations.ts .venv/lib/python3.11/site-packages/botocore/data
 *
 * Only what tells one operation from another is kept, and how lists are paged.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { OperationsFile, PagingModel, ServiceModel } from './operations';

const SERVICES = [
  's3', 's3control', 'sqs', 'sns', 'events', 'cloudfront', 'cloudfront-keyvaluestore', 'lambda', 'kinesis', 'firehose', 'dynamodb', 'dynamodbstreams',
  'ec2', 'ebs', 'sts', 'iam', 'kms', 'scheduler', 'cloudformation', 'sesv2', 'cloudwatch', 'logs', 'stepfunctions', 'glue', 'emr', 'emr-serverless',
  'batch', 'rds-data', 'cognito-idp', 'pinpoint', 'pinpoint-sms-voice-v2', 'ssm', 'secretsmanager', 'rekognition', 'dlm', 'pipes', 'autoscaling',
  'service-quotas',
];

interface Member { readonly location?: string; readonly locationName?: string }
interface Operation {
  readonly http: { readonly method: string; readonly requestUri: string };
  readonly input?: { readonly shape: string };
  readonly deprecated?: boolean;
}
interface Model {
  readonly metadata: {
    readonly protocol: string;
    readonly jsonVersion?: string;
    readonly targetPrefix?: string;
    readonly signingName?: string;
    readonly endpointPrefix: string;
    readonly awsQueryCompatible?: object;
  };
  readonly operations: Readonly<Record<string, Operation>>;
  readonly shapes: Readonly<Record<string, { readonly required?: readonly string[]; readonly members?: Readonly<Record<string, Member>> }>>;
}
type Paginators = Readonly<Record<string, Readonly<Record<'input_token' | 'output_token' | 'limit_key' | 'result_key', string | readonly string[] | undefined>>>>;

function main(data: string) {
  const services = Object.fromEntries(SERVICES.map((name) => [name, serviceModel(join(data, name))]));
  const file: OperationsFile = {
    notice: 'Derived from the service models of botocore (Copyright Amazon.com, Inc. or its affiliates), Apache License 2.0; see NOTICE',
    services,
  };
  // One line per service keeps the file small and its diffs readable.
  const lines = Object.entries(file.services).map(([name, model]) => `    ${JSON.stringify(name)}: ${JSON.stringify(model)}`);
  writeFileSync(join(__dirname, 'operations.json'), `{\n  "notice": ${JSON.stringify(file.notice)},\n  "services": {\n${lines.join(',\n')}\n  }\n}\n`);
}

function serviceModel(folder: string): ServiceModel {
  const version = readdirSync(folder).filter((name) => /^\d{4}-/.test(name)).sort().at(-1)!;
  const model: Model = JSON.parse(gunzipSync(readFileSync(join(folder, version, 'service-2.json.gz'))).toString('utf8'));
  const { protocol, jsonVersion, targetPrefix, signingName, endpointPrefix, awsQueryCompatible } = model.metadata;
  const paginators = join(folder, version, 'paginators-1.json');
  return {
    signingName: signingName ?? (endpointPrefix === 's3-control' ? 's3' : endpointPrefix),
    protocol: protocol as ServiceModel['protocol'],
    ...(jsonVersion && { jsonVersion }),
    ...(targetPrefix && { targetPrefix }),
    ...(awsQueryCompatible && { queryCompatible: true }),
    ...(protocol.startsWith('rest-') && { routes: routes(model) }),
    ...(existsSync(paginators) && { paging: paging(JSON.parse(readFileSync(paginators, 'utf8')).pagination) }),
  };
}

/** `METHOD /path/{Label}?query&required header`: what a request needs to be this operation and no other. */
function routes(model: Model): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, operation] of Object.entries(model.operations)) {
    if (operation.deprecated) continue;
    const [path, fixedQuery] = operation.http.requestUri.split('?');
    const shape = operation.input && model.shapes[operation.input.shape];
    const required = (location: string) => (shape?.required ?? [])
      .map((member) => shape!.members![member])
      .filter((member) => member.location === location)
      .map((member) => member.locationName!.toLowerCase());
    const queries = (shape?.required ?? []).map((member) => shape!.members![member]).filter((m) => m.location === 'querystring').map((m) => m.locationName!);
    const query = [...(fixedQuery ? fixedQuery.split('&') : []), ...queries];
    found[name] = [`${operation.http.method} ${path}${query.length > 0 ? `?${query.join('&')}` : ''}`, ...required('header')].join(' ');
  }
  return found;
}

function paging(paginators: Paginators): Record<string, PagingModel> {
  const first = (value: string | readonly string[] | undefined) => typeof value === 'object' ? value[0] : value;
  return Object.fromEntries(Object.entries(paginators).flatMap(([operation, { input_token, output_token, limit_key, result_key }]) => {
    const [tokenIn, tokenOut, limit, result] = [first(input_token), first(output_token), first(limit_key), result_key];
    // JMESPath expressions name tokens made of several fields; those operations are left out.
    if (!tokenIn || !tokenOut || !limit || !result || /[^\w]/.test(tokenIn + tokenOut)) return [];
    return [[operation, { tokenIn, tokenOut, limit, results: [result].flat() } satisfies PagingModel]];
  }));
}

if (process.argv.length !== 3) throw new Error('usage: export-operations.ts <botocore/data>');
main(process.argv[2]);
