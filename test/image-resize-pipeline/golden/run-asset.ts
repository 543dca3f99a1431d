/**
 * Runs the bundled functions themselves, on any architecture, against an S3 of a few lines: what comes out are the very
 * bytes a user would get.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { S3BatchResultResult } from 'aws-lambda';
import { PIPELINE_ENV, type PipelineEnv, type Recipe } from '../../../src/image-resize-pipeline/contract';
import { arm64Node } from '../../kit/arm64';
import { NODE } from '../../kit/setup';

export const ASSETS = join(__dirname, '../../../assets/image-resize-pipeline');

export const RECIPE: Recipe = {
  presets: [{ name: 'small', fit: 'width', width: 160 }, { name: 'card', fit: 'cover', width: 96, height: 96, position: 'attention' }],
  formats: [
    { format: 'webp', extension: 'webp' },
    { format: 'jpeg', extension: 'jpg' },
    { format: 'jpeg', extension: 'mozjpg', mozjpeg: true },
    { format: 'avif', extension: 'avif', effort: 2 },
    { format: 'png', extension: 'png' },
  ],
  tolerance: 'error',
  maxPixels: 100_000_000,
  maxFrames: 60,
  maxBytes: 100_000_000,
  keepIcc: false,
  keepCopyright: false,
  allowSvg: false,
  suffixes: [],
  cacheControl: 'no-cache',
};

export function pipelineEnvironment(recipe = RECIPE, endpoint = 'http://127.0.0.1:1'): NodeJS.ProcessEnv {
  const variables: PipelineEnv = {
    ...Object.fromEntries(PIPELINE_ENV.map((name) => [name, ''])) as PipelineEnv,
    PIPELINE_NAME: 'golden',
    SOURCE_BUCKET: 'source',
    SOURCE_PREFIX: 'originals/',
    DESTINATION_BUCKET: 'destination',
    DESTINATION_PREFIX: 'variants/',
    RECIPE: JSON.stringify(recipe),
    PROPAGATE_DELETES: 'true',
  };
  return {
    ...variables,
    PATH: process.env.PATH,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'testing',
    AWS_SECRET_ACCESS_KEY: 'testing',
    AWS_ENDPOINT_URL: endpoint,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
    AWS_LAMBDA_FUNCTION_NAME: 'golden',
    MALLOC_ARENA_MAX: '2',
  };
}

export interface Objects { readonly [key: string]: Buffer }

export interface Run {
  /** Original → resultString of its task: 'processed' or the reason of a refusal. */
  readonly results: Readonly<Record<string, string>>;
  /** Key below the variant prefix → content. */
  readonly outputs: Objects;
  readonly peakMb: number;
}

/** Feeds every original to the bundle's `backfill` in one process of `node`. */
export async function runAsset(
  node: readonly string[], bundleDirectory: string, originals: Objects, { recipe = RECIPE, memoryMb = 1769 } = {},
): Promise<Run> {
  const s3 = new MemoryS3();
  Object.entries(originals).forEach(([key, body]) => s3.put(`source/originals/${key}`, body));
  await s3.start();
  try {
    const event = {
      invocationSchemaVersion: '2.0',
      invocationId: 'golden',
      job: { id: 'golden' },
      tasks: Object.keys(originals).map((key) => (
        { taskId: key, s3Bucket: 'source', s3Key: encodeURIComponent(`originals/${key}`), s3VersionId: null })),
    };
    const context = "{ awsRequestId: 'golden', functionName: 'golden', getRemainingTimeInMillis: () => 600000 }";
    const script = `import('${bundleDirectory}/index.mjs')
      .then(({ backfill }) => backfill(${JSON.stringify(event)}, ${context}))
      .then(({ results }) => console.log('\\n' + JSON.stringify({ results, status: require('fs').readFileSync('/proc/self/status', 'utf8') })));`;
    const output = await finished([...node, '-e', script], { ...pipelineEnvironment(recipe, s3.origin), AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb) });
    const { results, status } = JSON.parse(output.trim().split('\n').at(-1)!) as { results: S3BatchResultResult[]; status: string };
    return {
      results: Object.fromEntries(results.map(({ taskId, resultString }) => [taskId, resultString])),
      outputs: s3.below('destination/variants/'),
      // Not `maxRSS`, which begins with what the parent had when it forked.
      peakMb: Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024,
    };
  } finally {
    s3.stop();
  }
}

/** Variant → SHA-256. */
export interface Golden {
  readonly both: Readonly<Record<string, string>>;
  /**
   * Where the architectures differ. libaom and mozjpeg's trellis decide with floating point, in which compilers fuse
   * operations on arm64 and not on x64. Each architecture repeats its own bytes.
   */
  readonly x64: Readonly<Record<string, string>>;
  readonly arm64: Readonly<Record<string, string>>;
}

export function goldenOf(x64: Objects, arm64: Objects): Golden {
  const [a, b] = [hashes(x64), hashes(arm64)];
  const pick = (from: Record<string, string>, equal: boolean) => (
    Object.fromEntries(Object.entries(from).filter(([key]) => (a[key] === b[key]) === equal)));
  return { both: pick(a, true), x64: pick(a, false), arm64: pick(b, false) };
}

function hashes(objects: Objects): Record<string, string> {
  return Object.fromEntries(Object.entries(objects)
    .filter(([key]) => !key.endsWith('/manifest.json'))
    .map(([key, body]) => [key, createHash('sha256').update(body).digest('hex')])
    .sort());
}

function finished([command, ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => stdout += chunk.toString());
    child.stderr.on('data', (chunk: Buffer) => stderr += chunk.toString());
    child.on('error', reject);
    child.on('close', (code, signal) => (
      code === 0 ? resolve(stdout) : reject(new Error(`${command} ended with ${code ?? signal}:\n${stderr.slice(-2000)}`))));
  });
}

/** GET, HEAD, PUT, DELETE and ListObjectsV2 with their preconditions; nothing else. */
class MemoryS3 {
  private readonly objects = new Map<string, { readonly body: Buffer; readonly etag: string; readonly headers: IncomingMessage['headers'] }>();
  private readonly server = createServer((request, response) => void this.answer(request, response));

  public get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  public stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  public put(path: string, body: Buffer, headers: IncomingMessage['headers'] = {}): string {
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    this.objects.set(path, { body, etag, headers });
    return etag;
  }

  public below(prefix: string): Objects {
    const found = [...this.objects].filter(([path]) => path.startsWith(prefix));
    return Object.fromEntries(found.map(([path, { body }]) => [path.slice(prefix.length), body]));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url!, 'http://s3');
    const path = decodeURIComponent(url.pathname.slice(1));
    const found = this.objects.get(path);
    const unmatched = (request.headers['if-none-match'] && found) || (request.headers['if-match'] && request.headers['if-match'] !== found?.etag);

    if (url.searchParams.has('list-type')) {
      const bucket = path.replace(/\/?$/, '/');
      const prefix = url.searchParams.get('prefix') ?? '';
      const keys = Object.keys(this.below(bucket)).filter((key) => key.startsWith(prefix)).sort();
      const contents = keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('');
      response.end(`<ListBucketResult><KeyCount>${keys.length}</KeyCount><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`);
    } else if (unmatched) {
      refuse(response, 412, 'PreconditionFailed');
    } else if (request.method === 'PUT') {
      response.setHeader('ETag', this.put(path, Buffer.concat(chunks), request.headers)).end();
    } else if (request.method === 'DELETE') {
      this.objects.delete(path);
      response.writeHead(204).end();
    } else if (!found) {
      refuse(response, 404, 'NoSuchKey');
    } else {
      response.writeHead(200, { 'ETag': found.etag, 'Content-Length': found.body.length }).end(request.method === 'HEAD' ? undefined : found.body);
    }
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
}

/** The committed originals through the shipped function of each architecture. */
export async function runBoth(): Promise<[x64: Objects, arm64: Objects]> {
  const inputs = join(__dirname, 'inputs');
  const originals = Object.fromEntries(readdirSync(inputs).sort().map((name) => [name, readFileSync(join(inputs, name))]));
  const runs = await Promise.all([
    runAsset([NODE['nodejs24.x']], join(ASSETS, 'x64'), originals),
    runAsset(arm64Node(), join(ASSETS, 'arm64'), originals),
  ]);
  for (const { results } of runs) {
    const refused = Object.entries(results).filter(([, result]) => result !== 'processed');
    if (refused.length > 0) {
      throw new Error(`every original must be processed, got ${JSON.stringify(refused)}`);
    }
  }
  return runs.map(({ outputs }) => outputs) as [Objects, Objects];
}
