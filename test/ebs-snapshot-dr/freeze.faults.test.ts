import { spawnSync } from 'node:child_process';
import { documentScript, type FreezeOutcome, type FreezePlan, Instances, MAX_FROZEN, randomPlan } from './freeze/freeze-at-work';
import { FREEZE_DOCUMENT, freezeScript } from '../../src/ebs-snapshot-dr/freeze-document';
import { hash32, replayLine, runsFromEnv, seedFromEnv } from '../kit/faults';

/** The document's own script in a real shell. Only fsfreeze, and which device a path is on, are not real. */

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(200);
/** They sleep most of the time. */
const AT_A_TIME = 40;

jest.setTimeout(Math.max(120_000, RUNS * 1000));

let instances: Instances;
beforeAll(() => {
  instances = new Instances();
});
afterAll(() => instances?.stop());

const path = (more: Partial<FreezePlan['paths'][number]> = {}) => ({ delay: 0, fails: false, stubborn: 0, ...more });
const SHELLS = ['dash', 'bash'] as const;

function deviations({ plan, code, said, frozenAtEnd, longest, lateness, left, frozen }: FreezeOutcome): string[] {
  const wrong: string[] = [];
  if (left.length > 0) wrong.push(`left behind: ${left.join(', ')}`);
  // Two calls of the watchdog's may each be late.
  if (longest > MAX_FROZEN + 2 * lateness) wrong.push(`frozen for ${longest} s of ${MAX_FROZEN}, the machine was ${lateness.toFixed(2)} s late`);
  if (code === 0 && frozen < plan.paths.length) wrong.push(`says that all are frozen, ${frozen} were`);
  if (code === 0 && !said.startsWith('frozen since ')) wrong.push(`no times in '${said}'`);
  if (code !== undefined && code !== 0 && frozenAtEnd.length > 0 && plan.secondAt === undefined) {
    wrong.push(`ended with ${code} and ${frozenAtEnd.join(', ')} frozen`);
  }
  return wrong;
}

test.each(SHELLS)('%s: frozen until the thaw', async (shell) => {
  const outcome = await instances.freeze({ shell, paths: [path(), path()], thawAt: 0.3 });
  expect(deviations(outcome)).toEqual([]);
  expect([outcome.code, outcome.frozen]).toEqual([0, 2]);
});

test.each(SHELLS)('%s: nobody thaws, the watchdog does', async (shell) => {
  const outcome = await instances.freeze({ shell, paths: [path()] });
  expect(deviations(outcome)).toEqual([]);
  expect([outcome.code, outcome.frozen]).toEqual([0, 1]);
});

test.each(SHELLS)('%s: one of several fails, all are thawed when the command ends', async (shell) => {
  const outcome = await instances.freeze({ shell, paths: [path(), path({ fails: true }), path()] });
  expect(deviations(outcome)).toEqual([]);
  expect([outcome.code, outcome.frozen, outcome.frozenAtEnd]).toEqual([1, 1, []]);
});

test.each(SHELLS)('%s: killed between two freezes', async (shell) => {
  const outcome = await instances.freeze({ shell, paths: [path({ after: { whom: 'group', signal: 'KILL' } }), path()] });
  expect(deviations(outcome)).toEqual([]);
  expect([outcome.code, outcome.frozen]).toEqual([undefined, 1]);
});

test.each(SHELLS)('%s: a freeze that takes effect after the end of the time is undone', async (shell) => {
  const outcome = await instances.freeze({ shell, paths: [path({ delay: 2.5 })], strike: { whom: 'group', signal: 'KILL', at: 0.5 } });
  expect(deviations(outcome)).toEqual([]);
  expect([outcome.code, outcome.frozen]).toEqual([undefined, 1]);
});

test('a second freeze at the same time is refused', async () => {
  const outcome = await instances.freeze({ shell: 'dash', paths: [path()], secondAt: 0.4, thawAt: 1 });
  expect(deviations(outcome)).toEqual([]);
  expect(outcome.frozen).toBe(1);
});

test(`${RUNS} schedules of faults, seed ${SEED}: never frozen longer than ${MAX_FROZEN} s, never for ever`, async () => {
  const outcomes: FreezeOutcome[] = [];
  const seeds = Array.from({ length: RUNS }, (_, i) => i === 0 ? SEED : hash32(SEED, i));
  const queue = seeds.values();
  const failures: string[] = [];
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, RUNS) }, async () => {
    for (const seed of queue) {
      const outcome = await instances.freeze(randomPlan(seed));
      outcomes.push(outcome);
      const wrong = deviations(outcome);
      if (wrong.length > 0) failures.push(...wrong, JSON.stringify(outcome), replayLine(seed, 'freeze.faults'));
    }
  }));
  const late = outcomes.filter(({ longest }) => longest > MAX_FROZEN).length;
  console.log(`freeze: ${RUNS} schedules, ${outcomes.filter(({ frozen }) => frozen > 0).length} froze, `
    + `${outcomes.filter(({ code }) => code === undefined).length} killed, `
    + `longest ${Math.max(...outcomes.map(({ longest }) => longest)).toFixed(2)} s, ${late} beyond ${MAX_FROZEN} s for the machine's lateness`);
  expect(failures).toEqual([]);
});

test('the root file system is never frozen, nor what the agent writes to', () => {
  const script = freezeScript({ state: '/nowhere/run', cgroups: '/nowhere' })
    .replace('{{ Action }}', 'freeze').replace('{{ Paths }}', '/usr').replace('{{ MaxFrozenSeconds }}', '5').replace('{{ Id }}', 'a');
  const { status, stderr } = spawnSync('sh', ['-c', `stat() { echo 1; }; fsfreeze() { echo frozen >&2; }; ${script}`], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, '/usr is on the same file system as /, which cannot be frozen safely\n']);
});

test('the document holds the script, and every parameter of it is declared and narrow', () => {
  expect(documentScript()).toBe(freezeScript());
  const used = new Set([...documentScript().matchAll(/\{\{ (\w+) \}\}/g)].map(([, name]) => name));
  expect([...used].sort()).toEqual(Object.keys(FREEZE_DOCUMENT.parameters).sort());
  const parameters: Record<string, { allowedPattern?: string; allowedValues?: string[] }> = FREEZE_DOCUMENT.parameters;
  for (const evil of ["'; reboot; '", '/a b', '/a:', '$(reboot)', '/a\n/b', '']) {
    for (const { allowedPattern, allowedValues } of Object.values(parameters)) {
      expect(allowedValues ? allowedValues.includes(evil) : new RegExp(allowedPattern!).test(evil)).toBe(false);
    }
  }
});
