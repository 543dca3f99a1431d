import { createHash } from 'crypto';
import { readFileSync, statSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { Token } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as assets from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import { TemplateOrigin } from './template-origin';
import { checkKnown, checkPattern } from '../private/validate';

/** CloudFormation's limit on a template that it fetches. */
const MAX_BYTES = 1024 * 1024;

/**
 * The CloudFormation template a restore makes a stack of. The site's sync function copies it into the site's own bucket, within
 * 15 minutes after each change, and every recovery point names its version.
 */
export abstract class DrTemplate {
  /** An object that a pipeline of yours keeps current, in a bucket of the site's Region. */
  public static fromBucket(bucket: s3.IBucket, key: string): DrTemplate {
    checkPattern('key', key, /./, 'at least 1 character');
    return new BucketTemplate(bucket, key);
  }

  /** A file of this project, JSON or YAML, at most 1 MiB. */
  public static fromAsset(path: string): DrTemplate {
    checkKnown('path', path);
    return new FileTemplate(() => path);
  }

  /** A text, JSON or YAML, at most 1 MiB. */
  public static inline(text: string): DrTemplate {
    if (Token.isUnresolved(text)) throw new Error("the template of a restore must be known at synth, got a token; write it to a bucket, and give that by 'fromBucket()'");
    return new FileTemplate(() => {
      const path = join(tmpdir(), `dr-template-${createHash('sha256').update(text).digest('hex')}.json`);
      writeFileSync(path, text);
      return path;
    });
  }

  /** @internal */
  public abstract _bind(scope: Construct): TemplateOrigin;
}

class BucketTemplate extends DrTemplate {
  constructor(private readonly bucket: s3.IBucket, private readonly key: string) {
    super();
  }

  public _bind(): TemplateOrigin {
    return { bucket: this.bucket, key: this.key };
  }
}

class FileTemplate extends DrTemplate {
  constructor(private readonly path: () => string) {
    super();
  }

  public _bind(scope: Construct): TemplateOrigin {
    const path = this.path();
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new Error(`the template of a restore must be a file, got '${path}', which is none`);
    const text = readFileSync(path, 'utf8');
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_BYTES) {
      throw new Error(`the template of a restore must have at most ${MAX_BYTES} bytes, got ${bytes}; move parts of it into nested stacks`);
    }
    const asset = new assets.Asset(scope, 'Template', { path });
    return { bucket: asset.bucket, key: asset.s3ObjectKey, parameters: parametersOf(text) };
  }
}

/** Of templates in JSON; what YAML says is checked by the restore. */
function parametersOf(text: string): TemplateOrigin['parameters'] {
  let template: unknown;
  try {
    template = JSON.parse(text.trim() || '{}');
  } catch {
    return undefined;
  }
  const { Parameters, Resources } = (template ?? {}) as { Parameters?: Record<string, { Default?: unknown; NoEcho?: unknown }>; Resources?: object };
  if (Resources === undefined) throw new Error("the template of a restore must have 'Resources', got none");
  return Object.fromEntries(Object.entries(Parameters ?? {}).map(([name, { Default, NoEcho }]) => (
    [name, { hasDefault: Default !== undefined, noEcho: String(NoEcho) === 'true' }])));
}
