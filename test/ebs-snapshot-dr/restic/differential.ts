/**
 * `npx tsx test/ebs-snapshot-dr/restic/differential.ts`: our retention beside restic's own code, over KIT_RUNS random
 * histories from KIT_SEED. Needs Go and, the first time, its module proxy. `--record` makes vectors.json anew.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decide, type History, randomHistory } from './histories';
import { ask, hasGo, RESTIC } from './restic';
import { Prng, runsFromEnv, seedFromEnv } from '../../kit/faults';

const SEED = seedFromEnv(20261121);
const RUNS = runsFromEnv(20_000);
const RECORDED = 400;
/** Keeps the file small. */
const MAX_RECORDED_SETS = 30;

async function compare(): Promise<void> {
  const prng = new Prng(SEED);
  const now = Date.now();
  const asked: History[] = [];
  function* lines(): Generator<string> {
    for (let i = 0; i < RUNS; i++) {
      const history = randomHistory(prng);
      asked.push(history);
      yield JSON.stringify(history);
    }
  }
  let kept = 0;
  let removed = 0;
  let different = 0;
  await ask(lines(), (answer) => {
    const history = asked.shift()!;
    const own = decide(history, now);
    const masks = answer.match(/.../g) ?? [];
    kept += masks.filter((mask) => mask !== '000').length;
    removed += masks.filter((mask) => mask === '000').length;
    if (own === answer) return;
    different += 1;
    if (different <= 3) console.error(`${JSON.stringify(history)}\n  restic: ${answer}\n  ours:   ${own}`);
  });
  console.log(`KIT_SEED=${SEED}: ${RUNS} histories, ${kept} sets kept, ${removed} removed, ${different} decisions other than those of ${RESTIC}`);
  if (different > 0 || kept === 0 || removed === 0) process.exitCode = 1;
}

async function record(): Promise<void> {
  const prng = new Prng(SEED);
  const histories: History[] = [];
  while (histories.length < RECORDED) {
    const history = randomHistory(prng);
    if (history.times.length <= MAX_RECORDED_SETS) histories.push(history);
  }
  const answers: string[] = [];
  await ask(histories.map((history) => JSON.stringify(history)), (answer) => answers.push(answer));
  const cases = histories.map(({ zone, policy, times }, i) => JSON.stringify([zone, policy, times, answers[i]]));
  const head = { restic: RESTIC, recorded: new Date().toISOString().slice(0, 10), made: 'npx tsx test/ebs-snapshot-dr/restic/differential.ts --record', seed: SEED };
  const fields = Object.entries(head).map(([name, value]) => `"${name}": ${JSON.stringify(value)},\n`).join('');
  writeFileSync(join(__dirname, 'vectors.json'), `{\n${fields}"cases": [\n${cases.join(',\n')}\n]\n}\n`);
}

if (!hasGo()) {
  console.error('the comparison with restic needs Go on the PATH, none found: the recorded vectors are all there is');
  process.exitCode = 1;
} else {
  (process.argv.includes('--record') ? record() : compare()).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
