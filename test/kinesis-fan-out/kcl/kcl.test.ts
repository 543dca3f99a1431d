import { randomCase, type Case } from './cases';
import { ask } from './oracles';
import { deaggregateInRange } from '../../../src/kinesis-fan-out/handlers/kpl';
import { Prng, replayLine, runsFromEnv, seedFromEnv } from '../../kit/faults';
import { EDGE_CASES } from '../edge-cases';

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(20_000);
/** For a million of them. */
const TIMEOUT_MS = 3_600_000;

function ours({ range, data }: Case): string {
  const records = deaggregateInRange(data, range);
  if (records === undefined) return 'raw';
  const base64 = (text: Buffer | string): string => Buffer.from(text).toString('base64');
  return ['records', ...records.map(({ partitionKey, explicitHashKey, data: user }) =>
    `${base64(partitionKey)},${explicitHashKey === undefined ? '-' : base64(explicitHashKey)},${base64(user)}`)].join(' ');
}

test(`${RUNS} aggregates and what is nearly one are read as the Kinesis Client Library reads them`, async () => {
  const prng = new Prng(SEED);
  const underWay: Case[] = [];
  function* questions(): Generator<string> {
    for (let i = 0; i < RUNS; i++) {
      const one = randomCase(prng);
      underWay.push(one);
      yield `${one.range.start} ${one.range.end} ${one.data.toString('base64')}`;
    }
  }

  const differences: string[] = [];
  const seen = { raw: 0, none: 0, records: 0 };
  await ask('kcl', questions(), (answer, index) => {
    seen[answer === 'raw' ? 'raw' : answer === 'records' ? 'none' : 'records'] += 1;
    const given = underWay.shift()!;
    const result = ours(given);
    if (result !== answer && differences.length < 5) {
      differences.push([`case ${index}: ${given.data.toString('hex')} in ${given.range.start} to ${given.range.end}`, `  KCL:  ${answer}`, `  ours: ${result}`].join('\n'));
    }
  });
  console.log(`KCL: ${RUNS} cases, ${seen.raw} raw, ${seen.none} without records, ${seen.records} with records`);
  if (differences.length > 0) throw new Error([...differences, replayLine(SEED, 'test/kinesis-fan-out/kcl')].join('\n'));
  // The comparison means something only if all of it is there.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS / 20);
}, TIMEOUT_MS);

test('the table of edge cases is the Kinesis Client Library\'s own', async () => {
  const answers: unknown[] = [];
  const questions = EDGE_CASES.map(({ data }) => `0 ${2n ** 128n - 1n} ${data.toString('base64')}`);
  await ask('kcl', questions, (answer) => {
    const [kind, ...records] = answer.split(' ');
    answers.push(kind === 'raw' ? kind : records.map((one) => one.split(',').map((field) => (field === '-' ? field : Buffer.from(field, 'base64').toString())).join(',')));
  });
  expect(answers).toEqual(EDGE_CASES.map(({ kcl }) => kcl));
}, TIMEOUT_MS);
