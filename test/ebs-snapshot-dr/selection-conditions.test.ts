import { EbsSelection } from '../../src';
import { termsOf } from '../../src/ebs-snapshot-dr/selection-conditions';

const { allOf, anyOf, instances, noneOf, tag } = EbsSelection;
const KEY = 'aws:ResourceTag';
const terms = (selection: EbsSelection) => termsOf(selection._rule, KEY);
const ANY = [{ instances: [], conditions: {} }];

test.each<[string, EbsSelection, unknown]>([
  ['a tag with values', tag('dr', 'gold', 'silver*'), [{ instances: [], conditions: { StringLike: { 'aws:ResourceTag/dr': ['gold', 'silver*'] } } }]],
  ['a tag that is there', tag('dr'), [{ instances: [], conditions: { Null: { 'aws:ResourceTag/dr': 'false' } } }]],
  ['a tag that is not there', noneOf(tag('dr')), [{ instances: [], conditions: { Null: { 'aws:ResourceTag/dr': 'true' } } }]],
  ['both', allOf(tag('dr', 'gold'), noneOf(tag('env', 'dev'))), [{
    instances: [], conditions: { StringLike: { 'aws:ResourceTag/dr': ['gold'] }, StringNotLike: { 'aws:ResourceTag/env': ['dev'] } },
  }]],
  ['either', anyOf(tag('dr', 'gold'), instances('i-0123456789abcdef0')), [
    { instances: [], conditions: { StringLike: { 'aws:ResourceTag/dr': ['gold'] } } },
    { instances: ['i-0123456789abcdef0'], conditions: {} },
  ]],
  ['not either is not the one and not the other', noneOf(tag('a', '1'), tag('b')), [{
    instances: [], conditions: { StringNotLike: { 'aws:ResourceTag/a': ['1'] }, Null: { 'aws:ResourceTag/b': 'true' } },
  }]],
  ['not both is not the one or not the other', noneOf(allOf(tag('a', '1'), tag('b', '2'))), [
    { instances: [], conditions: { StringNotLike: { 'aws:ResourceTag/a': ['1'] } } },
    { instances: [], conditions: { StringNotLike: { 'aws:ResourceTag/b': ['2'] } } },
  ]],
  ['instances that both take', allOf(instances('i-0000000a', 'i-0000000b'), instances('i-0000000b', 'i-0000000c')), [{ instances: ['i-0000000b'], conditions: {} }]],
  ['what IAM reads otherwise than EC2', tag('a', 'why?', '${b}'), [{ instances: [], conditions: { StringLike: { 'aws:ResourceTag/a': ['why${?}', '${$}{b}'] } } }]],
  ['twice the same tag: the first one, as IAM takes one', allOf(tag('a', 'x*'), tag('a', '*y')), [{
    instances: [], conditions: { StringLike: { 'aws:ResourceTag/a': ['x*'] } },
  }]],
  ['instances that are not taken cannot be said', noneOf(instances('i-0000000a')), ANY],
  ['no instance at all', allOf(instances('i-0000000a'), instances('i-0000000b')), ANY],
  ['too many alternatives', anyOf(...Array.from({ length: 9 }, (_, i) => tag(`t${i}`))), ANY],
])('%s', (_, selection, expected) => {
  expect(terms(selection)).toEqual(expected);
});

test('what multiplies is cut, and allows more than it takes', () => {
  const pair = (i: number) => anyOf(tag(`a${i}`), tag(`b${i}`));
  const found = terms(allOf(...Array.from({ length: 40 }, (_, i) => pair(i))));
  expect(found).toHaveLength(8);
  expect(found[0]).toEqual({ instances: [], conditions: { Null: Object.fromEntries(['a0', 'a1', 'a2'].map((key) => [`aws:ResourceTag/${key}`, 'false'])) } });
});

describe('bad selections are refused', () => {
  test.each<[() => EbsSelection, string]>([
    [() => tag('aws:autoscaling:groupName'), "'key' must be 1 to 128 characters that don't begin with 'aws:' or 'ebsdr:', got 'aws:autoscaling:groupName'"],
    [() => tag(''), "'key' must be 1 to 128 characters that don't begin with 'aws:' or 'ebsdr:', got ''"],
    [() => tag('a', 'x'.repeat(257)), `'values' must be at most 256 characters each, got '${'x'.repeat(257)}'`],
    [() => instances(), "'ids' must hold at least one, got none"],
    [() => instances('vol-0123456789'), "'ids' must be like 'i-0123456789abcdef0', got 'vol-0123456789'"],
    [() => allOf(), "'selections' must hold at least one, got none"],
    [() => anyOf(), "'selections' must hold at least one, got none"],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });

  test('a token', () => {
    expect(() => tag('a', '${Token[TOKEN.1]}')).toThrow("'selection' must be known at synth, got a token: it stands in the function's settings");
  });
});
