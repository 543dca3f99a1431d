import { fixture, read } from './notation';
import { parseRuleFile } from '../../../src/edge-rewrite/compiler/parse';

test('a file with all Netlify knows', () => {
  expect(read('netlify-headers', fixture('netlify/_headers'))).toEqual({
    rules: [],
    headers: [
      '2: /*~ { X-Frame-Options: DENY; X-Content-Type-Options: nosniff; Referrer-Policy: strict-origin-when-cross-origin; Cache-Control: max-age=0, must-revalidate }',
      '9: /assets/*~ { Cache-Control: public, max-age=31536000, immutable }',
      '12: /*/feed.xml~ { Content-Type: application/rss+xml }',
      '15: /users/:id~ { X-Robots-Tag: noindex }',
      '18: /internal/*~ { X-Robots-Tag: none }',
    ],
    reports: [
      "19: lost-access: 'Basic-Auth' protects the path with passwords; without it the path becomes public",
      "23: ignored: Netlify does not let header 'Server' be set",
      "24: syntax: a header is written 'Name: value'",
      '22: ignored: no header below this path can be converted',
    ],
  });
});

test('a file with all Cloudflare knows', () => {
  expect(read('cloudflare-headers', fixture('cloudflare/_headers'))).toEqual({
    rules: [],
    headers: [
      '1: /secure/page { X-Frame-Options: DENY; X-Content-Type-Options: nosniff }',
      '5: /static/* { Access-Control-Allow-Origin: *; +X-Robots-Tag: nosnippet }',
      '9: /static/*.woff2 { Cache-Control: max-age=31536000; +X-Robots-Tag: noindex }',
      '13: //:project.pages.dev/* { +X-Robots-Tag: noindex }',
      '16: //www.example.com/movies/:title { x-movie-name: You are watching "<title>" }',
      '19: /embed/* { !X-Frame-Options }',
    ],
    reports: [
      "22: invalid-host: a host has no port, got 'www.example.com:8443'",
      '23: unsupported: the path in line 22, to which this header belongs, is not converted',
      '25: ignored: there is no header below this path',
    ],
  });
});

test('no diagnostic shows a password', () => {
  const set = parseRuleFile('netlify-headers', `${fixture('netlify/_headers')}\n/a*b*c\n  basic-auth : x:hidden`, 'file');
  expect(set.diagnostics.length).toBeGreaterThan(4);
  expect(JSON.stringify(set.diagnostics)).not.toMatch(/secret|hidden/);
});

describe.each(['netlify', 'cloudflare'] as const)('%s', (dialect) => {
  test.each([
    ['X: y', "1: syntax: a header must stand below a path that starts with '/'"],
    ['/a\n  : y', '2: invalid-header: a header name consists of letters, digits and \'-\', got ""', '1: ignored: no header below this path can be converted'],
    ['/a\n  X:', "2: invalid-header: header 'X' has no value", '1: ignored: no header below this path can be converted'],
    ['/a\n  X y: z', '2: invalid-header: a header name consists of letters, digits and \'-\', got "X y"', '1: ignored: no header below this path can be converted'],
    ['/a\n  X: y\u0000z', "2: invalid-header: the value of header 'X' has control characters", '1: ignored: no header below this path can be converted'],
    ['/a\n/b', '1: ignored: there is no header below this path', '2: ignored: there is no header below this path'],
    ['/a\n  !X', "2: syntax: a header is written 'Name: value'", '1: ignored: no header below this path can be converted'],
    ['ftp//x\n', "1: syntax: a header must stand below a path that starts with '/'"],
  ])('%j', (text, ...reports) => {
    expect(read(`${dialect}-headers`, text)).toEqual({ rules: [], headers: [], reports });
  });

  test('names compare in any case', () => {
    expect(read(`${dialect}-headers`, '/a\nX-a: 1\nx-A: 2').headers).toEqual([`1: /a${dialect === 'netlify' ? '~' : ''} { X-a: 1, 2 }`]);
  });
});

test.each([
  ['/', '/~'], ['/*', '/*~'], ['/a*b/c', '/a*b/c~'], ['/*/a/*', '/*splat0/a/*splat2~'], ['/:a/b', '/:a/b~'],
])('Netlify path %s', (path, pattern) => {
  expect(read('netlify-headers', `${path}\nX: :a`).headers).toEqual([`1: ${pattern} { X: :a }`]);
});

test('a host at Netlify', () => {
  expect(read('netlify-headers', '/a\nX: 1\nhttps://example.com/*\nX: 2')).toEqual({
    rules: [],
    headers: ['1: /a~ { X: 1 }'],
    reports: [
      "3: unsupported: a header rule is a path without host, got 'https://example.com/*'",
      '4: unsupported: the path in line 3, to which this header belongs, is not converted',
    ],
  });
});

test.each([
  ['https://example.com', '//example.com/'],
  ['https://Example.com/a/*', '//example.com/a/*'],
  ['https://a-:b-c.Example.com/:d', '//a-:b-c.example.com/:d'],
  ['/*.jpg', '/*.jpg'],
  ['/a/*/b', '/a/*/b'],
])('Cloudflare path %s', (path, pattern) => {
  expect(read('cloudflare-headers', `${path}\nX: 1`).headers).toEqual([`1: ${pattern} { X: 1 }`]);
});

test.each([
  ['http://example.com/', "invalid-path: a rule with a host starts with 'https://', got 'http://example.com/'"],
  ['/a?b', "invalid-path: a path has no query, fragment or space, got '/a?b'"],
  ['/a /b', "invalid-path: a path has no query, fragment or space, got '/a /b'"],
  ['X/y://z', "invalid-path: a path starts with '/', got 'X/y://z'"],
  ['https://*.example.com/', "unsupported: '*' cannot stand in a host, got '*.example.com'; a placeholder can"],
  ['https://:a-:b.example.com/', "invalid-host: a host consists of labels of letters, digits and hyphens, got ':a-:b.example.com'"],
  ['https://:a.example.com/:a', "invalid-path: ':a' is captured twice, got 'https://:a.example.com/:a'"],
  ['/*/a/*', "unsupported: '*' can stand once only, got '/*/a/*'"],
])('Cloudflare path %s is reported', (path, report) => {
  expect(read('cloudflare-headers', path)).toEqual({ rules: [], headers: [], reports: [`1: ${report}`] });
});

test('lines too long for Cloudflare', () => {
  expect(read('cloudflare-headers', `/${'a'.repeat(2000)}\n/a\nX: ${'a'.repeat(1998)}\nY: ${'a'.repeat(1997)}`)).toEqual({
    rules: [],
    headers: [`2: /a { Y: ${'a'.repeat(1997)} }`],
    reports: [
      '1: line-too-long: a line has at most 2000 characters, got 2001',
      '3: line-too-long: a line has at most 2000 characters, got 2001',
    ],
  });
});

test('what takes a header away comes first in a rule', () => {
  expect(read('cloudflare-headers', '/*\nX: 1\nY: 2\n! Z\n/a\nx: 3\n! y').headers).toEqual(['1: /* { !Z; +X: 1; Y: 2 }', '5: /a { !y; +x: 3 }']);
});

test('more rules than Cloudflare accepts are taken over with a note', () => {
  const { headers, reports } = read('cloudflare-headers', Array.from({ length: 102 }, (_, n) => `/${n}\nX: 1`).join('\n'));
  expect(headers).toHaveLength(102);
  expect(reports).toEqual(['201: note: Cloudflare ignores this and further rules as there are more than 100; they are taken over']);
});
