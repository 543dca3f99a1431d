import { readFileSync } from 'fs';
import { join } from 'path';
import { Stack, Stage } from 'aws-cdk-lib';

interface AssetManifest { readonly files: Record<string, { readonly displayName?: string }> }
interface Template { Parameters?: Record<string, unknown>; Rules?: unknown }

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

/** Statements of a role's policy, a line each; other resources undefined. */
export function policyLines(resource: unknown): string[] | undefined {
  const { Type, Properties } = resource as { Type: string; Properties: { PolicyDocument: { Statement: Json[] } } };
  if (Type !== 'AWS::IAM::Policy') return undefined;
  return Properties.PolicyDocument.Statement.map((statement) => flatten(statement) as Json).map(({ Action, Condition, Effect, Resource }) => {
    const conditions = Object.entries(Condition ?? {}).map(([operator, keys]) => `${operator} ${JSON.stringify(keys)}`);
    return [Effect, [Action].flat().join(', '), 'on', [Resource].flat().join(', '), ...conditions.length > 0 ? ['if', conditions.join(' and ')] : []].join(' ');
  });
}

type Json = Readonly<Record<string, unknown>>;

/** Resources by logical id, each as few lines of text as fit 150 columns. Every value of the template is in them. */
export function readableResources(stack: Stack): Record<string, string> {
  const { Resources } = snapshotOf(stack) as { Resources: Record<string, unknown> };
  return Object.fromEntries(Object.entries(Resources).map(([id, resource]) => [id, layOut(flatten(resource))]));
}

/** The text jest stores. */
export function asText(resources: Record<string, string>): string {
  return Object.entries(resources).map(([id, resource]) => `${id}:${resource.startsWith('\n') ? '' : ' '}${resource}`).join('\n');
}

/** References as '<LogicalId.Attribute>', joins as one text. */
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
  return Object.fromEntries(entries.map(([key, inner]) => [key, flatten(inner)]));
}

function layOut(value: unknown, indent = ''): string {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || indent.length + line.length <= 150) return line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + layOut(item, inner)).join('\n')}\n${indent}]`;
  return `{\n${Object.entries(value).map(([key, item]) => `${inner}${key}: ${layOut(item, inner)}`).join('\n')}\n${indent}}`;
}
