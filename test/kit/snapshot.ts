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
