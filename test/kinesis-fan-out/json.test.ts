import { isObject, numberText } from '../../src/kinesis-fan-out/common/json-value';
import { RecordJson } from '../../src/kinesis-fan-out/handlers/json';
import { Prng, seedFromEnv } from '../kit/faults';

function read(data: string | Uint8Array): RecordJson {
  return new RecordJson(Buffer.from(data));
}

function rewritten(text: string): string {
  return JSON.stringify(read(text).json);
}

test.each([
  '12345678901234567890', '0.10000000000000000001', '1.0', '19.90', '1e5', '1E-5', '-0', '-0.0', '0.0000001', '1e999', '9007199254740993', '0e0', '100', '-5.25',
])('%s keeps its digits', (number) => {
  expect(rewritten(number)).toBe(number);
  expect(rewritten(`{"a":[${number},{"b":${number}}]}`)).toBe(`{"a":[${number},{"b":${number}}]}`);
});

test('any number does', () => {
  const prng = new Prng(seedFromEnv(7));
  const digits = (atMost: number): string => Array.from({ length: prng.int(1, atMost) }, () => prng.pick(['0', '0', '1', '9', '5'])).join('');
  for (let i = 0; i < 2_000; i++) {
    const whole = digits(prng.pick([2, 20])).replace(/^0+(?=.)/, '');
    const fraction = prng.chance(0.5) ? `.${digits(prng.pick([3, 20]))}` : '';
    const exponent = prng.chance(0.2) ? `${prng.pick(['e', 'E'])}${prng.pick(['', '+', '-'])}${digits(3)}` : '';
    const number = `${prng.chance(0.2) ? '-' : ''}${whole}${fraction}${exponent}`;
    const text = prng.pick([number, `[${number}]`, `{"a":${number}}`]);
    expect(rewritten(text)).toBe(text);
    expect(rewritten(`[ ${number}\n, 1 ]`)).toBe(`[${number},1]`);
  }
});

test('what is no UTF-8 has neither text nor JSON', () => {
  expect(read(Buffer.from('22ff22', 'hex'))).toMatchObject({ text: undefined, json: undefined });
});

test('what is no JSON has its text', () => {
  expect(read('paid')).toMatchObject({ text: 'paid', json: undefined });
});

test('a byte order mark is none of its text', () => {
  expect(read('\uFEFF{"a":1}')).toMatchObject({ text: '{"a":1}', json: { a: 1 } });
});

test('what is nested too deeply for its numbers to be kept is taken for no JSON', () => {
  expect(read(`${'['.repeat(500_000)}1.0${']'.repeat(500_000)}`).json).toBeUndefined();
});

test('is read once', () => {
  const json = read('{"a":1}');
  expect(json.json).toBe(json.json);
});

test('numbers are told from objects', () => {
  const { plain, long, object, list, nothing } = read('{"plain":1.5,"long":1.50,"object":{"rawJSON":"1.50"},"list":[],"nothing":null}').json as Record<string, unknown>;
  expect([plain, long, object, list, nothing, 'x'].map(isObject)).toEqual([false, false, true, false, false, false]);
  expect([plain, long, object, list, nothing, '1'].map(numberText)).toEqual(['1.5', '1.50', undefined, undefined, undefined, undefined]);
});
