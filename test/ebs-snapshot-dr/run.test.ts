import { inParallel } from '../../src/ebs-snapshot-dr/handlers/run';

test('an error ends a run only when what is under way is over, and nothing more is begun', async () => {
  const begun: string[] = [];
  let finish = () => {};
  const slow = new Promise<void>((resolve) => finish = resolve);
  let settled = false;
  const run = inParallel(['slow', 'fails', 'never'], 2, async (item) => {
    begun.push(item);
    if (item === 'fails') throw new Error('refused');
    await slow;
  });
  void run.catch(() => settled = true);
  await new Promise(setImmediate);
  expect(settled).toBe(false);
  finish();
  await expect(run).rejects.toThrow('refused');
  expect(begun).toEqual(['slow', 'fails']);
});

test('answers stand in the order of their items', async () => {
  const waits = [3, 1, 2];
  expect(await inParallel(waits, 3, async (turns) => {
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    return turns;
  })).toEqual(waits);
});
