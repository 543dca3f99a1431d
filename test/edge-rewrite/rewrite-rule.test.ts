import { Duration } from 'aws-cdk-lib';
import { EdgeCondition, EdgeDevice, EdgeOrigin, RewriteQueryPolicy, RewriteRule } from '../../src';

/** What the compiler is given. */
const modelOf = (rule: RewriteRule) => {
  const { source, ...rest } = rule._at('Stack/Edge', 3);
  expect(source).toMatchObject({ file: 'Stack/Edge', line: 3 });
  return rest;
};
const literal = (text: string) => ({ kind: 'literal', text });
const SPLAT = { kind: 'splat', name: 'splat' };
const PLAIN = { query: [], conditions: [], queryPolicy: 'keep', force: true };
const path = (...segments: object[]) => ({ segments, trailing: 'optional', slash: false });

test.each<[string, RewriteRule, object]>([
  ['redirect', RewriteRule.redirect('/old/*', '/new/:splat'), {
    ...PLAIN,
    path: path(literal('old'), SPLAT),
    action: { kind: 'redirect', status: 301, target: { path: [{ text: '/new/' }, { capture: 'splat' }] } },
    force: false,
  }],
  ['redirect to another site', RewriteRule.redirect('/a', 'https://b.example/c?d=e#f', { status: 308 }), {
    ...PLAIN,
    path: path(literal('a')),
    action: {
      kind: 'redirect',
      status: 308,
      target: { scheme: 'https', host: [{ text: 'b.example' }], path: [{ text: '/c' }], query: [{ name: 'd', value: [{ text: 'e' }] }], fragment: 'f' },
    },
  }],
  ['rewrite', RewriteRule.rewrite('/a/:id', '/b/:id', { force: false }), {
    ...PLAIN,
    path: path(literal('a'), { kind: 'placeholder', name: 'id' }),
    action: { kind: 'rewrite', target: { path: [{ text: '/b/' }, { capture: 'id' }] } },
    force: false,
  }],
  ['proxy by id', RewriteRule.proxy('/api', '/', { origin: EdgeOrigin.byId('api') }), {
    ...PLAIN, path: path(literal('api')), action: { kind: 'proxy', origin: { id: 'api' }, target: { path: [{ text: '/' }] } },
  }],
  ['proxy by host', RewriteRule.proxy('/api', '/', { origin: EdgeOrigin.byHost('api.example.net') }), {
    ...PLAIN, path: path(literal('api')), action: { kind: 'proxy', origin: { host: 'api.example.net', scheme: 'https' }, target: { path: [{ text: '/' }] } },
  }],
  ['gone', RewriteRule.gone('/a'), { ...PLAIN, path: path(literal('a')), action: { kind: 'status', status: 410 } }],
  ['status with a page', RewriteRule.status('/a', 451, { page: '/law.html' }), {
    ...PLAIN, path: path(literal('a')), action: { kind: 'status', status: 451, page: { path: [{ text: '/law.html' }] } },
  }],
  ['split, in an order of its own', RewriteRule.split('/a', { experiment: 'x', weights: { '/c': 20, '/b': 80 }, maxAge: Duration.days(1) }), {
    ...PLAIN,
    path: path(literal('a')),
    action: {
      kind: 'split',
      experiment: 'x',
      variants: [{ weight: 80, target: { path: [{ text: '/b' }] } }, { weight: 20, target: { path: [{ text: '/c' }] } }],
      maxAgeSeconds: 86_400,
    },
  }],
  ['keep', RewriteRule.keep('/a'), { ...PLAIN, path: path(literal('a')), action: { kind: 'pass' } }],
  ['host and query', RewriteRule.redirect('/a', '/b/:id', {
    host: 'WWW.example.com', query: { page: '1', id: ':id' }, queryPolicy: RewriteQueryPolicy.MERGE,
  }), {
    ...PLAIN,
    host: { labels: [literal('www'), literal('example'), literal('com')] },
    path: path(literal('a')),
    query: [{ name: 'id', capture: 'id' }, { name: 'page', value: '1' }],
    queryPolicy: 'merge',
    action: { kind: 'redirect', status: 301, target: { path: [{ text: '/b/' }, { capture: 'id' }] } },
  }],
  ['headers', RewriteRule.headers('/a/*.js', { values: { 'X-B': 'b', 'X-A': 'a' }, unset: ['X-D', 'X-C'] }), {
    path: path(literal('a'), { ...SPLAT, suffix: '.js' }),
    conditions: [],
    operations: [
      { kind: 'set', name: 'X-A', value: [{ text: 'a' }] },
      { kind: 'set', name: 'X-B', value: [{ text: 'b' }] },
      { kind: 'unset', name: 'X-C', value: [] },
      { kind: 'unset', name: 'X-D', value: [] },
    ],
  }],
])('%s', (_name, rule, model) => {
  expect(modelOf(rule)).toEqual(model);
});

test.each<[EdgeCondition, object]>([
  [EdgeCondition.country('DE', 'AT'), { kind: 'country', values: ['DE', 'AT'] }],
  [EdgeCondition.region('DE-BY'), { kind: 'region', values: ['DE-BY'] }],
  [EdgeCondition.language('de'), { kind: 'language', values: ['de'] }],
  [EdgeCondition.cookie('Beta'), { kind: 'cookie', name: 'Beta', values: [] }],
  [EdgeCondition.header('User-Agent', 'bot'), { kind: 'header', name: 'user-agent', values: ['bot'] }],
  [EdgeCondition.query('q', '1', '2'), { kind: 'query', name: 'q', values: ['1', '2'] }],
  [EdgeCondition.device(EdgeDevice.SMART_TV), { kind: 'device', values: ['smarttv'] }],
  [EdgeCondition.method('post'), { kind: 'method', values: ['POST'] }],
  [EdgeCondition.host('*.Example.com'), { kind: 'host', values: ['*.example.com'] }],
  [EdgeCondition.missing(EdgeCondition.cookie('a')), { kind: 'cookie', name: 'a', values: [], negate: true }],
  [EdgeCondition.missing(EdgeCondition.missing(EdgeCondition.cookie('a'))), { kind: 'cookie', name: 'a', values: [], negate: false }],
  [EdgeCondition.startsWith(EdgeCondition.header('a', 'b')), { kind: 'header', name: 'a', values: ['b'], compare: 'prefix' }],
  [EdgeCondition.endsWith(EdgeCondition.cookie('a', 'b')), { kind: 'cookie', name: 'a', values: ['b'], compare: 'suffix' }],
  [EdgeCondition.contains(EdgeCondition.query('a', 'b')), { kind: 'query', name: 'a', values: ['b'], compare: 'contains' }],
])('condition %#', (condition, model) => {
  expect(modelOf(RewriteRule.redirect('/a', '/b', { when: [condition] }))).toMatchObject({ conditions: [model] });
});
