import { fixture, read } from './notation';

test('a file with all Netlify knows', () => {
  expect(read('netlify-toml', fixture('netlify/netlify.toml'))).toEqual({
    rules: [
      '9: /old-path~ -> 301 /new-path keep',
      '13: /store~ id=:id sort=asc -> 302 /blog/<id> merge!',
      '27: /*~ [language=de] [country=DE|AT] -> 302 /de/<splat> keep',
      '39: /files/*~ -> 410 with /gone.html drop',
    ],
    headers: [
      '44: /*~ { X-Frame-Options: DENY; cache-control: max-age=0, no-cache, no-store; Link: </a.css>; rel=preload, </b.js>; rel=preload }',
    ],
    reports: [
      "2: note: 'build' has no redirects or headers",
      "6: note: 'context' has no redirects or headers",
      '20: unsupported: a redirect cannot send headers to the origin it leads to; set them at the origin',
      "33: lost-access: condition 'Role' needs Netlify's identity tokens; without it the path may become public",
      "57: lost-access: 'Basic-Auth' protects the path with passwords; without it the path becomes public",
      '54: ignored: no header for this path can be converted',
      '59: unsupported: edge functions of Netlify are not here',
    ],
  });
});

test('a file with errors: what is whole is read, a rule that lost a part is not', () => {
  expect(read('netlify-toml', fixture('netlify/broken.toml'))).toEqual({
    rules: [
      '1: /a~ -> 301 /b keep',
      '20: /i~ -> 301 /j keep',
    ],
    headers: [],
    reports: [
      '7: syntax: expected a text that ends with "',
      "10: syntax: expected ']]'",
      "17: syntax: expected ']'",
      '5: syntax: a part of it cannot be read',
      '14: syntax: a part of it cannot be read',
    ],
  });
});

describe('a redirect', () => {
  const redirect = (...lines: string[]) => read('netlify-toml', ['[[redirects]]', ...lines].join('\n'));

  test.each([
    [['from = "/a"', 'to = "/b"'], '/a~ -> 301 /b keep'],
    [['origin = "/a"', 'destination = "/b"'], '/a~ -> 301 /b keep'],
    [['from = "/a"', 'to = " /b"', 'status = "302"', 'force = true'], '/a~ -> 302 /b keep!'],
    [['from = "/a"', 'to = "/:x"', 'params = {x = ":x"}'], '/a~ x=:x -> 301 /<x> merge'],
    [['from = "/a"', 'to = "/b"', '[redirects.parameters]', 'x = "1"'], '/a~ x=1 -> 301 /b merge'],
    [['from = "/a"', 'to = "/b"', 'conditions = {country = "de, at", Cookie = ["c"]}', 'headers = {}'], '/a~ [country=DE|AT] [cookie c] -> 301 /b keep'],
  ])('%j', (lines, rule) => {
    expect(redirect(...lines)).toEqual({ rules: [`1: ${rule}`], headers: [], reports: [] });
  });

  test.each([
    [['to = "/b"'], "1: syntax: 'from' is missing"],
    [['from = 1'], "1: syntax: 'from' must be a text, got 1"],
    [['from = "/a"', 'to = "/b"', 'status = true'], "1: invalid-status: 'status' must be a number, got true"],
    [['from = "/a"', 'to = "/b"', 'force = "yes"'], "1: syntax: 'force' must be true or false, got \"yes\""],
    [['from = "/a"', 'to = "/b"', 'query = ["x"]'], "1: syntax: 'query' must be a table that can be read, got a list"],
    [['from = "/a"', 'to = "/b"', 'query = {x = 1}'], "1: syntax: 'x' must be a text, got 1"],
    [['from = "/a"', 'to = "/b"', 'conditions = {Country = []}'], "1: invalid-condition: condition 'Country' needs a value"],
    [['from = "/a"', 'to = "/b"', 'signed = "KEY"'], "1: unsupported: signed proxy requests need Netlify's secrets"],
    [['from = "/a"', 'to = "/b"', 'mood = "good"'], "1: unknown-option: option 'mood' is not known"],
  ])('%j is reported', (lines, report) => {
    expect(redirect(...lines)).toEqual({ rules: [], headers: [], reports: [report] });
  });

  test('a table within it that cannot be read', () => {
    expect(redirect('from = "/a"', 'to = "/b"', '[redirects.query]', 'x = ?')).toEqual({
      rules: [],
      headers: [],
      reports: [
        "5: syntax: a value is a text, number, true, false, date, list or table, got ''",
        "1: syntax: 'query' must be a table that can be read, got a broken table",
      ],
    });
  });
});

describe('a header', () => {
  test.each([
    ['for = "/a"', 'ignored: there is no header for this path'],
    ['for = "/a"\nvalues = 1', "syntax: 'values' must be a table that can be read, got 1"],
    ['for = "a"', "unsupported: a header rule is a path without host, got 'a'"],
    ['for = "/a"\nmore = 1', "unknown-option: option 'more' is not known"],
  ])('%j is reported', (text, report) => {
    expect(read('netlify-toml', `[[headers]]\n${text}`)).toEqual({ rules: [], headers: [], reports: [`1: ${report}`] });
  });

  test('one that cannot be converted does not take the others with it', () => {
    expect(read('netlify-toml', '[[headers]]\nfor = "/a"\n[headers.values]\nA = "1"\nB = 2\nC = ""\n"D D" = "x"\nE = [""]\nF = ["1", 2]')).toEqual({
      rules: [],
      headers: ['1: /a~ { A: 1 }'],
      reports: [
        "5: syntax: 'B' must be a text, got 2",
        "6: invalid-header: header 'C' has no value",
        '7: invalid-header: a header name consists of letters, digits and \'-\', got "D D"',
        "8: invalid-header: header 'E' has no value",
        "9: syntax: 'F' must be a text, got 2",
      ],
    });
  });
});

test.each([
  ['redirects = 1', "1: syntax: 'redirects' must be a list, got 1"],
  ['\nredirects = [1]', "2: syntax: 'redirects' lists tables, got 1"],
])('%j is reported', (text, report) => {
  expect(read('netlify-toml', text)).toEqual({ rules: [], headers: [], reports: [report] });
});

test('redirects as a list of inline tables', () => {
  expect(read('netlify-toml', 'redirects = [\n  {from = "/a", to = "/b"},\n  {from = "/c", to = "/d"}]').rules).toEqual([
    '2: /a~ -> 301 /b keep', '3: /c~ -> 301 /d keep',
  ]);
});
