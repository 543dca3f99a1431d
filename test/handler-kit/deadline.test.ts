import { Deadline, DeadlineError } from '../../src/handler-kit/deadline';

const context = (remainingMs: number) => ({ getRemainingTimeInMillis: () => remainingMs });

test.each([
  // remaining, reserve, left, expired
  [10_000, 3_000, 7_000, false],
  [3_001, 3_000, 1, false],
  [3_000, 3_000, 0, true],
  [10, 3_000, 0, true],
  [-5, 0, 0, true],
])('%i ms remaining with a reserve of %i ms leave %i ms, expired: %s', (remaining, reserve, left, expired) => {
  const deadline = Deadline.of(context(remaining), reserve);
  expect(deadline.remainingMs()).toBe(left);
  expect(deadline.expired).toBe(expired);
});

test('asks the context anew each time', () => {
  const times = [500, 100];
  const deadline = Deadline.of({ getRemainingTimeInMillis: () => times.shift() ?? 0 }, 100);
  expect([deadline.remainingMs(), deadline.remainingMs()]).toEqual([400, 0]);
});

test('check passes in time and names the step that came too late', () => {
  expect(() => Deadline.of(context(2), 1).check('write the manifest')).not.toThrow();
  const late = () => Deadline.of(context(1), 1).check('write the manifest');
  expect(late).toThrow(DeadlineError);
  expect(late).toThrow('no time left to write the manifest');
});
