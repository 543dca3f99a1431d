import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';
import { Assembly, ClassType, EnumType, InterfaceType, Property, TypeKind, TypeReference } from '@jsii/spec';
import { classes, loadLibrary, structs } from '../kit/assembly';

let library: Assembly;
beforeAll(() => { library = loadLibrary(); });

const types = () => Object.values(library.types ?? {});
const constructs = () => classes(library).filter(({ base }) => base === 'constructs.Construct');
const inputs = () => structs(library).flatMap((type) => (type.properties ?? []).map((property) => [type, property] as const));

/** Every property and every parameter and result of every method: [where, type]. */
function* references(): Generator<[string, TypeReference]> {
  for (const type of types().filter((one): one is ClassType | InterfaceType => one.kind !== TypeKind.Enum)) {
    for (const { name, type: reference } of type.properties ?? []) yield [`${type.name}.${name}`, reference];
    for (const { name, parameters = [], returns } of type.methods ?? []) {
      for (const parameter of parameters) yield [`${type.name}.${name}(${parameter.name})`, parameter.type];
      if (returns) yield [`${type.name}.${name}()`, returns.type];
    }
  }
}

function leaves(reference: TypeReference): TypeReference[] {
  return 'collection' in reference ? leaves(reference.collection.elementtype) : [reference];
}

const named = ([type, { name }]: readonly [InterfaceType, Property]) => `${type.name}.${name}`;

test('everything is documented', () => {
  const missing: string[] = [];
  for (const type of types()) {
    if (!type.docs?.summary) missing.push(type.name);
    const { properties = [], methods = [] } = type as ClassType;
    const members = type.kind === TypeKind.Enum ? (type as EnumType).members : [...properties, ...methods];
    missing.push(...members.filter(({ docs }) => !docs?.summary).map(({ name }) => `${type.name}.${name}`));
  }
  // Compass points say what they are.
  expect(missing.filter((name) => !/^CropPosition\.(CENTER|NORTH|EAST|SOUTH|WEST|NORTHEAST|SOUTHEAST|SOUTHWEST|NORTHWEST|value)$/.test(name))).toEqual([]);
});

test('every optional input states its default, no required one does', () => {
  expect(inputs().filter(([, { optional, docs }]) => Boolean(optional) !== Boolean(docs?.default)).map(named)).toEqual([]);
});

test('a default is a literal or says what happens', () => {
  const literal = /^(- \S.*|'.*'|-?\d+(\.\d+)?|true|false|[A-Z]\w*(\.\w+)+(\(.*\))?|lambda\.[A-Z]\w*\.\w+)$/;
  expect(inputs().filter(([, { docs }]) => docs?.default !== undefined && !literal.test(docs.default)).map(named)).toEqual([]);
});

test('inputs are immutable', () => {
  expect(inputs().filter(([, { immutable }]) => !immutable).map(named)).toEqual([]);
});

test('no unions, no any', () => {
  const loose = [...references()].filter(([, reference]) =>
    leaves(reference).some((leaf) => 'union' in leaf || ('primitive' in leaf && ['any', 'json'].includes(leaf.primitive))));
  expect(loose.map(([where]) => where)).toEqual([]);
});

test('no ARN strings, no durations or sizes as numbers', () => {
  const suspicious = inputs().filter(([, { name, type }]) => leaves(type).some((leaf) => 'primitive' in leaf
    && ((leaf.primitive === 'string' && /arn$/i.test(name)) || (leaf.primitive === 'number' && /(seconds|minutes|hours|days|timeout|age|bytes|retention)$/i.test(name)))));
  expect(suspicious.map(named)).toEqual([]);
});

test('inputs take interfaces, not concrete resources', () => {
  // Classes that are values or strategies have no interface; everything else of aws-cdk-lib has.
  const values = new Set([
    'aws-cdk-lib.CfnCapabilities', 'aws-cdk-lib.Duration', 'aws-cdk-lib.Size', 'aws-cdk-lib.RemovalPolicy',
    'aws-cdk-lib.aws_lambda.Runtime', 'aws-cdk-lib.aws_lambda.Architecture', 'aws-cdk-lib.aws_lambda.Code', 'aws-cdk-lib.aws_lambda.Tracing',
    'aws-cdk-lib.aws_lambda.StartingPosition',
    'aws-cdk-lib.aws_ec2.SubnetSelection', 'aws-cdk-lib.aws_cloudfront.HeadersFrameOption', 'aws-cdk-lib.aws_cloudfront.HeadersReferrerPolicy',
  ]);
  const concrete = inputs().filter(([, { type }]) => leaves(type).some((leaf) => 'fqn' in leaf
    && !leaf.fqn.startsWith(`${library.name}.`) && !values.has(leaf.fqn) && !/\.I[A-Z]\w+$/.test(leaf.fqn)));
  expect(concrete.map(named)).toEqual([]);
});

test('no interface of ours is to be implemented by users', () => {
  expect(types().filter((type) => type.kind === TypeKind.Interface && !(type as InterfaceType).datatype).map(({ name }) => name)).toEqual([]);
});

test('each construct has props and an example', () => {
  expect(constructs().length).toBeGreaterThan(0);
  for (const { name, docs, initializer } of constructs()) {
    expect(docs?.example).toBeDefined();
    expect(initializer?.parameters?.map((parameter) => parameter.name)).toEqual(['scope', 'id', 'props']);
    expect(structs(library).map((struct) => struct.name)).toContain(`${name}Props`);
  }
});

test('what a construct creates is readable, not writable', () => {
  const writable = constructs().flatMap((type) => (type.properties ?? []).filter(({ immutable }) => !immutable).map(({ name }) => `${type.name}.${name}`));
  expect(writable).toEqual([]);
});

test('no name is reserved in Python, Java or C#', () => {
  const reserved = /^(from|import|def|lambda|pass|global|class|native|package|namespace|object|default|event|params|is|not|and|or|in|None|True|False)$/;
  expect([...references()].map(([where]) => where.split('.')[1].replace(/\(.*/, '')).filter((name) => reserved.test(name))).toEqual([]);
});

test('public files export classes, interfaces and enums only: jsii drops the rest without a word', () => {
  const src = join(__dirname, '../../src');
  const rooms = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !['private', 'handler-kit'].includes(entry.name));
  const published = rooms.flatMap(({ name }) => [...readFileSync(join(src, name, 'index.ts'), 'utf8').matchAll(/from '\.\/(.+)'/g)].map(([, file]) => join(src, name, `${file}.ts`)));
  expect(published.length).toBeGreaterThan(5);
  expect(published.filter((file) => /^export (default|async|function|const|let|type) /m.test(readFileSync(file, 'utf8')))).toEqual([]);
});
