/** A site behind a distribution, all on this machine: the edge as synthesized, a web server with the files, an API. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack, aws_cloudfront as cloudfront, aws_cloudfront_origins as origins } from 'aws-cdk-lib';
import * as ts from 'typescript';
import * as library from '../../src';
import { EdgeRewrite, EdgeRewriteProps } from '../../src/edge-rewrite';
import { type EdgeReply, type EdgeRequest, run as runIn } from '../kit/njs/engine';
import type { Nginx } from '../kit/njs/nginx';
import { type Answer, ask } from '../kit/njs/nginx-client';
import { type EdgeDeployment, type Forwarded, deploymentOf } from '../kit/njs/nginx-deployment';
import type { Origin } from '../kit/njs/nginx-origin';

process.env.CDK_VALIDATION = 'false';

/** What a stack with these props deploys. The distribution has the origins `site` and `api`. */
export function deployed(props: EdgeRewriteProps): EdgeDeployment {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Site');
  const edge = new EdgeRewrite(stack, 'Edge', props);
  new cloudfront.Distribution(stack, 'Distribution', {
    defaultRootObject: 'index.html',
    defaultBehavior: edge.behavior({ origin: new origins.HttpOrigin('site.example.com', { originId: 'site' }) }),
    additionalBehaviors: { '/api-origin/*': { origin: new origins.HttpOrigin('api.example.com', { originId: 'api' }) } },
  });
  return deploymentOf(stack);
}

/** What the TypeScript example deploys; it is a program that imports the package by its name. */
export function deployedByExample(folder: string): EdgeDeployment {
  const { outputText } = ts.transpileModule(readFileSync(join(folder, 'app.ts'), 'utf8'), { compilerOptions: { module: ts.ModuleKind.CommonJS } });
  const run = new Function('require', 'exports', `${outputText}\nreturn stack;`) as (load: (name: string) => unknown, exports: object) => Stack;
  const directory = process.cwd();
  process.chdir(folder);
  try {
    return deploymentOf(run((name) => name === 'cdk-lambda-blueprints' ? library : jest.requireActual(name), {}));
  } finally {
    process.chdir(directory);
  }
}

/** Hosts that rules of the fixtures proxy to. */
export const PROXY_HOSTS = ['api.example.com', 'search.example.com'];

/** The same origin for all, below a path that tells for whom it answers. */
export function echoed(echo: Origin): Record<string, string> {
  return Object.fromEntries(['site', 'api', ...PROXY_HOSTS].map((name) => [name, `${echo.url}/${name}`]));
}

export const RANDOM = 0.4711;

/** What the site gave, or the function itself. */
interface Seen {
  readonly status: number;
  readonly location?: string;
  readonly cookies: readonly string[];
  /** Of the origin's answer and the functions', without those of the connection. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** What the origin was asked for. */
  readonly target?: string;
}

type Comparison = readonly [nginx: Seen, njs: Seen, v8: Seen];

const OF_CONNECTION = ['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'server', 'x-cache'];
const HOST = 'd111111abcdef8.cloudfront.net';

/** Asks nginx in front of an echo, and both bare engines, and returns what each of them makes of a request. */
export async function compared(server: Nginx, deployment: EdgeDeployment, requests: readonly EdgeRequest[]): Promise<readonly Comparison[]> {
  const njs = inEngine('njs', deployment, requests);
  const v8 = inEngine('v8', deployment, requests);
  const seen: Comparison[] = [];
  for (const [n, request] of requests.entries()) {
    seen.push([ofAnswer(await send(server, request)), njs[n], v8[n]]);
  }
  return seen;
}

function send(server: Nginx, { uri, query, method, headers, cookies = {} }: EdgeRequest): Promise<Answer> {
  const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join('; ');
  return ask(server.origin, {
    path: uri + (query === undefined ? '' : `?${query}`),
    method,
    headers: { host: HOST, ...headers, ...cookie === '' ? {} : { cookie } },
  });
}

function ofAnswer({ status, headers: { location, 'set-cookie': cookies = [], ...headers }, body }: Answer): Seen {
  const generated = headers['x-cache'] === 'FunctionGeneratedResponse from cloudfront';
  return {
    status,
    location,
    cookies,
    headers: generated ? {} : Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_CONNECTION.includes(name))),
    target: generated ? undefined : (JSON.parse(body) as { target: string }).target,
  };
}

/** What the echo answers, and what the policy adds before viewer-response runs. */
function originsAnswer({ responseHeaders: { set, remove } }: EdgeDeployment): EdgeReply {
  const headers: Record<string, { value: string }> = { 'content-type': { value: 'application/json' } };
  set.forEach(({ name, value }) => { headers[name.toLowerCase()] = { value }; });
  remove.forEach((name) => { delete headers[name.toLowerCase()]; });
  return { statusCode: 200, headers, cookies: { session: { value: '1', attributes: 'Path=/; HttpOnly' }, theme: { value: 'dark' } } };
}

function inEngine(engine: 'njs' | 'v8', deployment: EdgeDeployment, requests: readonly EdgeRequest[]): readonly Seen[] {
  const { viewerRequest, viewerResponse, data } = deployment;
  const visible = requests.map((request) => withVisible(request, deployment));
  const [first] = runIn(engine, [{ code: viewerRequest!, data, random: RANDOM, requests: visible }]);
  const passed = first.map(({ reply }) => reply).filter(({ statusCode }) => statusCode === undefined);
  const response = originsAnswer(deployment);
  const second = viewerResponse === undefined || passed.length === 0
    ? passed.map((): EdgeReply => response)
    : runIn(engine, [{
      code: viewerResponse,
      response,
      requests: passed.map((reply) => (
        { uri: reply.uri!, query: queryOf(reply, 'all'), headers: plain(reply.headers), cookies: plain(reply.cookies ?? {}) })),
    }])[0].map(({ reply }) => reply);
  const answers = second.values();
  return first.map(({ reply, origin }): Seen => {
    if (reply.statusCode !== undefined) {
      return { status: reply.statusCode, location: reply.headers?.location?.value, cookies: [], headers: {}, target: undefined };
    }
    const query = queryOf(reply, deployment.forwarded.queries);
    const path = reply.uri === '/' ? `/${deployment.rootObject ?? ''}` : reply.uri;
    const { statusCode = 0, headers, cookies = {} } = answers.next().value as EdgeReply;
    return {
      status: statusCode,
      location: headers.location?.value,
      cookies: Object.entries(cookies).map(([name, { value, attributes }]) => `${name}=${value}${attributes === undefined ? '' : `; ${attributes}`}`),
      headers: plain(headers),
      target: `/${nameOf(origin) ?? deployment.defaultOrigin}${path}${query === '' ? '' : `?${query}`}`,
    };
  });
}

/** CloudFront's own headers are there as far as a policy names them. */
function withVisible({ headers = {}, ...request }: EdgeRequest, { forwarded }: EdgeDeployment): EdgeRequest {
  const visible = Object.entries(headers).filter(([name]) => !name.startsWith('cloudfront-') || forwarded.headers.includes(name));
  return { ...request, headers: Object.fromEntries(visible) };
}

function nameOf(origin: unknown): string | undefined {
  return typeof origin === 'object' && origin !== null ? (origin as { domainName: string }).domainName : origin as string | undefined;
}

function queryOf({ querystring = {} }: EdgeReply, names: Forwarded['queries']): string {
  return Object.entries(querystring).filter(([name]) => names === 'all' || names.includes(name))
    .flatMap(([name, { value, multiValue = [{ value }] }]) => multiValue.map((one) => `${name}=${one.value}`)).join('&');
}

function plain(values: EdgeReply['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
}
