/** One rule of every kind and all options at once: what a request may cost and the code may weigh at most. */
import { hostOf, inSegment, redirect, rewrite, rule, setOf, strict, target, when } from './rules';
import { CompileOptions, RuleSet } from '../../src/edge-rewrite/compiler/model';
import { EdgeRequest } from '../kit/njs/engine';

export const EVERYTHING: CompileOptions = {
  tier: 'key-value-store',
  canonicalHost: 'www.example.com',
  trailingSlash: 'remove',
  cleanUrls: true,
  indexDocument: 'index.html',
  spaFallback: '/index.html',
  originIds: ['api'],
  maxReads: 8,
};

const HEADERS = { 'accept-language': 'en-GB;q=0.1, de;q=0.8, fr;q=0.9', 'cloudfront-viewer-country': 'AT', 'cloudfront-is-mobile-viewer': 'true' };
/** Every rule of `everything`, its conditions holding and not. */
export const DEAREST: readonly EdgeRequest[] = [
  ...['/old/a', '/strict', '/shop/x/item', '/news/a/b', '/about', '/host', '/gone/x', '/missing', '/api/x', '/pricing', '/lang', '/device', '/article',
    '/search', '/top', '/shops/A', '/blog/post-1.html', '/blog/x', '/no/such/page', '/no/index.html'].flatMap((uri) => [uri, `${uri}/`].map((one) => ({ uri: one, query: 'id=%zz&all=2', headers: HEADERS }))),
  { uri: '/lang/', query: 'x=1', headers: HEADERS, cookies: { beta: 'on' } },
  { uri: '/lang/', query: 'x=1', headers: HEADERS, cookies: { beta: 'off' } },
  { uri: '/lang/', query: 'x=1', headers: { ...HEADERS, host: 'www.example.com' }, cookies: { beta: 'off' } },
  { uri: '/device/', query: 'x=1', headers: HEADERS, method: 'POST' },
  { uri: '/host/', query: 'x=1', headers: { ...HEADERS, host: 'old.example.com' } },
];

export function everything(): RuleSet {
  return setOf([
    ...['/old/a', '/old/b'].map((from) => redirect(from, '/new')),
    strict(redirect('/strict', '/new')),
    redirect('/shop/:category/item', '/store/:category'),
    redirect('/news/*', '/n/:splat', 302),
    rewrite('/about', '/pages/about'),
    { ...redirect('/host', '/hosted'), host: hostOf('old.example.com') },
    rule('/gone/*', { kind: 'status', status: 410 }),
    rule('/missing', { kind: 'status', status: 404, page: target('/404.html') }),
    rule('/api/*', { kind: 'proxy', origin: { id: 'api' }, target: target('/:splat') }),
    rule('/pricing', { kind: 'split', experiment: 'price', variants: [{ weight: 80, target: target('/pricing') }, { weight: 20, target: target('/pricing-b') }] }),
    when(redirect('/lang', '/de/', 302), { kind: 'language', values: ['de'] }),
    when(redirect('/lang', '/at/', 302), { kind: 'country', values: ['AT'] }, { kind: 'cookie', name: 'beta', values: ['on'] }),
    when(redirect('/device', '/m', 302), { kind: 'device', values: ['mobile'] }, { kind: 'method', values: ['GET'] }),
    { ...redirect('/article', '/articles/:id'), query: [{ name: 'id', capture: 'id' }], queryPolicy: 'merge' },
    rule('/search', { kind: 'rewrite', target: { ...target('/find'), query: [{ name: 'all', value: [{ text: '1' }] }] } }, { queryPolicy: 'merge' }),
    rule('/top', { kind: 'redirect', status: 301, target: { ...target('/bottom'), fragment: 'end' } }),
    redirect('/shops/:name', 'https://:name.shops.example.com/'),
    rule('/blog', { kind: 'redirect', status: 301, target: { ...target('/posts'), query: [{ name: 'id', value: [{ capture: 'id' }] }] } }, { path: inSegment('blog', 'post-', '.html') }),
  ]);
}
