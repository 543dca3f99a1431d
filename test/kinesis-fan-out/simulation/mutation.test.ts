import type * as Races from './bucket-race';
import type * as Judge from './invariants';
import type * as Scenarios from './scenario';
import type * as Simulator from './simulate';
import { FAIR } from './weather';
import { hash32 } from '../../kit/faults';
import { bundleOf, firstFinding, Mutant } from '../../kit/mutants';

/** Breaks the engine in ways it could be broken, and shows that the simulation finds each of them. */

type Scenario = Scenarios.Scenario;

interface FanOutMutant extends Mutant {
  /** Where it shows; 'race': at a bucket whose writes overtake each other. */
  readonly kind: Scenarios.Kind | 'race';
  /** What makes it show sooner. */
  readonly adapt?: (scenario: Scenario) => Scenario;
  /** Which bar it breaks. */
  readonly breaks: RegExp;
}

/** Finding the bad record of a pack takes longer than an invocation has. */
function slowAndPoisoned(scenario: Scenario): Scenario {
  return {
    ...scenario,
    rules: { ordering: 'per-shard', packing: { kind: 'json-array', maxBytes: 2000, envelope: false }, sendAhead: 1000 },
    mapping: { ...scenario.mapping, bisects: false, parallelizationFactor: 1 },
    weather: { ...FAIR, latency: [1000, 1500] },
    service: {},
    timeoutSeconds: 15,
  };
}

const MUTANTS: Readonly<Record<string, FanOutMutant>> = {
  'failed entries count as delivered': {
    file: 'waves.ts', code: "case 'failed':\n        return [again(parcel)];", instead: "case 'failed':\n        return finish(tasks);", kind: 'kinesis', breaks: /M1/,
  },
  'an answer without an entry says it arrived': {
    file: 'waves.ts',
    code: "{ kind: 'failed', code: 'Unanswered' }",
    instead: "{ kind: 'delivered' }",
    kind: 'lambda',
    breaks: /M1/,
    // Calls under way are cut off when the invocation ends.
    adapt: (scenario) => ({ ...scenario, weather: { ...FAIR, outages: [{ from: 0, to: 60_000, kind: 'hang' }] }, timeoutSeconds: 10 }),
  },
  'nothing is remembered': {
    file: 'shell.ts', code: 'event.replay ?', instead: 'true ?', kind: 'kinesis', breaks: /M2/,
  },
  'remembered before it is delivered': {
    file: 'delivery.ts', code: 'this.addTask(prepared.item);', instead: 'this.addTask(prepared.item); this.world.memory.delivered.set(record.id, true);', kind: 'kinesis', breaks: /M1/,
  },
  'remembered by the outer record': {
    file: 'delivery.ts', code: 'if (this.world.memory.delivered.get(record.id)) {', instead: "if ([...Array(20).keys()].some((n) => this.world.memory.delivered.get(record.id.split(':').slice(0, 2).join(':') + ':' + n))) {", kind: 'kinesis', breaks: /M1/,
  },
  'the checkpoint is the last unfinished record': {
    file: 'shell.ts', code: 'const [lowest] = report.unfinished;', instead: 'const lowest = report.unfinished.at(-1);', kind: 'kinesis', breaks: /M1/,
  },
  'the answer is always success': {
    file: 'shell.ts', code: 'lowest === undefined ? []', instead: 'true ? []', kind: 'sqs', breaks: /M1/,
  },
  'no send-ahead window': {
    file: 'waves.ts', code: 'Math.min(this.tasks.length, this.low + this.rules.sendAhead)', instead: 'this.tasks.length', kind: 'kinesis', breaks: /M2/,
  },
  'halves of a pack ignore the window': {
    file: 'waves.ts',
    code: 'return this.pool !== undefined && tasks[0]',
    instead: 'return false && tasks[0]',
    kind: 'eventbridge',
    breaks: /M2/,
    adapt: (scenario) => ({
      ...scenario,
      rules: { ordering: 'none', packing: { kind: 'json-array', maxBytes: 2000, envelope: false }, sendAhead: 1 },
      mapping: { ...scenario.mapping, parallelizationFactor: 1 },
      aggregate: 0,
      service: { otherEnvironment: 0.5, environments: 3 },
      quarantineWeather: { ...FAIR, outages: [{ from: 0, to: 60_000, kind: 'error' }] },
    }),
  },
  'several entries of a key in one call': {
    file: 'waves.ts', code: 'if (lane !== this.pool) {\n          this.ready.shift();', instead: 'if (lane.parcels.length === 0 && lane.next === lane.tasks.length && lane !== this.pool) {\n          this.ready.shift();', kind: 'kinesis', breaks: /M3/,
  },
  'what failed goes behind what came later': {
    file: 'waves.ts', code: 'lane.parcels.unshift(', instead: 'lane.parcels.push(', kind: 'https', breaks: /M3/,
  },
  'the lane goes on while one of it is under way': {
    file: 'waves.ts', code: 'lane.busy = true;', instead: 'lane.busy = false;', kind: 'https', breaks: /M[123]/,
  },
  'a refused call is quarantined as a whole': {
    file: 'waves.ts', code: "outcome.kind === 'refused' && call.length > 1", instead: 'false', kind: 'kinesis', breaks: /M1/,
  },
  'a refused pack is quarantined as a whole': {
    file: 'waves.ts', code: 'if (tasks.length === 1) {\n          tasks[0].refusal = outcome.refusal;', instead: 'if (true) {\n          for (const task of tasks) task.refusal = outcome.refusal;', kind: 'sqs', breaks: /M1/,
  },
  'half of a refused pack is forgotten': {
    file: 'waves.ts', code: 'return this.cut(parcel, tasks);\n      case', instead: 'finish(tasks.slice(1)); return this.cut(parcel, tasks.slice(0, 1));\n      case', kind: 'sqs', breaks: /M1/,
  },
  'a failed quarantine counts as done': {
    file: 'delivery.ts', code: 'return false;\n    }\n    this.quarantined', instead: 'return true;\n    }\n    this.quarantined', kind: 'sqs', breaks: /M1/,
  },
  'a destination that is gone is a fault of the record': {
    file: 'waves.ts', code: 'const rests = this.apply(call[n], own ?? UNANSWERED);', instead: "const rests = this.apply(call[n], own?.kind === 'failed' && own.broken ? { kind: 'refused', refusal: { reason: 'REFUSED', code: '' } } : own ?? UNANSWERED);", kind: 'https', breaks: /M1/,
  },
  'a partly delivered pack counts as delivered': {
    file: 'waves.ts', code: '...finish(tasks.slice(0, outcome.items)), ...this.cut(parcel, tasks.slice(outcome.items))', instead: '...finish(tasks)', kind: 'race', breaks: /M1/,
  },
  'an object that exists counts for the pack': {
    file: 's3-objects.ts', code: 'const there = await store.markOf(`${name}${extension}`);', instead: "if (name) return { kind: 'delivered' };\n  const there = await store.markOf(name);", kind: 'race', breaks: /M1/,
  },
  'a pack is known by its first record': {
    file: 'pack.ts',
    code: 'if (items.length === 1) {',
    instead: 'if (items.length > 0) {',
    kind: 'sqs',
    breaks: /M1/,
    // A key's pack grows as the window moves on from one invocation to the next.
    adapt: (scenario) => ({
      ...scenario,
      rules: { ordering: 'per-key', packing: { kind: 'json-array', maxBytes: 2000, envelope: false }, sendAhead: 10 },
      weather: { ...scenario.weather, error: 0.3, ambiguous: 0.3, latency: [200, 2000] },
      timeoutSeconds: 15,
    }),
  },
  'who spoils a call is forgotten with the invocation': {
    file: 'delivery.ts', code: 'suspects.set(record.id, company);', instead: '', kind: 'https', breaks: /mapping/, adapt: slowAndPoisoned,
  },
  'a pack leaves out what does not fit': {
    file: 'pack.ts', code: 'const packed = items.slice(from, from + count);', instead: 'const packed = items.slice(from, from + pieces.length);', kind: 's3', breaks: /M1/,
  },
};
const RUNS = 150;
const RECORDS = 400;
const LATE_WRITES = { error: 0.1, ambiguous: 0.1, late: 0.3, crash: 0.1, fresh: 0.2 };

type Bundle = Pick<typeof Simulator, 'simulate'> & Pick<typeof Judge, 'broken'> & Pick<typeof Scenarios, 'scenarioOf'> & Pick<typeof Races, 'race'>;

const bundle = (mutant?: Mutant) => bundleOf<Bundle>('kinesis-fan-out', __dirname, ['simulate', 'invariants', 'scenario', 'bucket-race'], mutant && [mutant]);

async function findings({ simulate, broken, scenarioOf, race }: Bundle, { adapt, kind }: FanOutMutant, run: number): Promise<string[]> {
  const seed = hash32('mutation', kind, run);
  if (kind === 'race') {
    const missing = (await race(seed, LATE_WRITES)).filter((count) => count === 0).length;
    return missing > 0 ? [`M1: ${missing} lost`] : [];
  }
  const drawn = scenarioOf(kind, seed, RECORDS);
  const scenario = adapt ? adapt(drawn) : drawn;
  return broken(scenario, await simulate(scenario));
}

test.each(Object.entries(MUTANTS))('%s: found', async (_name, mutant) => {
  const mutated = await bundle(mutant);
  expect(await firstFinding(RUNS, mutant.breaks, (run) => findings(mutated, mutant, run))).toBeDefined();
}, 300_000);

test('nothing is found where nothing is broken', async () => {
  const whole = await bundle();
  for (const mutant of Object.values(MUTANTS)) expect(await firstFinding(3, /./, (run) => findings(whole, mutant, run))).toBeUndefined();
}, 300_000);
