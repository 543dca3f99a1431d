import { ask } from './oracles';
import { randomQuestion, type Question } from './patterns';
import { compileEventPattern } from '../../../src/kinesis-fan-out/handlers/event-pattern';
import { RecordJson } from '../../../src/kinesis-fan-out/handlers/json';
import { Prng, replayLine, runsFromEnv, seedFromEnv } from '../../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(2_000);
/** For a million of them. */
const TIMEOUT_MS = 3_600_000;

function ours({ pattern, event }: Question): string {
  let compiled;
  try {
    compiled = compileEventPattern(pattern);
  } catch {
    return 'invalid';
  }
  return String(compiled.matches(new RecordJson(Buffer.from(event)).json));
}

test(`${RUNS} patterns match what EventBridge's own engine matches`, async () => {
  const prng = new Prng(SEED);
  const underWay: Question[] = [];
  function* questions(): Generator<string> {
    for (let i = 0; i < RUNS; i++) {
      const question = randomQuestion(prng);
      underWay.push(question);
      yield [question.event, JSON.stringify(question.pattern)].map((text) => Buffer.from(text).toString('base64')).join(' ');
    }
  }

  const differences: string[] = [];
  const seen: Record<string, number> = { true: 0, false: 0, invalid: 0 };
  await ask('ruler', questions(), (answer) => {
    seen[answer] += 1;
    const given = underWay.shift()!;
    const result = ours(given);
    if (result !== answer && differences.length < 5) {
      differences.push(`${JSON.stringify(given.pattern)} on ${given.event}: engine ${answer}, ours ${result}`);
    }
  });
  console.log(`event-ruler: ${RUNS} patterns, ${seen.true} match, ${seen.false} do not, ${seen.invalid} are invalid`);
  if (differences.length > 0) throw new Error([...differences, replayLine(SEED, 'test/kinesis-fan-out/kcl/ruler')].join('\n'));
  // The comparison means something only if there is enough of both.
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(RUNS / 10);
}, TIMEOUT_MS);
