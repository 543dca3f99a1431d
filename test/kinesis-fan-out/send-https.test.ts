import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { answered, contextOf, DELIVERED, entries, entryOf, failed, json, jsonError, NEVER, PLAIN, record, refused, type Reply, sequence, SHARD, Wire } from './wire';
import type { Packing } from '../../src/kinesis-fan-out/contract';
import { HttpsSender } from '../../src/kinesis-fan-out/handlers/send-https';

const URL_OF_API = 'https://api.example.com/v1/orders?tenant=7';
const ID = `${SHARD}:${sequence(0)}`;
const ARN = 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:partner';

interface Options {
  readonly headers?: Record<string, string>;
  readonly timeoutMs?: number;
  readonly packing?: Packing;
  /** What Secrets Manager answers, one after the other. */
  readonly secrets?: readonly Reply[];
  readonly request?: typeof fetch;
}

let server: Server;
let seen: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[];
let respond: (response: ServerResponse, request: IncomingMessage) => void;
let secretCalls: number;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body: await text(request) });
    respond(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  seen = [];
  secretCalls = 0;
  respond = (response) => response.end();
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

/** The real `fetch`, to a server without TLS. */
const plainFetch: typeof fetch = (url, init) => {
  const { pathname, search } = new URL(String(url));
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}${search}`, init);
};

function senderWith(options: Options = {}, url = URL_OF_API): HttpsSender {
  const { headers = {}, timeoutMs = 5000, packing = PLAIN, secrets = [], request = plainFetch } = options;
  const target = { kind: 'https', method: 'POST', headers, timeoutMs, maxBodyBytes: 1e6, concurrency: 4 } as const;
  const wire = new Wire((_request, n) => {
    secretCalls = n;
    return secrets[Math.min(n, secrets.length) - 1];
  });
  const context = contextOf(target, url, { packing, secretArn: secrets.length > 0 ? ARN : '' });
  return new HttpsSender(context, new SecretsManagerClient(wire.client), request);
}

function send(options?: Options, body = '{"n":1}') {
  return senderWith(options).send(entries(body), NEVER);
}

function status(code: number, headers: Record<string, string> = {}): void {
  respond = (response) => response.writeHead(code, headers).end('an answer');
}

function secret(value: string): Reply {
  return json({ ARN, SecretString: value });
}

test('a request with the id that makes it happen once', async () => {
  expect(await send({ headers: { 'x-tenant': '7' } })).toEqual(answered(DELIVERED));
  expect(seen).toEqual([expect.objectContaining({ method: 'POST', url: '/v1/orders?tenant=7', body: '{"n":1}' })]);
  expect(seen[0].headers).toMatchObject({ 'idempotency-key': ID, 'content-type': 'application/json', 'content-length': '7', 'x-tenant': '7' });
  expect(seen[0].headers).not.toHaveProperty('authorization');
});

test.each<[Packing['kind'], string, string, string | undefined]>([
  ['none', '\u0001', 'application/octet-stream', undefined],
  ['none', '', 'application/octet-stream', undefined],
  ['json-array', '[1]', 'application/json', undefined],
  ['ndjson', '1\n', 'application/x-ndjson', undefined],
])('%s of %j is %s', async (kind, body, type, encoding) => {
  await send({ packing: { ...PLAIN, kind } }, body);
  expect([seen[0].headers['content-type'], seen[0].headers['content-encoding'], seen[0].body]).toEqual([type, encoding, body]);
});

test('compressed lines say so', async () => {
  const data = gzipSync('1\n');
  await senderWith({ packing: { ...PLAIN, kind: 'ndjson-gzip' } }).send([entryOf(record(0, { data }))], NEVER);
  expect(seen[0].headers).toMatchObject({ 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip', 'content-length': String(data.length) });
});

test.each([200, 201, 202, 204])('%d: delivered', async (code) => {
  status(code);
  expect(await send()).toEqual(answered(DELIVERED));
});

test.each([[400, 'REFUSED'], [413, 'TOO_LARGE'], [422, 'REFUSED']])('%d: refused', async (code, reason) => {
  status(code);
  expect(await send()).toEqual(answered(refused(`HTTP ${code}`, reason)));
});

test.each([401, 402, 403, 404, 405, 406, 410, 411, 414, 415, 431, 451])('%d: broken', async (code) => {
  status(code);
  expect(await send()).toEqual(answered(failed(`HTTP ${code}`, true)));
  expect(seen).toHaveLength(1);
});

test.each([304, 408, 409, 423, 425, 429, 500, 501, 502, 503, 504, 507])('%d: tried again', async (code) => {
  status(code);
  expect(await send()).toEqual(answered(failed(`HTTP ${code}`)));
  expect(seen).toHaveLength(1);
});

test.each([301, 302, 303, 307, 308])('%d: a body goes nowhere it was not sent', async (code) => {
  status(code, { location: '/elsewhere' });
  expect(await send()).toEqual(answered(failed(`HTTP ${code}`, true)));
  expect(seen).toHaveLength(1);
});

describe('authorization', () => {
  test('the secret is the header, fetched once', async () => {
    const sender = senderWith({ secrets: [secret('Bearer one\n')] });
    await Promise.all([sender.send(entries('1'), NEVER), sender.send(entries('2'), NEVER)]);
    await sender.send(entries('3'), NEVER);
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer one', 'Bearer one']);
    expect(secretCalls).toBe(1);
  });

  test('after a 401 the new secret is tried once', async () => {
    const sender = senderWith({ secrets: [secret('old'), secret('new')] });
    respond = (response, { headers }) => response.writeHead(headers.authorization === 'new' ? 200 : 401).end();
    expect(await sender.send(entries('1'), NEVER)).toEqual(answered(DELIVERED));
    expect(await sender.send(entries('2'), NEVER)).toEqual(answered(DELIVERED));
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['old', 'new', 'new']);
    expect(secretCalls).toBe(2);
  });

  test('requests that are refused together ask for it once', async () => {
    const sender = senderWith({ secrets: [secret('old'), secret('new')] });
    respond = (response, { headers }) => response.writeHead(headers.authorization === 'new' ? 200 : 401).end();
    const outcomes = await Promise.all(['1', '2', '3'].map((body) => sender.send(entries(body), NEVER)));
    expect(outcomes).toEqual([answered(DELIVERED), answered(DELIVERED), answered(DELIVERED)]);
    expect(secretCalls).toBe(2);
  });

  test('a new secret that is refused, too, is not tried again', async () => {
    status(401);
    expect(await send({ secrets: [secret('old'), secret('new')] })).toEqual(answered(failed('HTTP 401', true)));
    expect(seen).toHaveLength(2);
  });

  test('a secret that is still the same is not', async () => {
    status(401);
    expect(await send({ secrets: [secret('same')] })).toEqual(answered(failed('HTTP 401', true)));
    expect(seen).toHaveLength(1);
  });

  test('a secret that cannot be had sends nothing, and is asked for again', async () => {
    const sender = senderWith({ secrets: [jsonError('ThrottlingException'), jsonError('ResourceNotFoundException'), secret('one')] });
    expect(await sender.send(entries('1'), NEVER)).toEqual(answered(failed('secret: ThrottlingException')));
    expect(await sender.send(entries('1'), NEVER)).toEqual(answered(failed('secret: ResourceNotFoundException', true)));
    expect(seen).toEqual([]);
    expect(await sender.send(entries('1'), NEVER)).toEqual(answered(DELIVERED));
  });

  test.each(['', 'two\nlines', 'schlüssel'])('a secret that is no header (%j) is named by no one', async (value) => {
    expect(await send({ secrets: [secret(value)] })).toEqual(answered(failed('secret: NoHeaderText', true)));
    expect(seen).toEqual([]);
  });
});

describe('what goes wrong on the way', () => {
  test('an answer that does not come in time', async () => {
    respond = () => {};
    expect(await send({ timeoutMs: 50 })).toEqual(answered({ kind: 'failed', code: 'TimeoutError' }));
  });

  test('an invocation that ends', async () => {
    expect(await senderWith().send(entries('1'), AbortSignal.abort())).toEqual(answered({ kind: 'failed', code: 'AbortError' }));
    expect(seen).toEqual([]);
  });

  test('a connection that breaks', async () => {
    respond = (response) => response.destroy();
    expect(await send()).toEqual(answered({ kind: 'failed', code: 'UND_ERR_SOCKET' }));
  });

  test.each([
    'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'ENOTFOUND',
  ])('nobody who is who we look for: %s', async (code) => {
    const request = () => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('quoted'), { code }) }));
    expect(await send({ request })).toEqual(answered(failed(code, true)));
  });

  test.each(['EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'EPROTO'])('what passes: %s', async (code) => {
    const request = () => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('quoted'), { code }) }));
    expect(await send({ request })).toEqual(answered({ kind: 'failed', code }));
  });

  test('an answer without end counts by its status', async () => {
    let ended = false;
    respond = (response) => {
      response.on('close', () => ended = true);
      const more = (): void => void (ended || (response.write('x'.repeat(65_536)) ? setImmediate(more) : response.once('drain', more)));
      more();
    };
    expect(await send()).toEqual(answered(DELIVERED));
  });

  test('an answer that breaks off does, too', async () => {
    respond = (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('x', () => response.destroy());
    };
    expect(await send()).toEqual(answered(DELIVERED));
  });
});

test.each(['http://api.example.com/?key=secret', 'no url secret'])('%s is no place to send to, and not quoted', (url) => {
  expect(() => senderWith({}, url)).toThrow(/^the URL of an HTTPS destination must begin with 'https:\/\/'$/);
});
