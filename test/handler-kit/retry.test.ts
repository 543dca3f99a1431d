import * as fc from 'fast-check';
import { retry, type RetryOptions } from '../../src/handler-kit/retry';

/** Fails `failures` times, then answers; records what it waited for. */
function scenario(failures: number, options: Partial<RetryOptions> = {}) {
  const waits: number[] = [];
  let calls = 0;
  const fn = async () => {
    calls++;
    if (calls <= failures) {
      throw new Error(`failure ${calls}`);
    }
    return 'done';
  };
  const result = retry(fn, {
    attempts: 5,
    baseMs: 100,
    capMs: 500,
    isRetryable: () => true,
    random: () => 0.999,
    sleep: async (ms) => { waits.push(ms); },
    ...options,
  });
  return { result, waits, calls: () => calls };
}

test('no failure, no wait', async () => {
  const { result, waits } = scenario(0);
  expect(await result).toBe('done');
  expect(waits).toEqual([]);
});

test('waits double up to the cap', async () => {
  const { result, waits } = scenario(4);
  expect(await result).toBe('done');
  expect(waits).toEqual([99, 199, 399, 499]);
});

test('throws the last error after the last attempt', async () => {
  const { result, calls } = scenario(9, { attempts: 3 });
  await expect(result).rejects.toThrow('failure 3');
  expect(calls()).toBe(3);
});

test('an error that will not pass is thrown at once', async () => {
  const { result, calls } = scenario(1, { isRetryable: () => false });
  await expect(result).rejects.toThrow('failure 1');
  expect(calls()).toBe(1);
});

test.each([
  [100, 'done', 2],
  [99, 'failure 1', 1],
])('with %i ms left and a wait of 99 ms: %s', async (left, expected, calls) => {
  const run = scenario(1, { deadline: { remainingMs: () => left } });
  expect(await run.result.catch((error: Error) => error.message)).toBe(expected);
  expect(run.calls()).toBe(calls);
});

test('full jitter: every wait is below its bound', async () => {
  await fc.assert(fc.asyncProperty(
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(1_000), fc.nat(10_000),
    async (random, baseMs, capMs) => {
      const { result, waits } = scenario(4, { random: () => random, baseMs, capMs });
      await result;
      waits.forEach((wait, i) => expect(wait).toBe(Math.floor(random * Math.min(capMs, baseMs * 2 ** i))));
    },
  ));
});

test('really waits and draws by default', async () => {
  let calls = 0;
  const fn = async () => {
    if (++calls < 3) {
      throw new Error('again');
    }
    return calls;
  };
  expect(await retry(fn, { attempts: 3, baseMs: 1, capMs: 1, isRetryable: () => true })).toBe(3);
});
