import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** operations.json: written once by export-operations.ts from botocore's service models. */
export interface OperationsFile {
  readonly notice: string;
  readonly services: Readonly<Record<string, ServiceModel>>;
}

export interface ServiceModel {
  readonly signingName: string;
  readonly protocol: 'json' | 'rest-json' | 'rest-xml' | 'query' | 'ec2' | 'smithy-rpc-v2-cbor';
  readonly jsonVersion?: string;
  readonly targetPrefix?: string;
  /** JSON services that were query services once: they send the old code in a header. */
  readonly queryCompatible?: boolean;
  /** REST services: operation -> `METHOD /path/{Label}?query header`. */
  readonly routes?: Readonly<Record<string, string>>;
  readonly paging?: Readonly<Record<string, PagingModel>>;
}

export interface PagingModel {
  readonly tokenIn: string;
  readonly tokenOut: string;
  readonly limit: string;
  readonly results: readonly string[];
}

interface Route {
  readonly operation: string;
  readonly method: string;
  readonly segments: readonly string[];
  readonly query: readonly { readonly name: string; readonly value?: string }[];
  readonly headers: readonly string[];
}

export interface RouteMatch {
  readonly operation: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The higher, the more of the request the route names. */
  readonly score: number;
}

const FILE: OperationsFile = JSON.parse(readFileSync(join(__dirname, 'operations.json'), 'utf8'));
const ROUTES = new Map<ServiceModel, readonly Route[]>();

/** All services that sign with this name: `s3` is S3 and S3 Control, `dynamodb` the tables and their streams. */
export function modelsOf(signingName: string): readonly ServiceModel[] {
  return Object.values(FILE.services).filter((model) => model.signingName === signingName);
}

export function modelOfTarget(prefix: string): ServiceModel | undefined {
  return Object.values(FILE.services).find((model) => model.targetPrefix === prefix);
}

/** The most specific route the request satisfies: method, path, fixed and required query parameters, required headers. */
export function matchRoute(
  model: ServiceModel, method: string, path: string, query: Readonly<Record<string, string>>, headers: Readonly<Record<string, unknown>>,
): RouteMatch | undefined {
  const segments = path.split('/').slice(1);
  let best: RouteMatch | undefined;
  for (const route of routesOf(model)) {
    if (route.method !== method) continue;
    if (!route.query.every(({ name, value }) => name in query && (value === undefined || query[name] === value))) continue;
    if (!route.headers.every((name) => name in headers)) continue;
    const labels = matchPath(route.segments, segments);
    if (!labels) continue;
    // A literal segment outweighs query and headers; SDKs settle the few ties by `x-id`.
    const score = 100 * route.segments.filter((segment) => !segment.startsWith('{')).length
      + 10 * (route.query.length + route.headers.length) + (query['x-id'] === route.operation ? 1 : 0);
    if (!best || score > best.score) best = { operation: route.operation, labels, score };
  }
  return best;
}

/** `{Label}` takes one segment, `{Label+}` as many as the segments after it leave. */
function matchPath(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const greedy = pattern.findIndex((part) => part.endsWith('+}'));
  // `/bucket/` is `/bucket`: path-style clients send both.
  const given = greedy < 0 && segments.length === pattern.length + 1 && segments.at(-1) === '' ? segments.slice(0, -1) : segments;
  if (greedy < 0 ? given.length !== pattern.length : given.length < pattern.length) return undefined;
  const extra = given.length - pattern.length;
  const labels: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    const from = greedy >= 0 && i > greedy ? i + extra : i;
    const text = given.slice(from, i === greedy ? from + extra + 1 : from + 1).join('/');
    if (!part.startsWith('{')) {
      if (part !== text) return undefined;
      continue;
    }
    if (text === '') return undefined;
    labels[part.replace(/[{+}]/g, '')] = decodeLeniently(text);
  }
  return labels;
}

/** Paths a client encoded wrongly still name something: what they say. */
export function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function routesOf(model: ServiceModel): readonly Route[] {
  let routes = ROUTES.get(model);
  if (!routes) {
    routes = Object.entries(model.routes ?? {}).map(([operation, text]) => parseRoute(operation, text));
    ROUTES.set(model, routes);
  }
  return routes;
}

function parseRoute(operation: string, text: string): Route {
  const [method, uri, ...headers] = text.split(' ');
  const [path, query] = uri.split('?');
  return {
    operation,
    method,
    segments: path.split('/').slice(1),
    query: (query ? query.split('&') : []).map((part) => {
      const [name, value] = part.split('=');
      return { name, value };
    }),
    headers,
  };
}
