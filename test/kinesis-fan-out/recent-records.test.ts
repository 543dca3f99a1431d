import { RecentRecords } from '../../src/kinesis-fan-out/handlers/recent-records';

const MINUTE = 60_000;

test('remembers what it was told, until it is told to forget', () => {
  const records = new RecentRecords<string>(() => 0);
  records.set('a', '1');
  records.set('a', '2');
  expect(records.get('a')).toBe('2');
  expect(records.get('b')).toBeUndefined();
  records.delete('a');
  expect(records.get('a')).toBeUndefined();
  expect(records.size).toBe(0);
});

test('keeps no more than it may: the one confirmed longest ago goes first', () => {
  const records = new RecentRecords<true>(() => 0, 2);
  records.set('a', true);
  records.set('b', true);
  records.set('a', true);
  records.set('c', true);
  expect(['a', 'b', 'c'].map((id) => records.get(id) ?? false)).toEqual([true, false, true]);
});

test('forgets what nobody asked for in a quarter of an hour', () => {
  let now = 0;
  const records = new RecentRecords<true>(() => now);
  records.set('a', true);
  records.set('b', true);
  now = 14 * MINUTE;
  expect(records.get('a')).toBe(true);
  records.set('b', true);
  now = 15 * MINUTE;
  expect(records.get('a')).toBeUndefined();
  expect(records.get('b')).toBe(true);
  records.set('c', true);
  expect(records.size).toBe(2);
});
