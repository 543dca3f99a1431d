import { existsSync, readdirSync, readFileSync } from 'fs';
import { join } from 'path';
import * as ts from 'typescript';
import { loadLibrary, structs } from '../kit/assembly';
import { ROOMS as CONSTRUCTS } from '../kit/rooms';
import { type CfnResource, resourcesOf, stackFor } from '../kit/stack';

const ROOT = join(__dirname, '../..');
const ROOMS = readdirSync(join(ROOT, 'src')).filter((room) => existsSync(join(ROOT, 'src', room, 'README.md')));
const readmeOf = (room: string) => readFileSync(join(ROOT, 'src', room, 'README.md'), 'utf8');

const blocks = ROOMS.flatMap((room) => [...readmeOf(room).matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code], i) => ({ room, number: i + 1, code })));

/** As jsii-rosetta does it: imports and declarations go to the top, the rest into the fixture. */
function inFixture(code: string): string {
  const lines = code.split('\n');
  const hoisted = (line: string) => /^(import|declare) /.test(line);
  const fixture = readFileSync(join(ROOT, 'rosetta/default.ts-fixture'), 'utf8');
  return [...lines.filter(hoisted), fixture.replace('/// here', lines.filter((line) => !hoisted(line)).join('\n'))].join('\n');
}

test('every ts block compiles, a wrong property would not', () => {
  expect(blocks.length).toBeGreaterThan(3);
  const errors = errorsOf(new Map([
    ...blocks.map(({ room, number, code }) => [join(ROOT, `${room}-${number}.ts`), inFixture(code)] as const),
    [join(ROOT, 'wrong.ts'), inFixture("ImageBackfill.s3Batch({ reports: 'x/' });")],
  ]));
  expect(errors).toEqual([expect.stringMatching(/wrong\.ts: .*'reports' does not exist/)]);
}, 120_000);

function errorsOf(files: Map<string, string>): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    types: ['node'],
    stripInternal: true,
    paths: { 'cdk-lambda-blueprints': [join(ROOT, 'src/index.ts')] },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) => files.has(file) ? ts.createSourceFile(file, files.get(file)!, rest[0]) : getSourceFile(file, ...rest);
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  }).map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
}

/** Told, and granted where the constructs of `kit/rooms.ts` do not reach. */
const NOT_IN_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  // The deployer's.
  'edge-rewrite': ['s3:GetBucketLocation', 's3:GetObject'],
  // Tables without order.
  'kinesis-fan-out': ['dynamodb:BatchWriteItem'],
  // A site of a plan in another account: permission-table.test.ts. A queue or bucket with a key.
  'ebs-snapshot-dr': ['kms:GenerateDataKey', 'sts:AssumeRole'],
};

/** CDK's, for functions in a VPC. */
const IN_VPC = [
  'ec2:AssignPrivateIpAddresses', 'ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** Of all policies of a room's roles, however little or much of it is in use. */
function grantedActions(room: string): Set<string> {
  const resources = CONSTRUCTS.filter(({ name, partOf }) => (partOf ?? name) === room).flatMap((construct) => (['minimal', 'full', 'supplied'] as const)
    .flatMap((extent) => {
      const stack = stackFor();
      construct[extent](stack);
      return Object.values(resourcesOf(stack));
    }));
  const statements = resources.flatMap(policiesOf).flatMap(({ Statement }) => Statement);
  return new Set(statements.flatMap(({ Action }) => Action));
}

interface PolicyDocument {
  readonly Statement: ReadonlyArray<{ readonly Action: string | readonly string[] }>;
}

function policiesOf({ Type, Properties }: CfnResource): PolicyDocument[] {
  if (Type === 'AWS::IAM::Policy') return [Properties.PolicyDocument as PolicyDocument];
  if (Type !== 'AWS::IAM::Role') return [];
  return ((Properties.Policies ?? []) as ReadonlyArray<{ readonly PolicyDocument: PolicyDocument }>).map(({ PolicyDocument: document }) => document);
}

describe.each(ROOMS)('%s', (room) => {
  const sections = [...readmeOf(room).matchAll(/^## (.*)$/gm)].map(([, title]) => title);

  test('has the sections in order', () => {
    expect(sections).toEqual([
      'Smallest example', 'What it defines', 'Events and messages', 'When things fail', 'Permissions per function', 'Cost drivers',
      'Limits and non-goals', 'More examples',
    ]);
    const [title, promise, diagram] = readmeOf(room).split('\n\n');
    expect([title.startsWith('# '), promise.split(/\.\s/).length, diagram.startsWith('```mermaid')]).toEqual([true, 1, true]);
  });

  test('quotes the defaults of the API', () => {
    const [, table] = /^\| prop \| default \|\n\|[-|]+\n((?:\|.*\n)+)/m.exec(readmeOf(room))!;
    const quoted = [...table.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, prop, value]) => [prop, value.replace(/`/g, '')]);
    const props = structs(loadLibrary()).filter(({ name }) => name.endsWith('Props')).flatMap(({ properties = [] }) => properties);
    const declared = quoted.map(([prop]) => [prop, props.find(({ name }) => name === prop)?.docs?.default?.replace(/^- /, '')]);
    expect(quoted.length).toBeGreaterThan(5);
    expect(quoted).toEqual(declared);
  });

  test('names only members that exist', () => {
    const { types = {} } = loadLibrary();
    const members = new Set(Object.values(types).flatMap((type) => [
      type.name,
      ...('properties' in type ? type.properties ?? [] : []).map(({ name }) => name),
      ...('methods' in type ? type.methods ?? [] : []).map(({ name }) => name),
    ]));
    const diagram = /```mermaid\n([\s\S]*?)```/.exec(readmeOf(room))![1];
    const nodes = [...diagram.matchAll(/\b[a-z]+(?:[A-Z][a-z]+)+\b/g)].map(([name]) => name);
    expect(nodes.length).toBeGreaterThan(5);
    expect(nodes.filter((name) => !members.has(name))).toEqual([]);
    const calls = [...readmeOf(room).matchAll(/`((?:metric|grant)\w+)`/g)].map(([, name]) => name);
    expect(calls.filter((name) => !members.has(name))).toEqual([]);
  });

  test('tells every action that is granted, and no other', () => {
    const [, section] = /^## Permissions per function\n([\s\S]*?)^## /m.exec(readmeOf(room))!;
    const told = new Set([...section.matchAll(/`([a-z0-9]+:[A-Z]\w+)`/g)].map(([, action]) => action));
    const elsewhere = [...NOT_IN_TEMPLATES[room] ?? [], ...(told.has(IN_VPC[0]) ? IN_VPC : [])];
    expect([...told].sort()).toEqual([...new Set([...grantedActions(room), ...elsewhere])].sort());
  });

  test('anchors of alarm descriptions exist', () => {
    const files = readdirSync(join(ROOT, 'src', room)).filter((file) => file.endsWith('.ts'));
    const source = files.map((file) => readFileSync(join(ROOT, 'src', room, file), 'utf8')).join('\n');
    const anchors = [...source.matchAll(/README\.md#([\w-]+)/g)].map(([, anchor]) => anchor);
    const titles = [...readmeOf(room).matchAll(/^#+ (.*)$/gm)].map(([, title]) => title.toLowerCase().replace(/ /g, '-'));
    expect(anchors.length).toBeGreaterThan(1);
    expect(anchors.filter((anchor) => !titles.includes(anchor))).toEqual([]);
  });
});
