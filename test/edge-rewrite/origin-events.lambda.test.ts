import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stage } from 'aws-cdk-lib';
import type { CloudFrontRequest } from 'aws-lambda';
import { EdgeOriginEvent, EdgeRewrite, EdgeTier, RewriteRule } from '../../src';
import { LambdaHost } from '../kit/lambda-host';
import { ensureKit } from '../kit/setup';
import { stackFor } from '../kit/stack';

/** The very assets a user deploys, in Lambda's runtime client. */
let host: LambdaHost;

beforeAll(async () => {
  ensureKit();
  host = await LambdaHost.start({ endpoint: 'http://127.0.0.1:9' });
  for (const eventType of Object.values(EdgeOriginEvent)) register(eventType);
}, 60_000);

afterAll(() => host?.stop());

interface Assets { readonly files: Record<string, { readonly displayName: string; readonly source: { readonly path: string } }> }

function register(eventType: EdgeOriginEvent): void {
  const stack = stackFor({ env: { region: 'us-east-1' } });
  new EdgeRewrite(stack, 'Edge', {
    rules: [
      RewriteRule.redirect('/old/*', '/new/:splat'), RewriteRule.gone('/2019/*'), RewriteRule.redirect('/shop', '/hosted', { host: 'shop.example.com' }),
      ...(eventType === EdgeOriginEvent.ORIGIN_REQUEST ? [RewriteRule.status('/lost/*', 404, { page: '/404.html' })] : []),
    ],
    tier: EdgeTier.lambdaEdge({ eventType }),
  });
  const { directory } = Stage.of(stack)!.synth();
  const { files } = JSON.parse(readFileSync(join(directory, 'Stack.assets.json'), 'utf8')) as Assets;
  const [{ source }] = Object.values(files).filter(({ displayName }) => displayName === `edge-rewrite/${eventType}`);
  host.register({
    name: eventType,
    arn: `arn:aws:lambda:us-east-1:123456789012:function:${eventType}`,
    code: source.path,
    handler: 'index.handler',
    timeoutSeconds: 5,
    memoryMb: 512,
    environment: {},
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
  });
}

const request = (uri: string): CloudFrontRequest => ({ clientIp: '192.0.2.1', method: 'GET', uri, querystring: 'a=1', headers: { host: [{ key: 'Host', value: 'o' }] } });

async function invoke(eventType: EdgeOriginEvent, cf: unknown): Promise<unknown> {
  const outcome = await host.invoke(eventType, { Records: [{ cf }] });
  expect(outcome).toMatchObject({ kind: 'ok' });
  return outcome.payload;
}

describe('origin-request', () => {
  const answer = (uri: string) => invoke(EdgeOriginEvent.ORIGIN_REQUEST, { request: request(uri) });

  test('answers by rule', async () => {
    expect(await answer('/old/x')).toEqual({ status: '301', headers: { location: [{ key: 'location', value: '/new/x?a=1' }] } });
    expect(await answer('/2019/x')).toMatchObject({ status: '410' });
  }, 60_000);

  test('knows the host of the viewer', async () => {
    const told = (value: string) => ({ ...request('/shop'), headers: { ...request('/shop').headers, 'x-rewrite-host': [{ key: 'x-rewrite-host', value }] } });
    expect(await invoke(EdgeOriginEvent.ORIGIN_REQUEST, { request: told('shop.example.com') })).toMatchObject({ status: '301', headers: { location: [{ value: '/hosted?a=1' }] } });
    expect(await invoke(EdgeOriginEvent.ORIGIN_REQUEST, { request: told('www.example.com') })).toEqual(told('www.example.com'));
  });

  test('a page receives its status when the origin has answered, and no visitor can ask for one', async () => {
    const asked = await answer('/lost/x') as CloudFrontRequest;
    expect(asked).toMatchObject({ uri: '/404.html', headers: { 'x-rewrite-status': [{ value: '404' }] } });
    const answered = (from: CloudFrontRequest, status: string) => invoke(EdgeOriginEvent.ORIGIN_REQUEST, { request: from, response: { status, statusDescription: 'OK', headers: {} } });
    expect(await answered(asked, '200')).toEqual({ status: '404', headers: {} });
    expect(await answered(asked, '503')).toMatchObject({ status: '503' });
    expect(await answered(request('/x'), '200')).toMatchObject({ status: '200' });
    const forged = { ...request('/x'), headers: { ...request('/x').headers, 'x-rewrite-status': [{ key: 'X-Rewrite-Status', value: '500' }] } };
    expect(await invoke(EdgeOriginEvent.ORIGIN_REQUEST, { request: forged })).toEqual(request('/x'));
  });

  test('lets everything else through unchanged', async () => {
    expect(await answer('/other')).toEqual(request('/other'));
  });

  test('lets through what it cannot read', async () => {
    const broken = { ...request('/old/x'), headers: null };
    expect(await invoke(EdgeOriginEvent.ORIGIN_REQUEST, { request: broken })).toEqual(broken);
  });
});

describe('origin-response', () => {
  const response = (status: string) => ({
    status,
    statusDescription: 'as the origin says',
    headers: { 'via': [{ key: 'Via', value: '1.1 x' }], 'content-type': [{ key: 'Content-Type', value: 'text/xml' }] },
  });
  const answer = (uri: string, status: string) => invoke(EdgeOriginEvent.ORIGIN_RESPONSE, { request: request(uri), response: response(status) });

  test.each(['403', '404'])('a missing file (%s) is answered by rule, without the body of the origin', async (status) => {
    expect(await answer('/old/x', status)).toEqual({
      status: '301',
      headers: { via: [{ key: 'Via', value: '1.1 x' }], location: [{ key: 'location', value: '/new/x?a=1' }] },
      body: '',
      bodyEncoding: 'text',
    });
  }, 60_000);

  test.each([['/old/x', '200'], ['/old/x', '304'], ['/old/x', '500'], ['/other', '404']])('%s with %s stays as it is', async (uri, status) => {
    expect(await answer(uri, status)).toEqual(response(status));
  });
});
