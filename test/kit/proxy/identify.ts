import { createHash } from 'node:crypto';
import { decodeAwsChunked, parseForm, parseXml } from './body';
import type { CallParams } from './call';
import { decodeCbor } from './cbor';
import { decodeLeniently, matchRoute, modelOfTarget, modelsOf, type ServiceModel } from './operations';
import type { WireRequest } from './wire';

/** How requests and replies of a call are written. */
export type Protocol = 's3' | 'rest-xml' | 'rest-json' | 'json' | 'query' | 'ec2' | 'cbor';

/** A request whose every part is known. */
export interface IdentifiedCall {
  readonly accessKeyId: string | undefined;
  readonly service: string;
  readonly operation: string;
  readonly region: string;
  readonly protocol: Protocol;
  readonly model: ServiceModel | undefined;
  readonly params: CallParams;
  readonly requestHash: string;
  /** The request as it goes upstream: path-style, not chunked. */
  readonly request: WireRequest;
}

export function identify(original: WireRequest): IdentifiedCall {
  const scope = scopeOf(original);
  const request = unchunk(scope.service === 's3' ? pathStyle(original) : original);
  const mark = request.url.indexOf('?');
  const path = mark < 0 ? request.url : request.url.slice(0, mark);
  const query = Object.fromEntries(new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1)));
  const found = operationOf(scope.service, request, path, query);
  const isObjectStore = found.protocol === 's3';
  const params: CallParams = {
    ...isObjectStore && { bucket: found.labels.Bucket, key: found.labels.Key, copySource: copySource(request.headers['x-amz-copy-source']) },
    ...!isObjectStore && Object.keys(found.labels).length > 0 && { labels: found.labels },
    query: Object.fromEntries(Object.entries(query).filter(([name]) => !SIGNATURE_QUERY.test(name))),
    headers: meaningful(request.headers),
    body: parseBody(found.protocol, found.operation, request),
    bytes: request.body.length,
  };
  const { operation, protocol, model } = found;
  return { ...scope, operation, protocol, model, params, request, requestHash: hashOf(scope.service, found.operation, params) };
}

const SIGNATURE_QUERY = /^(x-id|X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Security-Token|Content-Sha256))$/i;

interface Scope {
  readonly accessKeyId: string | undefined;
  readonly service: string;
  readonly region: string;
}

/** Caller, service and Region stand in the signature, in a header or, presigned, in the query. */
function scopeOf(request: WireRequest): Scope {
  const authorization = String(request.headers.authorization ?? '');
  const presigned = /[?&]X-Amz-Credential=([^&]+)/i.exec(request.url);
  const credential = /Credential=([^,\s]+)/.exec(authorization)?.[1] ?? (presigned && decodeURIComponent(presigned[1]));
  const parts = credential ? credential.split('/') : [];
  if (parts.length >= 5) return { accessKeyId: parts.slice(0, -4).join('/'), region: parts.at(-3)!, service: parts.at(-2)! };
  // SigV4A names its Regions in a header.
  if (parts.length === 4) return { accessKeyId: parts[0], region: String(request.headers['x-amz-region-set'] ?? '*'), service: parts[2] };
  const target = String(request.headers['x-amz-target'] ?? '').split('.')[0];
  return { accessKeyId: undefined, region: 'us-east-1', service: modelOfTarget(target)?.signingName ?? 's3' };
}

interface Found {
  readonly operation: string;
  readonly protocol: Protocol;
  readonly model: ServiceModel | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

function operationOf(service: string, request: WireRequest, path: string, query: Readonly<Record<string, string>>): Found {
  const models = modelsOf(service);
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    const [prefix, operation] = target.split('.');
    return { operation, protocol: 'json', model: models.find((m) => m.targetPrefix === prefix) ?? models[0], labels: {} };
  }
  const rpc = /^\/service\/[^/]+\/operation\/([^/]+)$/.exec(path);
  if (rpc && request.headers['smithy-protocol'] === 'rpc-v2-cbor') return { operation: rpc[1], protocol: 'cbor', model: models[0], labels: {} };
  const routed = models.flatMap((model) => {
    const match = model.routes && matchRoute(model, request.method, path, query, request.headers);
    return match ? [{ ...match, model }] : [];
  }).sort((a, b) => b.score - a.score)[0];
  if (routed) return { ...routed, protocol: restProtocol(service, path, routed.model) };
  const action = query.Action ?? /(?:^|&)Action=(\w+)/.exec(request.body.subarray(0, 65_536).toString('latin1'))?.[1];
  if (action) return { operation: action, protocol: service === 'ec2' ? 'ec2' : 'query', model: models[0], labels: {} };
  return { operation: `${request.method} ${path}`, protocol: service === 's3' ? 's3' : 'rest-json', model: models[0], labels: {} };
}

function restProtocol(service: string, path: string, model: ServiceModel): Protocol {
  if (model.protocol === 'rest-json') return 'rest-json';
  return service === 's3' && !path.startsWith('/v20180820/') ? 's3' : 'rest-xml';
}

/** `bucket.localhost:port/key` and `bucket.s3.eu-west-1.amazonaws.com/key` become `/bucket/key`. */
function pathStyle(request: WireRequest): WireRequest {
  const host = request.host.replace(/:\d+$/, '');
  const bucket = /^(.+)\.(?:localhost|s3(?:[.-][\w-]+)*\.amazonaws\.com(?:\.cn)?)$/.exec(host)?.[1];
  if (!bucket || request.headers['x-amz-account-id']) return request;
  return { ...request, url: `/${bucket}${request.url}` };
}

/** Emulators get the plain content; checksums that trail it become headers. */
function unchunk(request: WireRequest): WireRequest {
  const encoding = String(request.headers['content-encoding'] ?? '');
  const streaming = String(request.headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-');
  if (!streaming && !/\baws-chunked\b/.test(encoding)) return request;
  const { content, trailers } = decodeAwsChunked(request.body);
  const headers: WireRequest['headers'] = { ...request.headers, ...trailers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
  delete headers['x-amz-trailer'];
  delete headers['x-amz-decoded-content-length'];
  delete headers['x-amz-trailer-signature'];
  const rest = encoding.split(',').map((part) => part.trim()).filter((part) => part !== '' && part !== 'aws-chunked').join(', ');
  if (rest) headers['content-encoding'] = rest;
  else delete headers['content-encoding'];
  return { ...request, headers, body: content };
}

function parseBody(protocol: Protocol, operation: string, { body, url }: WireRequest): unknown {
  if (protocol === 'query' || protocol === 'ec2') return parseForm(body.length > 0 ? body.toString('utf8') : url.slice(url.indexOf('?') + 1));
  if (body.length === 0) return undefined;
  if (protocol === 'cbor') return decodeCbor(body);
  if (protocol === 's3' && (operation === 'PutObject' || operation === 'UploadPart')) return undefined;
  if (protocol === 's3' || protocol === 'rest-xml') return body[0] === 0x3C ? parseXml(body.toString('utf8')) : undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined; // a payload that is not a document, such as Lambda's
  }
}

function copySource(header: string | string[] | undefined): CallParams['copySource'] {
  if (typeof header !== 'string') return undefined;
  const [source, version] = header.replace(/^\//, '').split('?versionId=');
  const slash = source.indexOf('/');
  return { bucket: source.slice(0, slash), key: decodeLeniently(source.slice(slash + 1)), ...(version && { versionId: version }) };
}

function meaningful(headers: WireRequest['headers']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const isTelemetry = /^(x-amz-(date|security-token|content-sha256|user-agent|target|trailer|sdk.*)|amz-sdk-.*|x-amz-sdk-.*)$/.test(name);
    const isMeaningful = name.startsWith('x-amz') || name.startsWith('if-')
      || ['range', 'content-type', 'content-md5', 'content-encoding', 'cache-control', 'content-disposition', 'smithy-protocol'].includes(name);
    if (isMeaningful && !isTelemetry && value !== undefined) kept[name] = String(value);
  }
  return kept;
}

/** Headers that say which request this is; conditions and metadata may hold values of one run only. */
const HASHED_HEADERS = ['x-amz-copy-source', 'range', 'if-none-match', 'x-amz-invocation-type'];
const VOLATILE_FIELDS = ['ReceiptHandle', 'ClientToken', 'ClientRequestToken', 'uploadId', 'IdempotencyToken'];

/** Object content and ids of one run stay out: the same step of another run has the same hash. */
function hashOf(service: string, operation: string, params: CallParams): string {
  const headers = Object.fromEntries(HASHED_HEADERS.map((name) => [name, params.headers?.[name]]));
  const { bucket, key, labels, query, body } = params;
  const parts = [service, operation, bucket, key, labels, query, headers, body];
  const text = JSON.stringify(parts, (field, value: unknown) => VOLATILE_FIELDS.includes(field) ? undefined : value);
  return createHash('sha256').update(mask(text)).digest('hex').slice(0, 16);
}

function mask(text: string): string {
  return text
    .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/gi, '<uuid>')
    .replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z?/g, '<time>')
    .replace(/\b1[5-9]\d{8}(\d{3}|\.\d+)?\b/g, '<epoch>')
    .replace(/https?:\/\/(127\.0\.0\.1|localhost):\d+/g, '<origin>');
}
