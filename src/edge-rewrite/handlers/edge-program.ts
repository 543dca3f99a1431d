import { compileFunction } from 'node:vm';
import type { CloudFrontRequest, CloudFrontResultResponse } from 'aws-lambda';
import { edgeHeaders, FunctionRequest, functionRequest, FunctionResponse, queryString } from './edge-event';
import { EdgeTable } from './edge-table';

/** Request header that holds the status of a page. */
export const STATUS = 'x-rewrite-status';

type Handler = (event: { request: FunctionRequest }) => Promise<FunctionRequest | FunctionResponse>;

/** What `updateRequestOrigin` is given. */
interface OriginUpdate {
  readonly domainName: string;
  readonly customOriginConfig: { readonly port: number; readonly protocol: 'http' | 'https'; readonly sslProtocols: string[] };
}

export type Outcome =
  | { readonly kind: 'response'; readonly response: CloudFrontResultResponse }
  | { readonly kind: 'request'; readonly request: CloudFrontRequest };

/** Runs the code of a CloudFront function on the events of Lambda@Edge: one meaning of a rule in all tiers. */
export class EdgeProgram {
  private readonly handler: Handler;
  private origin?: OriginUpdate;

  constructor(table: EdgeTable) {
    const cf = {
      // A store throws for what it has not; the program takes an empty answer alike, and a stack costs more than the look-up.
      kvs: () => ({ get: async (key: string) => table.get(key) ?? '' }),
      updateRequestOrigin: (origin: OriginUpdate) => { this.origin = origin; },
    };
    const code = table.head.code.replace(/^import cf from 'cloudfront';\n/, '');
    this.handler = compileFunction(`${code}\nreturn handler;`, ['cf'])(cf) as Handler;
  }

  public async run(request: CloudFrontRequest): Promise<Outcome> {
    this.origin = undefined;
    const seen = functionRequest(request);
    const queryBefore = queryString(seen.querystring);
    const result = await this.handler({ request: seen });
    if ('statusCode' in result) {
      return { kind: 'response', response: { status: String(result.statusCode), headers: edgeHeaders(result.headers) } };
    }
    const queryAfter = queryString(result.querystring);
    return {
      kind: 'request',
      request: {
        ...request,
        uri: result.uri,
        querystring: queryAfter === queryBefore ? request.querystring : queryAfter,
        ...this.elsewhere(withStatus(request, result.headers[STATUS]?.value)),
      },
    };
  }

  /** CloudFront finds the origin by what stands in the request. */
  private elsewhere({ headers }: CloudFrontRequest): Partial<CloudFrontRequest> {
    if (!this.origin) return { headers };
    const { domainName, customOriginConfig: { port, protocol, sslProtocols } } = this.origin;
    return {
      origin: { custom: { customHeaders: {}, domainName, keepaliveTimeout: 5, path: '', port, protocol, readTimeout: 30, sslProtocols } },
      headers: { ...headers, host: [{ key: 'Host', value: domainName }] },
    };
  }
}

/** The mark by which a page receives its status, never one of the visitor's own. */
export function withStatus(request: CloudFrontRequest, status?: string): CloudFrontRequest {
  const { [STATUS]: _forged, ...headers } = request.headers;
  return { ...request, headers: status === undefined ? headers : { ...headers, [STATUS]: [{ key: STATUS, value: status }] } };
}
