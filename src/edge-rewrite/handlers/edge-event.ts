import type { CloudFrontHeaders, CloudFrontRequest } from 'aws-lambda';

/** A value as CloudFront functions have it. */
interface Entry {
  value: string;
  multiValue?: { value: string }[];
}
type Bag = Record<string, Entry>;

/** A request as CloudFront functions have it. */
export interface FunctionRequest {
  method: string;
  uri: string;
  querystring: Bag;
  headers: Bag;
  cookies: Bag;
  rawQueryString(): string;
}

/** An answer of a CloudFront function. */
export interface FunctionResponse {
  statusCode: number;
  headers?: Bag;
}

/** The request of a Lambda@Edge event, as a CloudFront function would see it. */
export function functionRequest({ method, uri, querystring, headers }: CloudFrontRequest): FunctionRequest {
  const host = headers['x-rewrite-host'];
  return {
    method,
    uri,
    querystring: bagOf(querystring.split('&').filter((pair) => pair !== '').map((pair) => split(pair))),
    headers: Object.fromEntries(Object.entries(host ? { ...headers, host } : headers).map(([name, values]) => [name.toLowerCase(), { value: values.map(({ value }) => value).join(',') }])),
    cookies: bagOf((headers.cookie ?? []).flatMap(({ value }) => value.split(';')).map((pair) => split(pair.trim()))),
    rawQueryString: () => querystring,
  };
}

export function queryString(bag: Bag): string {
  return Object.entries(bag).flatMap(([name, entry]) => (
    (entry.multiValue ?? [entry]).map(({ value }) => value === '' ? name : `${name}=${value}`))).join('&');
}

/** Headers of an answer, as Lambda@Edge wants them. */
export function edgeHeaders(bag: Bag = {}): CloudFrontHeaders {
  return Object.fromEntries(Object.entries(bag).map(([name, { value }]) => [name, [{ key: name, value }]]));
}

function split(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}

function bagOf(pairs: [string, string][]): Bag {
  const bag: Bag = {};
  for (const [name, value] of pairs) {
    const earlier = Object.prototype.hasOwnProperty.call(bag, name) ? bag[name] : undefined;
    if (earlier) earlier.multiValue = [...earlier.multiValue ?? [{ value: earlier.value }], { value }];
    else Object.defineProperty(bag, name, { value: { value }, enumerable: true, configurable: true, writable: true });
  }
  return bag;
}
