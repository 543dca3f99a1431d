import { randomCase, type Case } from './cases';
import { ask, type OracleName } from './oracles';
import { randomQuestion, type Question } from './patterns';
import { compileEventPattern } from '../../../src/kinesis-fan-out/common/event-pattern';
import { RecordJson } from '../../../src/kinesis-fan-out/handlers/json';
import { deaggregateInRange } from '../../../src/kinesis-fan-out/handlers/kpl';
import { Prng, replayLine, runsFromEnv, seedFromEnv } from '../../kit/faults';
import { EDGE_CASES } from '../edge-cases';

const SEED = seedFromEnv(20261121);
const AGGREGATES = runsFromEnv(20_000);
/** The engine builds a machine for each. */
const PATTERNS = Math.ceil(AGGREGATES / 10);
const TIMEOUT_MS = 4 * 3_600_000;

interface Comparison<T> {
  readonly oracle: OracleName;
  readonly count: number;
  readonly make: (prng: Prng) => T;
  /** A question as the oracle takes it. */
  readonly line: (question: T) => string;
  readonly ours: (question: T) => string;
  readonly show: (question: T) => string;
}

/** @returns the oracle's answers, once all of ours are the same */
async function compare<T>({ oracle, count, make, line, ours, show }: Comparison<T>): Promise<readonly string[]> {
  const prng = new Prng(SEED);
  const underWay: T[] = [];
  function* lines(): Generator<string> {
    for (let i = 0; i < count; i++) {
      const question = make(prng);
      underWay.push(question);
      yield line(question);
    }
  }

  const differences: string[] = [];
  const kinds: string[] = [];
  await ask(oracle, lines(), (answer) => {
    kinds.push(answer === 'records' ? 'no records' : answer.split(' ')[0]);
    const question = underWay.shift()!;
    const own = ours(question);
    if (own !== answer && differences.length < 5) differences.push([show(question), `  ${oracle}: ${answer}`, `  ours: ${own}`].join('\n'));
  });
  if (differences.length > 0) throw new Error([...differences, replayLine(SEED, 'test/kinesis-fan-out/kcl')].join('\n'));
  return kinds;
}

/** The comparison means something only if there is enough of each kind of answer. */
function expectVariety(answers: readonly string[], kinds: readonly string[], share: number): void {
  const counts = kinds.map((kind) => answers.filter((answer) => answer === kind).length);
  console.log(`${answers.length} compared: ${kinds.map((kind, i) => `${counts[i]} ${kind}`).join(', ')}`);
  expect(Math.min(...counts)).toBeGreaterThan(answers.length * share);
}

function base64(text: Uint8Array | string): string {
  return Buffer.from(text).toString('base64');
}

function deaggregated({ range, data }: Case): string {
  const records = deaggregateInRange(data, range);
  if (records === undefined) return 'raw';
  return ['records', ...records.map(({ partitionKey, explicitHashKey, data: user }) =>
    `${base64(partitionKey)},${explicitHashKey === undefined ? '-' : base64(explicitHashKey)},${base64(user)}`)].join(' ');
}

function matched({ pattern, event }: Question): string {
  let compiled;
  try {
    compiled = compileEventPattern(pattern);
  } catch {
    return 'invalid';
  }
  return String(compiled.matches(new RecordJson(Buffer.from(event)).json));
}

test(`${AGGREGATES} aggregates, and what is nearly one, are read as the Kinesis Client Library reads them`, async () => {
  expectVariety(await compare<Case>({
    oracle: 'kcl',
    count: AGGREGATES,
    make: randomCase,
    line: ({ range, data }) => `${range.start} ${range.end} ${base64(data)}`,
    ours: deaggregated,
    show: ({ range, data }) => `${data.toString('hex')} in ${range.start} to ${range.end}`,
  }), ['raw', 'records', 'no records'], 0.1);
}, TIMEOUT_MS);

test('the table of edge cases is the Kinesis Client Library\'s own', async () => {
  const answers: unknown[] = [];
  await ask('kcl', EDGE_CASES.map(({ data }) => `0 ${2n ** 128n - 1n} ${base64(data)}`), (answer) => {
    const [kind, ...records] = answer.split(' ');
    const text = (field: string): string => (field === '-' ? field : Buffer.from(field, 'base64').toString());
    answers.push(kind === 'raw' ? kind : records.map((one) => one.split(',').map(text).join(',')));
  });
  expect(answers).toEqual(EDGE_CASES.map(({ kcl }) => kcl));
}, TIMEOUT_MS);

test(`${PATTERNS} event patterns match what EventBridge's own engine matches`, async () => {
  expectVariety(await compare<Question>({
    oracle: 'ruler',
    count: PATTERNS,
    make: randomQuestion,
    line: ({ pattern, event }) => `${base64(event)} ${base64(JSON.stringify(pattern))}`,
    ours: matched,
    show: ({ pattern, event }) => `${JSON.stringify(pattern)} on ${event}`,
  }), ['true', 'false'], 0.1);
}, TIMEOUT_MS);
