import { readEnv } from '../../src/handler-kit/env';

const NAMES = ['TABLE', 'PREFIX'] as const;

test('returns the named variables only', () => {
  expect(readEnv(NAMES, { TABLE: 't', PREFIX: 'p', OTHER: 'o' })).toEqual({ TABLE: 't', PREFIX: 'p' });
});

test('the empty string is present', () => {
  expect(readEnv(NAMES, { TABLE: 't', PREFIX: '' })).toEqual({ TABLE: 't', PREFIX: '' });
});

test('names every missing variable in one error', () => {
  expect(() => readEnv(NAMES, { OTHER: 'o' })).toThrow(new Error('missing environment variables: TABLE, PREFIX'));
});

test('reads the process environment by default', () => {
  process.env.KIT_ENV_TEST = 'here';
  try {
    expect(readEnv(['KIT_ENV_TEST'])).toEqual({ KIT_ENV_TEST: 'here' });
  } finally {
    delete process.env.KIT_ENV_TEST;
  }
});

test('the result has the names as its type', () => {
  const env = readEnv(NAMES, { TABLE: 't', PREFIX: 'p' });
  // @ts-expect-error a variable that is not in the list
  expect(env.TABEL).toBeUndefined();
});
