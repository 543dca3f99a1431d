import { ROOMS } from '../kit/rooms';
import { asText, readableResources } from '../kit/snapshot';
import { RECOMMENDED_FLAGS, stackFor } from '../kit/stack';

const [room] = ROOMS.filter(({ name }) => name === 'kinesis-fan-out');
type Resources = Record<string, string>;

/** Of a logical id or a consumer's name; a number is none. */
const HASH = /(?<=[A-Za-z-])[0-9A-F]{8}\b/g;
const DESTINATION = /^OrdersDestinations(Archive|Audit|Bus|Lake|Mirror|News|Partner|State|Worker)/;

function resources(variant: 'minimal' | 'full', context: Record<string, unknown> = {}): Resources {
  const stack = stackFor({ context });
  room[variant](stack);
  return Object.fromEntries(Object.entries(readableResources(stack)).filter(([id]) => id.startsWith('Orders')));
}

/** Without the dashboard, one long line that nobody would read. */
const commonOf = (all: Resources): Resources => (
  Object.fromEntries(Object.entries(all).filter(([id]) => !DESTINATION.test(id) && !id.includes('Dashboard'))));

/** Resources of one destination, named as if it were called 'X'. */
function destinationOf(all: Resources, name: string): Resources {
  const mine = Object.entries(all).filter(([id]) => DESTINATION.exec(id)?.[1] === name);
  const neutral = (text: string) => text.replaceAll(`OrdersDestinations${name}`, 'X').replace(new RegExp(`\\b${name}\\b`, 'g'), 'X').replace(HASH, '');
  return Object.fromEntries(mine.map(([id, text]) => [neutral(id), neutral(text)]));
}

/** New resources in full, of changed ones the lines that came and went. */
function changes(one: Resources, other: Resources): string {
  const gone = Object.keys(other).filter((id) => !(id in one)).map((id) => [id, 'gone']);
  const changed = Object.entries(one).filter(([id, text]) => text !== other[id]).map(([id, text]) => [id, lineChanges(text, other[id])]);
  return asText(Object.fromEntries([...gone, ...changed]));
}

function lineChanges(text: string, before: string | undefined): string {
  if (before === undefined) return text;
  const [lines, old] = [text, before].map((whole) => whole.split('\n'));
  return ['', ...old.filter((line) => !lines.includes(line)).map((line) => `-${line}`), ...lines.filter((line) => !old.includes(line)).map((line) => `+${line}`)].join('\n');
}

test('minimal', () => {
  expect(asText(resources('minimal'))).toMatchSnapshot();
});

test('what all props change in what destinations share', () => {
  expect(changes(commonOf(resources('full')), commonOf(resources('minimal')))).toMatchSnapshot();
});

test('what all props change in one destination', () => {
  expect(changes(destinationOf(resources('full'), 'Lake'), destinationOf(resources('minimal'), 'Lake'))).toMatchSnapshot();
});

/** Lines of the bucket itself stand in other snapshots. */
const added = (text: string) => text.split('\n').filter((line) => !line.startsWith('-')).join('\n');

test.each(['Archive', 'Audit', 'Bus', 'Mirror', 'News', 'Partner', 'State', 'Worker'])('what distinguishes %s from a bucket', (name) => {
  const full = resources('full');
  expect(Object.keys(destinationOf(full, name)).length).toBeGreaterThan(5);
  expect(added(changes(destinationOf(full, name), destinationOf(full, 'Lake')))).toMatchSnapshot();
});

test.each(['minimal', 'full'] as const)('%s: what the recommended flags change', (variant) => {
  expect(Object.keys(RECOMMENDED_FLAGS).length).toBeGreaterThan(50);
  const [flags, none] = [resources(variant, RECOMMENDED_FLAGS), resources(variant)];
  const shown = (all: Resources) => ({ ...commonOf(all), ...destinationOf(all, 'Lake') });
  expect(changes(shown(flags), shown(none))).toMatchSnapshot();
});
