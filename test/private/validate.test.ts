import { Duration, Lazy, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { checkDuration, checkInteger, checkKnown, checkNodeRuntime, checkNumber, checkPattern, checkPrefix, checkUnique } from '../../src/private/validate';

const range = { min: 2, max: 4 };

test.each([2, 3, 4, undefined, Lazy.number({ produce: () => 9 })])('whole number %s passes', (value) => {
  expect(() => checkInteger('n', value, range)).not.toThrow();
});
test.each([1, 5, 2.5, NaN, Infinity])('whole number %s fails', (value) => {
  expect(() => checkInteger('n', value, range)).toThrow(`'n' must be a whole number from 2 to 4, got ${value}`);
});

test.each([2, 3.3, 4, undefined, Lazy.number({ produce: () => 9 })])('number %s passes', (value) => {
  expect(() => checkNumber('n', value, range)).not.toThrow();
});
test.each([1.99, 4.01, NaN])('number %s fails', (value) => {
  expect(() => checkNumber('n', value, range)).toThrow(`'n' must be 2 to 4, got ${value}`);
});

test('durations', () => {
  const unknown = Duration.seconds(Lazy.number({ produce: () => 1 }));
  for (const value of [Duration.minutes(1), Duration.hours(1), unknown, undefined]) {
    expect(() => checkDuration('d', value, Duration.minutes(1))).not.toThrow();
  }
  expect(() => checkDuration('d', Duration.seconds(59), Duration.minutes(1))).toThrow("'d' must be at least 1 minute, got 59 seconds");
});

test('what is computed with must be known', () => {
  for (const value of [1, Duration.minutes(1), undefined]) expect(() => checkKnown('k', value)).not.toThrow();
  for (const value of [Token.asNumber({ Ref: 'X' }), Duration.seconds(Token.asNumber({ Ref: 'X' }))]) {
    expect(() => checkKnown('k', value)).toThrow("'k' must be known at synth, got a token");
  }
});

test('patterns', () => {
  for (const value of ['aa', undefined, Token.asString({ Ref: 'X' })]) expect(() => checkPattern('p', value, /^a+$/, "only 'a'")).not.toThrow();
  expect(() => checkPattern('p', 'b', /^a+$/, "only 'a'")).toThrow("'p' must be only 'a', got 'b'");
});

test('unique', () => {
  expect(() => checkUnique('u', ['a', 'b'])).not.toThrow();
  expect(() => checkUnique('u', ['a', 'b', 'a'])).toThrow("'u' must not repeat a name, got 'a' twice");
});

test.each(['', 'a/', 'a/b/', 'a b/ü/', '.a/', `${'x'.repeat(255)}/`, undefined, Token.asString({ Ref: 'X' })])('prefix %s passes', (value) => {
  expect(() => checkPrefix('prefix', value)).not.toThrow();
});
test.each(['a', '/a', '../', 'a/../b/', './', 'a*/', 'a?/', 'a\n/', '\u0085/', `${'ü'.repeat(128)}/`])('prefix %j fails', (value) => {
  expect(() => checkPrefix('prefix', value)).toThrow("'prefix' must be empty or end with '/'");
});

test.each([lambda.Runtime.NODEJS_22_X, lambda.Runtime.NODEJS_24_X, new lambda.Runtime('nodejs26.x', lambda.RuntimeFamily.NODEJS), new lambda.Runtime(Token.asString({ Ref: 'X' }), lambda.RuntimeFamily.NODEJS), undefined])('runtime %s passes', (runtime) => {
  expect(() => checkNodeRuntime(runtime)).not.toThrow();
});
