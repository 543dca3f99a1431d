import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { extname, join, posix, relative, sep } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { App } from 'aws-cdk-lib';
import { startChromium } from './chromium';
import { differences, EXPERIMENT, SCENES, type Scene } from './inputs';
import { renderSection, type ShownVisit, type VariantVisit } from './section';
import { EdgeRewriteDemo, SITE } from './stack';
import { PLAIN_VISITORS, type Visit, type Visitor, type Visitors } from './visitor';
import { startEdge } from '../../../test/kit/njs/nginx';
import { deployedAt } from '../../../test/kit/njs/nginx-deployment';
import { type Origin, startEcho } from '../../../test/kit/njs/nginx-origin';
import { formatTime } from '../../html';
import type { DemoResult, DemoRoom, DemoRow, DemoWorld } from '../../room';

const STACK = 'EdgeRewriteDemo';
const FOLDER = 'edge-rewrite';
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html; charset=utf-8', '.css': 'text/css' };

export const EDGE_REWRITE: DemoRoom = {
  stackName: STACK,
  run: async (world) => {
    await uploadSite(world);
    const api = await startEcho();
    try {
      return await atTheEdge(world, api);
    } finally {
      await api.stop();
    }
  },
};

async function uploadSite({ client, outputs, say }: DemoWorld): Promise<void> {
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  const files = readdirSync(SITE, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(SITE, join(parentPath, name)).split(sep).join('/')).filter((file) => !file.startsWith('_'));
  for (const file of files) {
    await s3.send(new PutObjectCommand({
      Bucket: outputs.ContentBucket, Key: file, Body: readFileSync(join(SITE, file)), ContentType: TYPES[extname(file)],
    }));
  }
  s3.destroy();
  say(`uploaded ${files.length} files of the site`);
}

/** nginx in front of the deployed bucket, with the deployed functions and the deployed store. */
async function atTheEdge(world: DemoWorld, api: Origin): Promise<DemoResult> {
  const { endpoint } = world.client;
  const deployment = await deployedAt(endpoint, STACK);
  const server = await startEdge({ deployment, origins: { content: `${endpoint}/${world.outputs.ContentBucket}`, api: api.url } });
  try {
    const visitors = await startChromium() ?? PLAIN_VISITORS;
    try {
      world.say(`visiting ${server.origin} with ${visitors.name}`);
      return await new Tour(world, server.origin, visitors).run();
    } finally {
      await visitors.stop();
    }
  } finally {
    await server.stop();
  }
}

class Tour {
  private readonly rows: DemoRow[] = [];
  private readonly problems: string[] = [];

  constructor(private readonly world: DemoWorld, private readonly origin: string, private readonly visitors: Visitors) {}

  public async run(): Promise<DemoResult> {
    const visits: ShownVisit[] = [];
    for (const scene of SCENES) {
      visits.push(await this.play(scene));
    }
    const variants = await this.experiment();
    const pages = SCENES.length + 2 * EXPERIMENT.visitors;
    this.rows.unshift({ input: `visits by ${this.visitors.name}`, output: `${pages} pages`, failure: '', role: 'none', time: '' });
    const { report } = new EdgeRewriteDemo(new App(), STACK).edge;
    const { rows, problems } = this;
    const text = report.toString().replaceAll(`${SITE}/`, '');
    return { section: renderSection({ visits, variants, visitors: this.visitors.name, report, text, problems }), rows, problems };
  }

  private async play(scene: Scene): Promise<ShownVisit> {
    const visitor = await this.visitors.arrive();
    const { visit, ms } = await this.go(visitor, scene.path, scene.headers);
    await visitor.leave();
    differences(scene, visit).forEach((difference) => this.problem(`${scene.path}: ${difference}`));
    const { pathname, search } = new URL(visit.url);
    const statuses = [...visit.hops, visit].map(({ status }) => status).join(', ');
    this.report(`${scene.title}: ${scene.path}`, `${statuses} ${pathname}${search}`, visit.status < 400 ? '' : `${visit.status}, ${visit.title || 'as the origin says'}`, ms);
    return { ...scene, visit, file: this.save(scene.title, visit) };
  }

  /** Everybody comes twice and must see the same. */
  private async experiment(): Promise<VariantVisit[]> {
    const shown = new Map<string, VariantVisit>();
    for (let n = 0; n < EXPERIMENT.visitors; n++) {
      const visitor = await this.visitors.arrive();
      const { visit, ms } = await this.go(visitor, EXPERIMENT.path);
      const again = await this.go(visitor, EXPERIMENT.path);
      await visitor.leave();
      const bucket = visit.cookies[EXPERIMENT.cookie];
      if (!/^\d{1,4}$/.test(bucket) || again.visit.text !== visit.text || again.visit.cookies[EXPERIMENT.cookie] !== bucket) {
        this.problem(`${EXPERIMENT.path}: a visitor with the cookie '${bucket}' must see the same twice`);
      }
      const variant = Number(bucket) < 5_000 ? 'A' : 'B';
      const known = shown.get(variant);
      shown.set(variant, {
        variant, buckets: [...known?.buckets ?? [], bucket], visit: known?.visit ?? visit, file: known?.file ?? this.save(`variant ${variant}`, visit),
      });
      this.report(`Visitor ${n + 1}, twice: ${EXPERIMENT.path}`, `200 variant ${variant}, bucket ${bucket} of 10,000, both times`, '', ms);
    }
    return [...shown.values()].sort((a, b) => a.variant.localeCompare(b.variant));
  }

  private async go(visitor: Visitor, path: string, headers: Scene['headers'] = {}): Promise<{ visit: Visit; ms: number }> {
    const started = performance.now();
    const visit = await visitor.visit({ url: this.origin + path, headers });
    return { visit, ms: performance.now() - started };
  }

  private report(input: string, output: string, failure: string, ms: number): void {
    this.world.say(`${input}: ${output}`);
    this.rows.push({ input, output, failure, role: 'none', time: formatTime(ms) });
  }

  /** @returns the file's path relative to the page */
  private save(title: string, { screenshot }: Visit): string | undefined {
    if (screenshot === undefined) {
      return undefined;
    }
    const file = posix.join(FOLDER, `${title.toLowerCase().replaceAll(' ', '-')}.png`);
    mkdirSync(join(this.world.out, FOLDER), { recursive: true });
    writeFileSync(join(this.world.out, file), screenshot);
    return file;
  }

  private problem(text: string): void {
    this.problems.push(text);
    this.world.say(`NOT AS EXPECTED: ${text}`);
  }
}
