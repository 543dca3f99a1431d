import { readFileSync } from 'fs';
import { join } from 'path';
import { Stack } from 'aws-cdk-lib';
import { EbsSelection, EbsSnapshotDr, type EbsDrSite } from '../../src';
import { ROOMS } from '../kit/rooms';
import { stackFor, statementsOf } from '../kit/stack';

/** "Permissions per function" of the README against the roles of both sides with everything on, action by action. */

/** First column → part of the policy's logical id. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  'snapshot': 'DrSnapshot',
  'prune of the plan': 'DrPrune',
  'share': 'DrShare',
  '`readerRole` itself': 'DrReader',
  'copy': 'SiteCopy',
  'watch': 'SiteWatch',
  'prune of the site': 'SitePrune',
  'sync': 'SiteSync',
  'restore': 'SiteRestore',
  'drill': 'SiteDrill',
};

/** What a row takes over from another one, in words. */
const AS: Readonly<Record<string, string>> = { 'prune of the site': 'prune of the plan', 'drill': 'restore' };

const ACTION = /`([a-z0-9]+:[A-Z]\w+)`/g;

/** Actions by first column; a row without one goes on with the one before. */
function toldActions(): Map<string, string[]> {
  const readme = readFileSync(join(__dirname, '../../src/ebs-snapshot-dr/README.md'), 'utf8');
  const [, table] = /^\| function \| actions \| on \|\n\|[-|]+\n((?:\|.*\n)+)/m.exec(readme)!;
  const told = new Map<string, string[]>();
  let who = '';
  for (const row of table.trim().split('\n')) {
    const [, first, actions] = row.split('|').map((cell) => cell.trim());
    who = first || who;
    told.set(who, [...told.get(who) ?? [], ...[...actions.matchAll(ACTION)].map(([, action]) => action)]);
  }
  return told;
}

let stacks: readonly Stack[];
beforeAll(() => {
  const defined = ['ebs-snapshot-dr', 'ebs-dr-site'].map((name) => {
    const stack = stackFor();
    return { stack, construct: ROOMS.find((room) => room.name === name)!.full(stack) };
  });
  stacks = defined.map(({ stack }) => stack);
  // A plan of another account, whose site takes its reader's role.
  const foreign = new Stack(stacks[1].node.root as Stack, 'Foreign', { env: { region: 'eu-west-1', account: '210987654321' } });
  new EbsSnapshotDr(foreign, 'Dr', { selection: EbsSelection.tag('dr'), planName: 'foreign', copyTo: [defined[1].construct as EbsDrSite] });
});

function grantedActions(logicalId: string): string[] {
  const stack = stacks[logicalId.startsWith('Dr') ? 0 : 1];
  return [...new Set(statementsOf(stack, logicalId).flatMap(({ Action }) => Action as string | string[]))].sort();
}

test.each(Object.entries(FUNCTIONS))('%s: every action told is granted, every action granted is told', (who, logicalId) => {
  const told = toldActions();
  const common = who.startsWith('`') ? [] : [...told.get('all')!, ...(who === 'sync' ? [] : told.get('all but sync')!)];
  const actions = [...common, ...told.get(who)!, ...told.get(AS[who]) ?? []];
  expect(actions.length).toBeGreaterThan(2);
  expect([...new Set(actions)].sort()).toEqual(grantedActions(logicalId));
});

test('every row is of a function', () => {
  expect([...toldActions().keys()].filter((who) => !(who in FUNCTIONS))).toEqual(['all', 'all but sync', 'all, with keys of your own', 'all, with `vpc`']);
});
