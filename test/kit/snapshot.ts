import { readFileSync } from 'fs';
import { join } from 'path';
import { Stack, Stage } from 'aws-cdk-lib';

interface AssetManifest { readonly files: Record<string, { readonly displayName?: string }> }
interface Template { Parameters?: Record<string, unknown>; Rules?: unknown }
type Json = Readonly<Record<string, unknown>>;

/** The template with each asset hash as its asset's name: a blank would hide a swapped handler. */
export function snapshotOf(stack: Stack): unknown {
  const assembly = Stage.of(stack)!.synth();
  const manifest = JSON.parse(readFileSync(join(assembly.directory, `${stack.artifactId}.assets.json`), 'utf8')) as AssetManifest;
  let body = JSON.stringify(assembly.getStackArtifact(stack.artifactId).template);
  for (const [hash, file] of Object.entries(manifest.files)) {
    body = body.split(hash).join(`<asset ${file.displayName}>`);
  }
  body = body.replace(/(CurrentVersion[A-F0-9]{8})[a-f0-9]{32}/g, '$1<version>');
  const { Parameters: { BootstrapVersion, ...parameters } = {}, Rules: _bootstrap, ...template } = JSON.parse(body) as Template;
  return Object.keys(parameters).length > 0 ? { Parameters: parameters, ...template } : template;
}

/** A resource as it is read: what it is, and its properties and attributes beside each other. */
export interface ReadableResource {
  readonly head: string;
  readonly body: unknown;
}
export type Resources = Readonly<Record<string, ReadableResource>>;
/** By logical id. */
export type Texts = Readonly<Record<string, string>>;

/** By logical id. Every value of the template is in them but what CDK repeats: names of policies, and one of two equal deletion policies. */
export function readableResources(stack: Stack): Resources {
  const { Resources } = flatten(snapshotOf(stack)) as { Resources: Record<string, Json> };
  return Object.fromEntries(Object.entries(Resources).map(([id, { Type, Properties = {}, UpdateReplacePolicy, ...attributes }]) => {
    const { PolicyDocument, Roles } = Properties as { PolicyDocument?: unknown; Roles?: string[] };
    if (Type === 'AWS::IAM::Policy') return [id, { head: `${Type} of ${Roles!.join(', ')}`, body: PolicyDocument }];
    const replaced = UpdateReplacePolicy === attributes.DeletionPolicy ? {} : { UpdateReplacePolicy };
    return [id, { head: `${Type as string}`, body: { ...Properties as Json, ...replaced, ...attributes } }];
  }));
}

/** As few lines as fit 150 columns. Of a resource like an earlier one of its type that stands in full, only what differs. */
export function textsOf(resources: Resources): Texts {
  const inFull: [id: string, resource: ReadableResource][] = [];
  return Object.fromEntries(Object.entries(resources).map(([id, resource]) => {
    const full = `${resource.head}${layOut(resource.body, '', ' ')}`;
    const alike = inFull.filter(([, { head }]) => head === resource.head).map(([model, { body }]) => likeText(model, resource.body, body));
    const [shortest] = [full, ...alike].sort((a, b) => a.length - b.length);
    if (shortest === full) inFull.push([id, resource]);
    return [id, shortest];
  }));
}

function likeText(model: string, body: unknown, other: unknown): string {
  if (!isPlain(body) || !isPlain(other)) return `like ${model}${layOut(body)}`;
  const [own, lost] = [differences(body, other), differences(other, body)];
  const absent = Object.keys(lost).filter((name) => !(name in own));
  const differing = { ...own, ...absent.length > 0 ? { absent } : {} };
  return `like ${model}${Object.keys(differing).length > 0 ? layOut(differing, '', ' ') : ''}`;
}

/** What the other has not or has otherwise, by path. */
function differences(value: Json, other: Json, path = ''): Json {
  return Object.assign({}, ...Object.entries(value).map(([key, inner]) => {
    const theirs = other[key];
    if (JSON.stringify(inner) === JSON.stringify(theirs)) return {};
    return isPlain(inner) && isPlain(theirs) ? differences(inner, theirs, `${path}${key}.`) : { [`${path}${key}`]: inner };
  }));
}

function isPlain(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** The text jest stores. */
export function asText(texts: Texts): string {
  return Object.entries(texts).map(([id, text]) => `${id}:${text.startsWith('\n') ? '' : ' '}${text}`).join('\n');
}

/** New resources in full, of changed ones the lines that came and went. */
export function changes(texts: Texts, before: Texts): string {
  const gone = Object.keys(before).filter((id) => !(id in texts)).map((id) => [id, 'gone']);
  const changed = Object.entries(texts).filter(([id, text]) => text !== before[id]).map(([id, text]) => [id, lineChanges(text, before[id])]);
  return asText(Object.fromEntries([...gone, ...changed]));
}

function lineChanges(text: string, before: string | undefined): string {
  if (before === undefined) return text;
  const [lines, old] = [text, before].map((whole) => whole.split('\n'));
  return ['', ...old.filter((line) => !lines.includes(line)).map((line) => `-${line}`), ...lines.filter((line) => !old.includes(line)).map((line) => `+${line}`)].join('\n');
}

/** Statements of a policy, a line each. */
class Statements {
  constructor(private readonly lines: readonly string[]) {}

  public toJSON(): unknown {
    return this.lines;
  }

  public layOut(indent: string): string {
    return this.lines.map((line) => `\n${indent}  ${line}`).join('');
  }
}

/** References as '<LogicalId.Attribute>', joins as one text, policies as statements. */
function flatten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(flatten);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1) {
    const [[intrinsic, argument]] = entries;
    if (intrinsic === 'Ref') return `<${argument as string}>`;
    if (intrinsic === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`;
    if (intrinsic === 'Fn::Sub' && typeof argument === 'string') return argument.replace(/\$\{(.*?)\}/g, '<$1>');
    if (intrinsic === 'Fn::Join') {
      const [delimiter, parts] = argument as [string, unknown[]];
      return parts.map(flatten).join(delimiter);
    }
  }
  const flat = Object.fromEntries(entries.map(([key, inner]) => [key, flatten(inner)]));
  return flat.Version === '2012-10-17' && Array.isArray(flat.Statement) ? new Statements(flat.Statement.map(statementLine)) : flat;
}

/** 'Allow s3:GetObject on <Bucket.Arn>/* by Service … if …'; a key of a statement that has no place in it is an error. */
function statementLine({ Action, Condition = {}, Effect, Principal = {}, Resource = [], Sid = '', ...others }: Json): string {
  if (Object.keys(others).length > 0) throw new Error(`statements must have a place for every key, got ${Object.keys(others).join(', ')}`);
  const list = (value: unknown) => [value].flat().join(', ');
  const pairs = (value: unknown) => Object.entries(value as Json).map(([key, of]) => `${key} ${list(of)}`);
  const conditions = Object.entries(Condition as Json).flatMap(([operator, keys]) => pairs(keys).map((pair) => `${operator} ${pair}`));
  const by = typeof Principal === 'string' ? Principal : pairs(Principal).join(', ');
  const parts = [['on', list(Resource)], ['by', by], ['if', conditions.join(' and ')], ['as', Sid as string]];
  return [Effect, list(Action), ...parts.filter(([, text]) => text !== '').flat()].join(' ');
}

function layOut(value: unknown, indent = '', before = ''): string {
  if (value instanceof Statements) return value.layOut(indent);
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || indent.length + line.length <= 150) return before + line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `${before}[\n${value.map((item) => inner + layOut(item, inner)).join('\n')}\n${indent}]`;
  return `${before}{\n${Object.entries(value).map(([key, item]) => `${inner}${key}:${layOut(item, inner, ' ')}`).join('\n')}\n${indent}}`;
}
