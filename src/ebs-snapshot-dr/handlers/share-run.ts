import { recentSets } from './look-back';
import type { Ec2 } from './ports';
import { LEDGER } from './ports';
import { readSets } from './recovery-point';
import { codeOf, type Run, Unfinished } from './run';
import { lookBackSeconds, type PlanSettings } from '../contract';

export interface ShareRun extends Run {
  readonly settings: PlanSettings;
  readonly ec2: Ec2;
}

/** A set is not begun when less is left. */
const SET_MS = 10_000;

/**
 * Shares every complete set with the plan's other accounts, each with each of them once.
 *
 * @throws {@link Unfinished} if EC2 refused some, for example as they are under the key `aws/ebs`
 */
export async function shareSets(run: ShareRun): Promise<{ readonly shared: number }> {
  const { settings: { plan, rpoSeconds, shareWith }, ec2, ledger, clock, log } = run;
  const now = clock.now();
  const complete = readSets(await ec2.snapshots({ ...recentSets(plan, rpoSeconds, now), states: ['completed'] }), 'originals')
    .filter(({ state }) => state === 'complete');
  const before = new Set((await ledger.list(LEDGER.share(plan))).map(({ sk }) => sk));
  let shared = 0;
  const failed: string[] = [];
  for (const { set, snapshots } of complete) {
    const missing = shareWith.filter((account) => !before.has(keyOf(set, account)));
    if (missing.length === 0) continue;
    if (run.remainingMs() < SET_MS) throw new Unfinished(`time was up after ${shared} sets`);
    try {
      const expires = Math.ceil(now / 1000) + 2 * lookBackSeconds(rpoSeconds);
      for (const account of missing) {
        for (const { snapshot } of snapshots) await ec2.shareSnapshot(snapshot, account);
        await ledger.put({ pk: LEDGER.share(plan), sk: keyOf(set, account), at: clock.now(), expires });
      }
      shared++;
    } catch (error) {
      log.warn('set not shared', { set, code: codeOf(error), reason: (error as Error).message });
      failed.push(set);
    }
  }
  if (failed.length > 0) throw new Unfinished(`${failed.length} sets could not be shared, the first one is ${failed[0]}`);
  return { shared };
}

function keyOf(set: string, account: string): string {
  return `${set}#${account}`;
}
