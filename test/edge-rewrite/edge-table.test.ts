import { EdgeTable } from '../../src/edge-rewrite/handlers/edge-table';

const table = (...lines: string[]) => new EdgeTable(Buffer.from(['{"code":"x"}', ...lines.sort(), ''].join('\n')));

test('finds every key, and no other', () => {
  const keys = ['/a', '/a!', '/a/b', '/ab', '/b/c', 'A/x', 'a/:/:', '~www.example.com/x'];
  const rules = table(...keys.map((key) => `${key} 1k${key}>1 K`));
  expect(rules.head).toEqual({ code: 'x' });
  for (const key of keys) {
    expect(rules.get(key)).toBe(`1k${key}>1 K`);
    for (const other of [`${key}/`, `${key}~`, key.slice(0, -1), `${key} `, key.toUpperCase()]) {
      if (!keys.includes(other)) expect([other, rules.get(other)]).toEqual([other, undefined]);
    }
  }
});

test.each([0, 1, 2, 3, 1000])('of %i lines each', (count) => {
  const rules = table(...Array.from({ length: count }, (_, i) => `/page-${i} value-${i}`));
  for (let i = 0; i < count; i++) expect(rules.get(`/page-${i}`)).toBe(`value-${i}`);
  for (const key of ['', '/', '/page-', `/page-${count}`, '~']) expect(rules.get(key)).toBeUndefined();
});
