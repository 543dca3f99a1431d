import { escapeXml } from './body';
import type { Reply } from './call';
import type { IdentifiedCall } from './identify';
import type { WireRequest } from './wire';

/** Lists that come in smaller pages than asked for, or in empty ones with a token. */

interface Paging {
  /** Names on the wire. */
  readonly tokenIn: string;
  readonly tokenOut: string;
  readonly limit: string;
  readonly results: readonly string[];
  readonly smallest: number;
}

const EMPTY_TOKEN = 'kit-empty.';

const S3_PAGING: Readonly<Record<string, Paging>> = {
  ListObjectsV2: { tokenIn: 'continuation-token', tokenOut: 'NextContinuationToken', limit: 'max-keys', results: ['Contents'], smallest: 1 },
};

/** EC2 takes MaxResults from 5 on. */
const EC2_SMALLEST = 5;

function pagingOf(call: IdentifiedCall): Paging | undefined {
  if (call.protocol === 's3') return S3_PAGING[call.operation];
  const model = call.model?.paging?.[call.operation];
  return model && { ...model, smallest: call.protocol === 'ec2' ? EC2_SMALLEST : 1 };
}

/** The request with the smallest page the service grants. */
export function shortPage(call: IdentifiedCall): WireRequest | undefined {
  const paging = pagingOf(call);
  return paging && withParam(call, paging.limit, paging.smallest);
}

/** A page without items whose token leads back to this very request. */
export function emptyPage(call: IdentifiedCall, full: Reply): Reply | undefined {
  const paging = pagingOf(call);
  if (!paging || full.status >= 300) return undefined;
  const token = EMPTY_TOKEN + Buffer.from(String(paramOf(call, paging.tokenIn) ?? '')).toString('base64url');
  const text = full.body.toString('utf8');
  switch (call.protocol) {
    case 'json':
    case 'rest-json': {
      const document: Record<string, unknown> = JSON.parse(text);
      const emptied = Object.fromEntries(paging.results.filter((name) => name in document).map((name) => [name, []]));
      return { ...full, body: Buffer.from(JSON.stringify({ ...document, ...('Count' in document && { Count: 0 }), ...emptied, [paging.tokenOut]: token })) };
    }
    case 's3':
      return {
        ...full,
        body: Buffer.from(text
          .replace(/<(Contents|CommonPrefixes)>[\s\S]*?<\/\1>/g, '')
          .replace(/<(NextContinuationToken|KeyCount|IsTruncated)>[^<]*<\/\1>/g, '')
          .replace('</ListBucketResult>', () => `<KeyCount>0</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken></ListBucketResult>`)),
      };
    case 'ec2':
      return {
        ...full,
        body: Buffer.from(text
          .replace(/<(\w+Set)>[\s\S]*<\/\1>/, '<$1/>')
          .replace(/<nextToken>[^<]*<\/nextToken>/, '')
          .replace(/<\/(\w+Response)>\s*$/, (_, name: string) => `<nextToken>${escapeXml(token)}</nextToken></${name}>`)),
      };
    default: return undefined;
  }
}

/** The request behind a token of `emptyPage`, whose page was held back; undefined for any other request. */
export function heldBackRequest(call: IdentifiedCall): WireRequest | undefined {
  const paging = pagingOf(call);
  const token = paging && paramOf(call, paging.tokenIn);
  if (!paging || typeof token !== 'string' || !token.startsWith(EMPTY_TOKEN)) return undefined;
  const original = Buffer.from(token.slice(EMPTY_TOKEN.length), 'base64url').toString('utf8');
  return withParam(call, paging.tokenIn, original === '' ? undefined : original);
}

function paramOf(call: IdentifiedCall, name: string): unknown {
  const { query, body } = call.params;
  return call.protocol === 'json' || call.protocol === 'ec2' ? (body as Record<string, unknown> | undefined)?.[name] : query?.[name];
}

function withParam(call: IdentifiedCall, name: string, value: string | number | undefined): WireRequest {
  const { request } = call;
  if (call.protocol === 'json') return { ...request, body: Buffer.from(JSON.stringify({ ...call.params.body as object, [name]: value })) };
  const isForm = call.protocol === 'ec2';
  const [path, search] = request.url.split(/\?(.*)/s);
  const params = new URLSearchParams(isForm ? request.body.toString('utf8') : search);
  if (value === undefined) params.delete(name);
  else params.set(name, String(value));
  return isForm ? { ...request, body: Buffer.from(params.toString()) } : { ...request, url: params.size > 0 ? `${path}?${params.toString()}` : path };
}
