import { fixture, read } from './notation';

test('a file with all Cloudflare knows', () => {
  expect(read('cloudflare-redirects', fixture('cloudflare/_redirects'))).toEqual({
    rules: [
      '2: /start -> 302 /docs/getting-started/ keep!',
      '3: /start/ -> 302 /docs/getting-started/ keep!',
      '4: /pricing -> 301 /plans keep!',
      '5: /chat -> 302 https://chat.example.com/invite?from=docs drop!',
      '6: /changelog -> 308 /blog#changes keep!',
      '7: /v1 -> 307 /v2/?old=1 drop!',
      '10: /blog/:year/:slug -> 301 /news/<slug> keep!',
      '11: /movies/:id.html -> 301 /films/<id> keep!',
      '12: /guides/* -> 303 /docs/<splat> keep!',
      '13: /embed/* -> rewrite /player keep!',
      '16: /late -> 302 /later keep!',
    ],
    headers: [],
    reports: [
      "19: unsupported: a rule cannot name a host, got 'https://old.example.com/*'",
      "20: unsupported: with status 200 a target must be of this site, got 'https://api.example.com/:splat'",
      "21: invalid-target: a target starts with '/' or 'https://', got 'http://api.example.com'",
      "22: loop: Cloudflare ignores rules that lead from a folder to its index page, got '/index.html'; use 'spaFallback' or 'indexDocument'",
      "23: invalid-status: a status is 200, 301, 302, 303, 307, 308, got '301!'",
      '24: syntax: a line has a path, a target and at most a status, got 4 parts',
      "25: unsupported: '*' must be the whole last segment, got '/*/middle'",
    ],
  });
});

describe('a line', () => {
  test.each([
    ['/a /b', '/a -> 302 /b keep!'],
    ['a /b', '/a -> 302 /b keep!'],
    ['/a/ /b//c?d=//e', '/a/ -> 302 /b/c?d=//e drop!'],
    ['/a //evil.example/x', '/a -> 302 /evil.example/x keep!'],
    ['/a /b 307 # why', '/a -> 307 /b keep!'],
    ['/:a-x /y-:a', '/:a-x -> 302 /y-<a> keep!'],
    ['/:id/:id_2 /:id_2/:id', '/:id/:id_2 -> 302 /<id_2>/<id> keep!'],
    ['/a/* /index.html/x', '/a/* -> 302 /index.html/x keep!'],
    ['/a /index.html', '/a -> 302 /index.html keep!'],
    ['/a/* https://example.com/index.html', '/a/* -> 302 https://example.com/index.html keep!'],
  ])('%j', (line, rule) => {
    expect(read('cloudflare-redirects', line)).toEqual({ rules: [`1: ${rule}`], headers: [], reports: [] });
  });

  test.each([
    ['/a', 'syntax: a line has a path, a target and at most a status, got 1 parts'],
    ['/a #b', "invalid-target: a target starts with '/' or 'https://', got '#b'"],
    ['/a /b 404', "invalid-status: a status is 200, 301, 302, 303, 307, 308, got '404'"],
    ['/ /index', "loop: Cloudflare ignores rules that lead from a folder to its index page, got '/index'; use 'spaFallback' or 'indexDocument'"],
    ['/:a-:b /c', "unsupported: a segment can have one '*' or placeholder, got ':a-:b'"],
    ['/a/*/ /c', "unsupported: a slash after '*' cannot be demanded, got '/a/*/'"],
    [`/${'a'.repeat(2000)} /b`, 'line-too-long: a line has at most 2000 characters, got 2004'],
  ])('%.40j is reported', (line, report) => {
    expect(read('cloudflare-redirects', line)).toEqual({ rules: [], headers: [], reports: [`1: ${report}`] });
  });

  test('query and fragment of the path are left out, as Cloudflare does', () => {
    expect(read('cloudflare-redirects', '/a?x=1#y /b')).toEqual({
      rules: ['1: /a -> 302 /b keep!'],
      headers: [],
      reports: ["1: note: query and fragment of a path are not evaluated, the rule is taken over for '/a'"],
    });
  });

  test.each(['/b?x=1', '/b#c'])('with status 200 the query and fragment of %s are left out', (target) => {
    expect(read('cloudflare-redirects', `/a ${target} 200`)).toEqual({
      rules: ['1: /a -> rewrite /b keep!'],
      headers: [],
      reports: ['1: note: query and fragment of a target have no meaning with status 200, the rule is taken over without'],
    });
  });

  test('a line of 2,000 characters is read', () => {
    expect(read('cloudflare-redirects', `/${'a'.repeat(1996)} /b`).rules).toHaveLength(1);
  });
});

test('more rules than Cloudflare accepts are taken over with a note', () => {
  const lines = (count: number, line: (n: number) => string) => Array.from({ length: count }, (_, n) => line(n)).join('\n');
  const statics = read('cloudflare-redirects', lines(2_002, (n) => `/a${n} /b`));
  expect(statics.rules).toHaveLength(2_002);
  expect(statics.reports).toEqual([
    '2001: note: Cloudflare ignores this and further static rules as there are more than 2000; they are taken over',
  ]);
  const dynamics = read('cloudflare-redirects', lines(102, (n) => n % 2 === 0 ? `/a${n}/* /b` : `/a${n} /b`));
  expect(dynamics.rules).toHaveLength(102);
  expect(dynamics.reports).toEqual(['101: note: Cloudflare ignores this and further rules as more than 100 are dynamic; they are taken over']);
});
