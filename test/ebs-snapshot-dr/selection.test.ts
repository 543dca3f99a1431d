import fc from 'fast-check';
import type { Selection } from '../../src/ebs-snapshot-dr/contract';
import { matches, matchesPattern } from '../../src/ebs-snapshot-dr/handlers/selection';

const tag = (key: string, ...values: string[]): Selection => ({ kind: 'tag', key, values });
const TAGS = { dr: 'gold', env: 'prod', empty: '' };

test.each<[string, Selection, boolean]>([
  ['any value', tag('dr'), true],
  ['an empty value is one', tag('empty'), true],
  ['no such tag', tag('constructor'), false],
  ['one of the values', tag('dr', 'silver', 'gold'), true],
  ['none of the values', tag('dr', 'silver'), false],
  ['case counts', tag('dr', 'Gold'), false],
  ['a pattern', tag('dr', 'g*d'), true],
  ['instances', { kind: 'instances', ids: ['i-2', 'i-1'] }, true],
  ['other instances', { kind: 'instances', ids: ['i-2'] }, false],
  ['all', { kind: 'all', of: [tag('dr', 'gold'), { kind: 'not', of: tag('env', 'dev') }] }, true],
  ['not all', { kind: 'all', of: [tag('dr', 'gold'), tag('env', 'dev')] }, false],
  ['any', { kind: 'any', of: [tag('env', 'dev'), tag('dr')] }, true],
  ['none', { kind: 'any', of: [] }, false],
])('%s', (_, selection, expected) => {
  expect(matches(selection, TAGS, 'i-1')).toBe(expected);
});

test('patterns match as the regular expression does that they stand for', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
  fc.assert(fc.property(text, text, (pattern, value) => {
    const expression = new RegExp(`^${pattern.split('*').map((part) => part.replaceAll('.', '\\.')).join('.*')}$`);
    expect(matchesPattern(pattern, value)).toBe(expression.test(value));
  }), { numRuns: 2000 });
});

test('many asterisks take no time', () => {
  expect(matchesPattern(`${'*a'.repeat(120)}*b`, 'a'.repeat(256))).toBe(false);
});
