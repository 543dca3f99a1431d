import { inSegment, redirect, rewrite, rule, setOf, strict, target, when } from './rules';
import { compile } from '../../src/edge-rewrite/compiler/compile';
import { CompileOptions, Diagnostic, DiagnosticCode, Rule } from '../../src/edge-rewrite/compiler/model';

function found(rules: readonly Rule[], options: CompileOptions = {}): readonly (readonly [number, DiagnosticCode])[] {
  return compile([setOf(rules)], options).diagnostics.map(({ source, code }) => [source.line, code]);
}

function only(rules: readonly Rule[], options: CompileOptions = {}): Diagnostic {
  const { diagnostics } = compile([setOf(rules)], options);
  expect(diagnostics).toHaveLength(1);
  return diagnostics[0];
}

describe('loops', () => {
  test.each<readonly [string, readonly Rule[], CompileOptions]>([
    ['to itself', [redirect('/a', '/a')], {}],
    ['to itself by its own slash', [redirect('/a', '/a/')], {}],
    ['of two', [redirect('/a', '/b'), redirect('/b', '/a')], {}],
    ['of a splat and its inverse', [redirect('/a/*', '/b/:splat'), redirect('/b/*', '/a/:splat')], {}],
    ['that grows', [redirect('/*', '/de/:splat')], {}],
    ['by placeholders', [redirect('/:a/:b', '/:b/:a')], {}],
    ['by the own host', [redirect('/a', 'https://www.example.com/a')], { canonicalHost: 'www.example.com' }],
    ['with the slash option', [strict(redirect('/a', '/a/'))], { trailingSlash: 'remove' }],
    ['with clean URLs', [redirect('/a', '/a.html')], { cleanUrls: true }],
    ['by a part of a segment', [rule('/', { kind: 'redirect', status: 301, target: target('/a/post-:id') }, { path: inSegment('a', 'post-') })], {}],
    ['under a condition on the host it leads to', [when(redirect('/*', 'https://www.example.com/:splat'), { kind: 'host', values: ['www.example.com'] })],
      { ownHosts: ['www.example.com'] }],
    ['under one condition', ['/a', '/b'].map((from, n) => when(redirect(from, ['/b', '/a'][n]), { kind: 'country', values: ['DE'] })), {}],
  ])('%s', (_, rules, options) => {
    const { severity, code, message } = compile([setOf(rules)], options).diagnostics.find((one) => one.code === 'loop')!;
    expect([severity, code]).toEqual(['error', 'loop']);
    expect(message).toMatch(/^redirects go in a circle: \/.* -> \//);
  });

  test.each<readonly [string, readonly Rule[], CompileOptions]>([
    ['another host', [redirect('/a', 'https://other.example.com/a')], {}],
    ['a segment of another form', [rule('/', { kind: 'redirect', status: 301, target: target('/a/new-:id') }, { path: inSegment('a', 'old-') })], {}],
    ['a path below', [redirect('/a', '/a/b')], {}],
    ['contrary conditions', [
      when(redirect('/a', '/b'), { kind: 'country', values: ['DE'] }),
      when(redirect('/b', '/a'), { kind: 'country', values: ['DE'], negate: true }),
    ], {}],
    ['a condition on the former host', [when(redirect('/*', 'https://www.example.com/:splat'), { kind: 'host', values: ['old.example.com'] })],
      { ownHosts: ['www.example.com'] }],
    ['a rewrite', [rewrite('/a', '/a')], {}],
    ['an earlier rule in the way', [rewrite('/de/*', '/de/:splat'), redirect('/*', '/de/:splat')], {}],
    ['with the slash option', [redirect('/a', '/b')], { trailingSlash: 'add' }],
  ])('none: %s', (_, rules, options) => {
    expect(found(rules, options).filter(([, code]) => code === 'loop')).toEqual([]);
  });
});

test('chains are reported, and collapsed on request', () => {
  const rules = [redirect('/a', '/b'), redirect('/b', '/c'), redirect('/c', 'https://other.example.com/')];
  expect(found(rules)).toEqual([[1, 'chain'], [2, 'chain']]);
  const collapsed = compile([setOf(rules)], { collapseChains: true });
  expect(collapsed.diagnostics).toEqual([]);
  expect(collapsed.viewerRequest!.code).toContain('/a 1khttps://other.example.com/}');
});

test('rules that are never reached', () => {
  expect(only([redirect('/a', '/b'), redirect('/a', '/c')])).toMatchObject({
    source: { line: 2 }, severity: 'warning', code: 'duplicate', message: 'matches the same paths as rules:1, which comes first',
  });
  expect(only([redirect('/a/*', '/b/:splat'), redirect('/a/x', '/c')])).toMatchObject({
    source: { line: 2 }, code: 'unreachable', message: 'never reached: rules:1 takes all of its paths',
  });
  expect(found([when(redirect('/a/*', '/b'), { kind: 'country', values: ['DE'] }), redirect('/a/x', '/c')])).toEqual([]);
  expect(found([strict(redirect('/a', '/b')), strict(redirect('/a/', '/c'))])).toEqual([]);
  expect(only([redirect('/about', '/b')], { site: { files: ['/about/index.html'] } })).toMatchObject({ code: 'shadowed-by-file', severity: 'info' });
});

describe('rules that cannot be', () => {
  test.each<readonly [string, Rule, DiagnosticCode, string]>([
    ['foreign host', redirect('/:x', 'https://:x/'), 'open-redirect', 'must be followed by a domain'],
    ['foreign domain', redirect('/:x', 'https://:x.com/'), 'open-redirect', 'must be followed by a domain'],
    ['splat in a host', redirect('/*', 'https://:splat.example.com/'), 'open-redirect', "'*' cannot be part of a host"],
    ['unknown capture', redirect('/a', '/:x'), 'unknown-capture', "':x'"],
    ['CR and LF in a target', redirect('/a', '/b\r\nx: y'), 'invalid-target', 'control characters'],
    ['NUL in a path', redirect('/a\u0000', '/b'), 'invalid-path', 'control characters'],
    ['half a surrogate', redirect('/a', '/\ud800'), 'invalid-target', 'surrogate'],
    ['target without slash', redirect('/a', 'b'), 'invalid-target', 'starts with a slash'],
    ['rewrite to a host', rewrite('/a', 'https://x.example.com/'), 'invalid-target', 'only a redirect'],
    ['undeclared origin', rule('/a', { kind: 'proxy', origin: { id: 'x' }, target: target('/') }), 'unknown-origin', "got 'x'"],
    ['host not allowed', rule('/a', { kind: 'proxy', origin: { host: 'x.example.com', scheme: 'https' }, target: target('/') }), 'host-not-allowed', 'x.example.com'],
    ['weights', rule('/a', { kind: 'split', experiment: 'e', variants: [{ weight: 99, target: target('/') }] }), 'invalid-weights', 'got 99'],
    ['no values', when(redirect('/a', '/b'), { kind: 'country', values: [] }), 'invalid-condition', 'at least one value'],
    ['device', when(redirect('/a', '/b'), { kind: 'device', values: ['fridge'] }), 'invalid-condition', "got 'fridge'"],
  ])('%s', (_, wrong, code, message) => {
    const diagnostic = only([wrong]);
    expect(diagnostic).toMatchObject({ severity: 'error', code, source: { file: 'rules', line: 1 } });
    expect(diagnostic.message).toContain(message);
  });

  test('what cannot be expressed is a warning, the rest is still read; strict makes it an error', () => {
    const rules = [redirect('/*/a', '/b'), redirect('/c', '/d')];
    expect(only(rules)).toMatchObject({ severity: 'warning', code: 'unsupported', source: { line: 1 } });
    expect(compile([setOf(rules)]).report.rules).toBe(1);
    expect(only(rules, { strict: true })).toMatchObject({ severity: 'error' });
  });
});

test('non-ASCII is percent-encoded', () => {
  const { viewerRequest } = compile([setOf([redirect('/straße', '/weg nach "oben"')])]);
  expect(viewerRequest!.code).toContain('/stra%C3%9Fe 1k/weg%20nach%20%22oben%22}');
});
