import * as Scenarios from './scenario';
import type * as Worlds from './world';
import { hash32, Prng } from '../../kit/faults';
import { bundleOf, firstFinding, type Mutant } from '../../kit/mutants';
import { retention } from '../builders';

/** Breaks the handlers in ways they could be broken, and shows that the simulation finds each of them. */

type Scenario = Scenarios.Scenario;

interface DrMutant extends Mutant {
  /** Where one guard stands behind another. */
  readonly also?: Mutant;
  readonly finds: RegExp;
  /** What makes it show sooner. */
  readonly adapt?: Adapt;
}

type Adapt = (scenario: Scenario) => Scenario;

const DAY = 86_400_000;
const OWN = '111122223333';

/** Faults all the time, until the quiet days at the end. */
function rough(fates: Scenarios.Weather['fates'], more: Partial<Scenario> = {}): Adapt {
  const weather = { fates, mishaps: { set: 0.05, copy: 0.2 } };
  return (scenario) => ({ ...scenario, fair: false, weather: [{ from: 0, until: (scenario.days - 15) * DAY, ...weather }], ...more });
}

/** Copies fail often and come late, and of what is there only the newest set is kept. */
function sparing(scenario: Scenario): Scenario {
  const bad = rough({})(scenario);
  return {
    ...bad,
    weather: bad.weather.map((spell) => ({ ...spell, mishaps: { set: 0, copy: 0.5 } })),
    plans: scenario.plans.map((plan) => ({ ...plan, everyMs: DAY / 2, siteRetention: retention({ last: 1 }) })),
  };
}

/** No faults at all. */
function calm(scenario: Scenario): Scenario {
  const sites = scenario.sites.map((site) => ({ ...site, account: OWN }));
  return { ...scenario, fair: true, weather: [], dark: [], dead: [], keyless: [], foreign: [], repeated: 0, sites };
}

/** Images often, and half of the older ones used by somebody. */
function withImages(scenario: Scenario): Scenario {
  const plans = scenario.plans.map((plan) => ({ ...plan, imageEveryHours: 48, siteRetention: retention({ last: 2 }) }));
  return { ...calm(scenario), imagesInUse: 0.5, plans };
}

/** To the site, and home again. */
function movingBack(scenario: Scenario): Scenario {
  const { failback, ...rest } = calm(scenario);
  const [first] = rest.sites;
  const plans = rest.plans.filter(({ site }) => site === 0);
  const moving = Scenarios.withFailback({ ...rest, plans, sites: [first] }, new Prng(scenario.seed));
  return { ...calm(moving), failback: { ...moving.failback!, isCareless: true } };
}

/** The plan back has the name of the other one, which only two apps can give it. */
function namesake(scenario: Scenario): Scenario {
  const { back, plan } = scenario.failback!;
  return { ...scenario, plans: scenario.plans.map((each, i) => i === back ? { ...each, plan: scenario.plans[plan].plan } : each) };
}

const MUTANTS: Readonly<Record<string, DrMutant>> = {
  'the newest copy of a volume is like any other': {
    file: 'keep.ts',
    code: "['newest-copy', (set) => newest.has(set)],",
    instead: '',
    finds: /newest copy of/,
    adapt: sparing,
  },
  'nothing is above the policy': {
    file: 'keep.ts',
    code: 'if (reasons.length === 0) return verdict;',
    instead: 'if (reasons.length >= 0) return verdict;',
    finds: /last good|newest copy|before it was copied/,
    adapt: sparing,
  },
  'the source does not wait for its copies': {
    file: 'keep.ts',
    code: "['copy-awaited', (set) => facts.awaited.has(set)],",
    instead: '',
    finds: /before it was copied/,
    adapt: (scenario) => ({
      ...rough({}, { keyless: [{ from: 5 * DAY, until: 40 * DAY }] })(scenario),
      sites: scenario.sites.map((site) => ({ ...site, account: OWN, encrypted: true })),
      plans: scenario.plans.map((plan) => ({ ...plan, everyMs: DAY / 2, sourceRetention: retention({ last: 1 }) })),
    }),
  },
  'a period keeps its last set, not its first': {
    file: 'retention.ts',
    code: 'rule.left -= 1;',
    instead: 'rule.left -= 2;',
    finds: /which its policy keeps/,
  },
  'a set counts as whole without all its members': {
    file: 'recovery-point.ts',
    code: "if (snapshots.length !== memberCount(snapshots[0].tags) || !areMeant(snapshots)) return 'partial';",
    instead: '',
    finds: /not whole|is offered/,
    adapt: rough({}),
  },
  'an instance that an answer lacks is gone': {
    file: 'copy-tick.ts',
    code: 'unseen.filter((_, i) => there[i])',
    instead: '[]',
    finds: /the heartbeat says/,
    adapt: rough({ partial: 0.3, lost: 0.1 }),
  },
  'a set is forgotten after it was deleted': {
    file: 'deletions.ts',
    code: 'if (image === undefined) await this.forget(set);\n    else',
    instead: 'if (image !== undefined)',
    finds: /while it is offered/,
  },
  'the heartbeat is that of the best instance': {
    file: 'watch-tick.ts',
    code: 'return Math.max(0, ...since',
    instead: 'return Math.min(...since',
    finds: /the heartbeat says/,
    adapt: rough({}),
  },
  'one copy a tick': {
    file: 'slots.ts',
    code: 'if (chosen.length >= free) break;',
    instead: 'if (chosen.length >= 1) break;',
    finds: /slots are in use/,
    adapt: calm,
  },
  'copies of others are not counted': {
    file: 'slots.ts',
    code: 'Math.max(limit - inFlight.total, 0)',
    instead: 'limit',
    finds: /copies of ours are under way/,
    adapt: (scenario) => ({ ...calm(scenario), copyLimit: 20, sites: scenario.sites.map((site) => ({ ...site, maxCopies: 2 })) }),
  },
  'a lost answer is a refusal': {
    file: 'run.ts',
    code: "return REFUSALS.test(codeOf(error)) && codeOf(error) !== 'UnknownError';",
    instead: 'return true;',
    finds: /made twice/,
    adapt: rough({ lost: 0.05 }),
  },
  'a set is taken again before the first one can be seen': {
    file: 'take-sets.ts',
    code: "if (clock.now() - earlier!.at < SETTLING_MS) return 'open';",
    instead: '',
    finds: /made twice/,
    adapt: rough({ late: 0.05 }, { maxSettleMs: 120_000, repeated: 0.5 }),
  },
  'a run leaves calls behind that go on in the next one': {
    file: 'run.ts',
    code: 'errors.push(error);',
    instead: 'throw error;',
    finds: /made twice/,
    adapt: rough({ throttled: 0.3 }, { repeated: 0.5, busy: { from: 5 * DAY, until: 10 * DAY, everyMs: DAY / 24 } }),
  },
  'images in use are like any other': {
    file: 'prune.ts',
    code: 'unwanted.filter(({ image }) => !used.has(image))',
    instead: 'unwanted',
    finds: /deregistered while it is in use/,
    adapt: withImages,
  },
  'images in use are not counted': {
    file: 'prune.ts',
    code: 'return used.size;',
    instead: 'return 0;',
    finds: /count as in use/,
    adapt: withImages,
  },
  'what has come from a Region goes back there': {
    file: 'recovery-point.ts',
    code: "(source !== undefined) !== (side === 'copies') || ",
    instead: '',
    also: { file: 'copy-tick.ts', code: ' && !origin.endsWith(`/${ec2.region}`)));', instead: '));' },
    finds: /to where it comes from/,
    adapt: (scenario) => namesake(movingBack(scenario)),
  },
};
const RUNS = 5;
const DAYS = 60;

type Bundle = Pick<typeof Worlds, 'World'> & Pick<typeof Scenarios, 'scenarioOf'>;

const bundle = (mutants?: readonly Mutant[]) => bundleOf<Bundle>('ebs-snapshot-dr', __dirname, ['world', 'scenario'], mutants);

async function findings({ World, scenarioOf }: Bundle, { adapt }: Pick<DrMutant, 'adapt'>, run: number): Promise<readonly string[]> {
  const { busy: _, ...drawn } = { ...scenarioOf(hash32('mutation', run), DAYS, 'small'), maxLingerMs: 0, strictAccounts: [] };
  return (await new World(adapt ? adapt(drawn) : drawn).run()).violations;
}

test.each(Object.entries(MUTANTS))('%s: found', async (_name, mutant) => {
  const mutated = await bundle([mutant, ...mutant.also ? [mutant.also] : []]);
  expect(await firstFinding(RUNS, mutant.finds, (run) => findings(mutated, mutant, run))).toBeDefined();
}, 300_000);

test('nothing is found where nothing is broken', async () => {
  const whole = await bundle();
  for (const mutant of Object.values(MUTANTS)) expect(await firstFinding(1, /./, (run) => findings(whole, mutant, run))).toBeUndefined();
}, 300_000);
