import { fixture, read } from './notation';
import { parseRuleFile } from '../../../src/edge-rewrite/compiler/parse';

test('a file with all Vercel knows', () => {
  expect(read('vercel-json', fixture('vercel/vercel.json'))).toEqual({
    rules: [
      '6: /me -> 308 /profile.html keep!',
      '7: /user -> 307 /api/user keep!',
      '8: /view-source -> 301 https://github.com/vercel/vercel keep!',
      '9: /blog/*path~ -> 308 /news/<path> keep!',
      '10: /docs/ -> 307 /docs/welcome keep!',
      '10: /docs -> 307 /docs/welcome keep!',
      '11: /en/old -> 308 /en/new/ keep!',
      '11: /en/old/:page -> 308 /en/new/<page> keep!',
      '11: /de/old -> 308 /de/new/ keep!',
      '11: /de/old/:page -> 308 /de/new/<page> keep!',
      '18: /*unnamed-0 [host=example.net] -> 308 https://www.example.com/<unnamed-0> keep!',
      '23: /start from=:from [not cookie auth_token] -> 307 /login?back=<from> merge!',
      '32: /about -> rewrite /about-our-company.html keep',
      '33: /resize/:width/:height -> rewrite /api/sharp?width=<width>&height=<height> merge',
      '34: /proxy/*match~ -> proxy https://api.example.com /<match> keep',
    ],
    headers: [
      '39: /service-worker.js { Cache-Control: public, max-age=0, must-revalidate }',
      '43: /*unnamed-0 { X-Content-Type-Options: nosniff }',
      '50: /*path~ [query authorized] { x-path: at <path> }',
    ],
    reports: [
      "9: note: this and further sources with ':name*', ':name+' or '(.+)' also match with a slash at the end",
      "12: unsupported: a regular expression must be '.*', '[^/]+' or words with '|' between them, got '((?!uk/).*)'",
      '23: note: query parameters a target uses are not passed on besides',
      '35: unsupported: a regular expression must be \'.*\', \'[^/]+\' or words with \'|\' between them, got \'(\\d+)\'',
      "36: syntax: 'destination' must be a text, got a table",
      '47: invalid-header: a header name consists of letters, digits and \'-\', got "Bad Name"',
      "2: note: '$schema' has no redirects or headers",
      "56: unsupported: 'routes' are regular expressions; 'redirects', 'rewrites' and 'headers' say the same",
      "57: note: 'crons' has no redirects or headers",
    ],
  });
});

test('a file with errors: what is whole is read, an entry that lost a part is not', () => {
  expect(read('vercel-json', fixture('vercel/broken.json'))).toEqual({
    rules: [
      '3: /a -> 308 /b keep!',
      '6: /g -> 308 /h keep!',
    ],
    headers: [],
    reports: [
      '4: syntax: expected a value',
      '5: syntax: expected a text in double quotes',
      '4: syntax: a part of it cannot be read',
      '5: syntax: a part of it cannot be read',
      "9: syntax: 'headers' must be a list, got a table",
      '8: syntax: \'trailingSlash\' must be true or false, got "yes"',
    ],
  });
});

const one = (kind: 'redirects' | 'rewrites' | 'headers', entry: object) => read('vercel-json', JSON.stringify({ [kind]: [entry] }));

describe('a source', () => {
  test.each([
    ['/', ['/']],
    ['/a/', ['/a/']],
    ['/:a', ['/:a']],
    ['/a-:b', ['/a-:b']],
    ['/:a.html', ['/:a.html']],
    ['/a.:b', ['/a.:b']],
    ['/a\\.:b', ['/a.:b']],
    ['/:a\\:b', ['/:a:b']],
    ['/a/(.*)', ['/a/*unnamed-0']],
    ['/a/:b(.*)', ['/a/*b']],
    ['/:a([^/]+)', ['/:a']],
    ['/:a([^\\/]+?)/b', ['/:a/b']],
    ['/a/:b?', ['/a', '/a/:b']],
    ['/a{/b}?', ['/a', '/a/b']],
    ['/a{/b}', ['/a/b']],
    ['/a{-:b.c}', ['/a-:b.c']],
    ['/(index\\.html)?', ['/index.html']],
    ['/:a?', ['/:a']],
    ['/:a?b', ['/:ab']],
    ['/(|a)', ['/', '/a']],
    ['/:l(en|de-AT)', ['/en', '/de-AT']],
    ['/a/:b*', ['/a/*b~']],
  ])('%s', (source, patterns) => {
    expect(one('redirects', { source, destination: '/x' }).rules).toEqual(patterns.map((pattern) => `1: ${pattern} -> 308 /x keep!`));
  });

  test.each([['/a/:b+', '/a/*b'], ['/a/(.+)', '/a/*unnamed-0'], ['/a/:b(.*)*', '/a/*b~']])('%s is wider than at Vercel', (source, pattern) => {
    expect(one('redirects', { source, destination: '/x' })).toEqual({
      rules: [`1: ${pattern} -> 308 /x keep!`],
      headers: [],
      reports: ["1: note: this and further sources with ':name*', ':name+' or '(.+)' also match with a slash at the end"],
    });
  });

  test.each([
    ['a', "unsupported: a source starts with '/', got 'a'"],
    ['/a//b', "invalid-path: a path cannot have an empty segment, got '/a//b'"],
    ['/a/../b', "invalid-path: a path cannot have a '.' or '..' segment, got '/a/../b'"],
    ['/./b', "invalid-path: a path cannot have a '.' or '..' segment, got '/./b'"],
    ['/a:', "syntax: unexpected ':', got '/a:'"],
    ['/a)', "syntax: unexpected ')', got '/a)'"],
    ['/a\\', "syntax: unexpected '\\', got '/a\\'"],
    ['/a?', "syntax: unexpected '?', got '/a?'"],
    ['/(a', "syntax: expected ')', got '/(a'"],
    ['/(a(?:b)\\)', "syntax: expected ')', got '/(a(?:b)\\)'"],
    ['/()', "syntax: a pattern cannot be empty or start with '?', got '/()'"],
    ['/(?:a)', "syntax: a pattern cannot be empty or start with '?', got '/(?:a)'"],
    ['/{a', "syntax: expected '}', got '/{a'"],
    ['/:a/:a', "syntax: ':a' is captured twice, got '/:a/:a'"],
    ['/:a-:b', "unsupported: a segment can have one placeholder, got '/:a-:b'"],
    ['/{a}*', "unsupported: only a whole segment can be repeated, got '/{a}*'"],
    ['/a-:b*', "unsupported: only a whole segment can be repeated, got '/a-:b*'"],
    ['/:a(b|c)*', "unsupported: only a whole segment can be repeated, got '/:a(b|c)*'"],
    ['/:a*/b', "unsupported: repeated segments must stand at the end, got '/:a*/b'"],
    ['/:a*/', "unsupported: repeated segments must stand at the end, got '/:a*/'"],
    ['/(.*)/', "unsupported: a slash after '(.*)' cannot be demanded, got '/(.*)/'"],
    ['/(.*)/b', "unsupported: '*' must be the whole last segment, got '/(.*)/b'"],
    ['/a(.*)', "unsupported: '*' must be the whole last segment, got '/a(.*)'"],
    ['/:a(a|b|c|d|e|f|g|h|i)/:b(a|b|c|d|e|f|g|h)', "unsupported: a source stands for at most 64 patterns, got '/:a(a|b|c|d|e|f|g|h|i)/:b(a|b|c|d|e|f|g|h)'"],
  ])('%s is reported', (source, report) => {
    expect(one('redirects', { source, destination: '/x' })).toEqual({ rules: [], headers: [], reports: [`1: ${report}`] });
  });
});

describe('a destination', () => {
  test.each([
    ['/:a/(.*)', '/$2/$1', '308 /<unnamed-0>/<a> keep!'],
    ['/:a/:b*', '/:b*/:a', '308 /<b>/<a> keep!'],
    ['/:a', '/x\\:a/:a', '308 /x:a/<a> keep!'],
    ['/:a', '/x?y=1', '308 /x?y=1 merge!'],
    ['/:a', '/x$', '308 /x$ keep!'],
    ['/:a', 'https://example.com:8080/:a#b', '308 https://example.com:8080/<a>#b keep!'],
    ['/:a', 'https://:a.example.com/', '308 https://<a>.example.com/ keep!'],
  ])('of %s: %s', (source, destination, rule) => {
    expect(one('redirects', { source, destination }).rules.map((text) => text.replace(/.* -> /, ''))).toEqual([rule]);
  });

  test.each([
    [{ source: '/a' }, "syntax: 'destination' is missing"],
    [{ source: '/a', destination: '/:b' }, "unknown-capture: the target uses ':b', which the source does not capture"],
    [{ source: '/a', destination: '/$1' }, "unknown-capture: the target uses '$1', which the source does not capture"],
    [{ source: '/a', destination: 'b' }, "invalid-target: a target starts with '/', 'http://' or 'https://', got 'b'"],
    [{ source: '/a', destination: '/b', permanent: true, statusCode: 301 }, "invalid-status: 'permanent' and 'statusCode' exclude each other"],
    [{ source: '/a', destination: '/b', statusCode: 200 }, "invalid-status: the status of a redirect is 301, 302, 303, 307, 308, got '200'"],
    [{ source: '/a', destination: '/b', env: ['X'] }, 'unsupported: environment variables of Vercel are not here'],
    [{ source: '/a', destination: '/b', more: 1 }, "unknown-option: option 'more' is not known"],
  ])('%j is reported', (entry, report) => {
    expect(one('redirects', entry)).toEqual({ rules: [], headers: [], reports: [`1: ${report}`] });
  });
});

describe('a rewrite', () => {
  test.each([
    [{ source: '/:a/:b', destination: '/x/:a' }, '/:a/:b -> rewrite /x/<a> keep'],
    [{ source: '/:a/:b', destination: '/x?b=1' }, '/:a/:b -> rewrite /x?b=1&a=<a> merge'],
    [{ source: '/(.*)', destination: '/index.html' }, '/*unnamed-0 -> rewrite /index.html keep'],
    [{ source: '/a', destination: '/404', statusCode: 404 }, '/a -> 404 with /404 keep'],
    [{ source: '/a', destination: '/b', statusCode: 200 }, '/a -> rewrite /b keep'],
  ])('%j', (entry, rule) => {
    expect(one('rewrites', entry)).toEqual({ rules: [`1: ${rule}`], headers: [], reports: [] });
  });

  test.each([
    [{ source: '/a', destination: '/b#c' }, "invalid-target: only a redirect can lead to a fragment, got '/b#c'"],
    [{ source: '/a', destination: '/b', statusCode: 500 }, "invalid-status: the status of a rewrite is 200, 401, 403, 404, 410, 451, got '500'"],
    [{ source: '/a', destination: 'https://x.y/', statusCode: 404 }, "unsupported: the page of a 404 must be of this site, got 'https://x.y/'"],
    [{ source: '/:a', destination: 'https://:a.y/' }, "unsupported: a proxy needs a literal host without port, got 'https://:a.y/'"],
    [{ source: '/a', destination: '/b', respectOriginCacheControl: false }, 'unsupported: caching is set by the cache policy of the behaviour'],
  ])('%j is reported', (entry, report) => {
    expect(one('rewrites', entry)).toEqual({ rules: [], headers: [], reports: [`1: ${report}`] });
  });
});

describe('has', () => {
  const has = (condition: object, key: 'has' | 'missing' = 'has') => one('redirects', { source: '/a', destination: '/b', [key]: [condition] });

  test.each([
    [{ type: 'host', value: 'Example.com' }, '[host=example.com]'],
    [{ type: 'host', value: '(?:a|b)\\.example\\.com' }, undefined],
    [{ type: 'host', value: '(a.example.com|b.example.com)' }, '[host=a.example.com|b.example.com]'],
    [{ type: 'host', value: '.*\\.example\\.com' }, '[header host$=.example.com]'],
    [{ type: 'host', value: { inc: ['a.b', 'c.d'] } }, '[host=a.b|c.d]'],
    [{ type: 'header', key: 'X-A' }, '[header x-a]'],
    [{ type: 'header', key: 'X-A', value: '^on$' }, '[header x-a=on]'],
    [{ type: 'header', key: 'X-A', value: '.*' }, '[header x-a]'],
    [{ type: 'header', key: 'X-A', value: 'on.*' }, '[header x-a^=on]'],
    [{ type: 'header', key: 'X-A', value: '.*on.*' }, '[header x-a*=on]'],
    [{ type: 'header', key: 'X-Forwarded-Proto', value: 'http' }, '[header cloudfront-forwarded-proto=http]'],
    [{ type: 'header', key: 'x-vercel-ip-country', value: 'DE|AT' }, '[country=DE|AT]'],
    [{ type: 'header', key: 'x-vercel-ip-country' }, '[header cloudfront-viewer-country]'],
    [{ type: 'header', key: 'x-vercel-ip-country-region', value: 'BY' }, '[region=BY]'],
    [{ type: 'cookie', key: 'c', value: { eq: 1 } }, '[cookie c=1]'],
    [{ type: 'cookie', key: 'c', value: { neq: 'x' } }, '[not cookie c=x]'],
    [{ type: 'cookie', key: 'c', value: { ninc: ['x', 'y'] } }, '[not cookie c=x|y]'],
    [{ type: 'cookie', key: 'c', value: { pre: 'x', suf: 'y' } }, '[cookie c^=x] [cookie c$=y]'],
    [{ type: 'query', key: 'q', value: { re: 'x|y' } }, '[query q=x|y]'],
    [{ type: 'query', key: 'q' }, '[query q]'],
    [{ type: 'query', key: 'q', value: '(?<r>.+)' }, '[query q]'],
  ])('%j', (condition, text) => {
    const { rules, reports } = has(condition);
    expect(text === undefined ? reports : rules).toEqual(text === undefined ? [expect.stringContaining('1: unsupported')] : [`1: /a ${text} -> 308 /b keep!`]);
  });

  test.each([
    [{ type: 'cookie', key: 'c' }, '[not cookie c]'],
    [{ type: 'query', key: 'q' }, '[not query q]'],
    [{ type: 'cookie', key: 'c', value: { neq: 'x' } }, '[cookie c=x]'],
  ])('missing %j', (condition, text) => {
    expect(has(condition, 'missing').rules).toEqual([`1: /a ${text} -> 308 /b keep!`]);
  });

  test.each([
    ['x', 'syntax: a condition is an object, got "x"'],
    [{ type: 'path', key: 'x' }, "unknown-option: a condition is of type 'header', 'cookie', 'host' or 'query', got 'path'"],
    [{ type: 'cookie' }, "syntax: 'key' is missing"],
    [{ type: 'host' }, 'invalid-condition: a condition on the host needs a value'],
    [{ type: 'header', key: 'x-vercel-ja4-digest' }, "unsupported: header 'x-vercel-ja4-digest' is set by Vercel only"],
    [{ type: 'cookie', key: 'c', value: 1 }, 'syntax: a value is a text or an object with comparisons, got 1'],
    [{ type: 'cookie', key: 'c', value: {} }, 'syntax: a value is a text or an object with comparisons, got a table'],
    [{ type: 'cookie', key: 'c', value: { gt: 1 } }, "unsupported: comparison 'gt' cannot be expressed, 'eq', 'neq', 'inc', 'ninc', 'pre' and 'suf' can"],
    [{ type: 'cookie', key: 'c', value: { eq: true } }, "syntax: 'eq' must be a text or number"],
    [{ type: 'cookie', key: 'c', value: { inc: [1] } }, "syntax: 'inc' lists texts, got 1"],
    [{ type: 'cookie', key: 'c', value: 'a|' }, "unsupported: an empty text in a regular expression cannot be expressed, got 'a|'"],
    [{ type: 'cookie', key: 'c', value: '[ab]' }, "unsupported: a regular expression must be plain texts with '|' between or '.*' around them, got '[ab]'"],
    [{ type: 'cookie', key: 'c', more: 1 }, "unknown-option: option 'more' is not known"],
  ])('%j is reported', (condition, report) => {
    expect(has(condition as object)).toEqual({ rules: [], headers: [], reports: [`1: ${report}`] });
  });

  test('several comparisons at once cannot be missing', () => {
    expect(has({ type: 'cookie', key: 'c', value: { pre: 'x', suf: 'y' } }, 'missing').reports).toEqual([
      "1: unsupported: 'missing' with several comparisons at once cannot be expressed",
    ]);
  });

  test('a query parameter the target names itself', () => {
    expect(one('redirects', { source: '/a', destination: '/b?q=:q', has: [{ type: 'query', key: 'q' }] })).toEqual({
      rules: ['1: /a q=:q -> 308 /b?q=<q> merge!'], headers: [], reports: [],
    });
  });
});

describe('headers', () => {
  test.each([
    [{ source: '/:a', headers: [{ key: 'X', value: ':a :b :a*' }] }, '/:a { X: <a> :b <a> }'],
    [{ source: '/(.*)/x', headers: [{ key: 'X', value: 'a $1$2' }] }, '/*unnamed-0/x { X: a <unnamed-0>$2 }'],
    [{ source: '/a(.*)\\.js', headers: [{ key: 'X', value: 'y' }], missing: [{ type: 'header', key: 'Z' }] }, '/a*unnamed-0.js [not header z] { X: y }'],
  ])('%j', (entry, rule) => {
    expect(one('headers', entry)).toEqual({ rules: [], headers: [`1: ${rule}`], reports: [] });
  });

  test.each([
    [{ source: '/a', headers: [] }, ['ignored: there is no header for this source']],
    [{ source: '/a', headers: 1 }, ["syntax: 'headers' must be a list that can be read, got 1"]],
    [{ source: '/a', headers: [1, { key: 'X' }] }, [
      "syntax: 'headers' lists objects, got 1", "syntax: 'value' is missing", 'ignored: no header for this source can be converted',
    ]],
    [{ source: '/a', headers: [], more: null }, ["unknown-option: option 'more' is not known"]],
  ])('%j is reported', (entry, reports) => {
    expect(one('headers', entry)).toEqual({ rules: [], headers: [], reports: reports.map((report) => `1: ${report}`) });
  });
});

describe('what is said of the site', () => {
  const settings = (text: object) => parseRuleFile('vercel-json', JSON.stringify(text), 'file').settings;

  test.each([
    [{}, undefined],
    [{ cleanUrls: false }, { cleanUrls: false }],
    [{ cleanUrls: true }, { cleanUrls: true, canonicalStatus: 308 }],
    [{ trailingSlash: true }, { trailingSlash: 'add', canonicalStatus: 308 }],
    [{ cleanUrls: true, trailingSlash: false }, { cleanUrls: true, trailingSlash: 'remove', canonicalStatus: 308 }],
  ])('%j', (file, expected) => {
    expect(settings(file)).toEqual(expected);
  });
});

test.each([
  ['[]', '1: syntax: the file must be an object, got a list'],
  ['', '1: syntax: expected a value'],
  ['{"bulkRedirectsPath": "x"}', '1: unsupported: bulk redirects are in a file of their own, which is not read'],
])('%j is reported', (text, report) => {
  expect(read('vercel-json', text)).toEqual({ rules: [], headers: [], reports: [report] });
});
