import { resourcesOf, snapshotFlags, Variant } from '../kit/room-snapshots';
import { asText, changes, Resources, Texts, textsOf } from '../kit/snapshot';

/** Of a logical id or a consumer's name; a number is none. */
const HASH = /(?<=[A-Za-z-])[0-9A-F]{8}\b/g;
const DESTINATION = /^OrdersDestinations(Archive|Audit|Bus|Lake|Mirror|News|Partner|State|Worker)/;

const resources = (variant: Variant, context?: Readonly<Record<string, unknown>>) => resourcesOf('kinesis-fan-out', variant, context);

/** Without the dashboard, one long line that nobody would read. */
const commonOf = (all: Resources): Texts => (
  textsOf(Object.fromEntries(Object.entries(all).filter(([id]) => !DESTINATION.test(id) && !id.includes('Dashboard')))));

/** Resources of one destination, named as if it were called 'X'. */
function destinationOf(all: Resources, name: string): Texts {
  const mine = Object.fromEntries(Object.entries(all).filter(([id]) => DESTINATION.exec(id)?.[1] === name));
  const neutral = (text: string) => text.replaceAll(`OrdersDestinations${name}`, 'X').replace(new RegExp(`\\b${name}\\b`, 'g'), 'X').replace(HASH, '');
  return Object.fromEntries(Object.entries(textsOf(mine)).map(([id, text]) => [neutral(id), neutral(text)]));
}

test('minimal', () => {
  expect(asText(textsOf(resources('minimal')))).toMatchSnapshot();
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

snapshotFlags((variant, context) => {
  const all = resources(variant, context);
  return { ...commonOf(all), ...destinationOf(all, 'Lake') };
});
