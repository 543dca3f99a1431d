import fc from 'fast-check';
import { at, instance, originals, snapshot, T0, volume } from './builders';
import { setId, TAG } from '../../src/ebs-snapshot-dr/contract';
import { copyTags, deviceOfSet, originalTags, userTags } from '../../src/ebs-snapshot-dr/handlers/set-tags';

const SET = setId('i-1', at(T0));
const ORIGIN = '111122223333/us-east-1';

describe('originals', () => {
  test('carry what a set is rebuilt from', () => {
    const members = [volume('vol-0ab', '/dev/sda1'), volume('vol-1ab', '/dev/nvme1n1'), volume('vol-0ac', 'xvdf')];
    const frozen = { from: T0, until: T0 + 30_000 };
    expect(originalTags('p', SET, T0 + 3120, instance('i-1', { tags: { Name: 'db', other: 'x' } }), members, ORIGIN, frozen)).toEqual({
      'ebsdr:plan': 'p',
      'ebsdr:set': 'i-1@2026-11-21T10:00:00Z',
      'ebsdr:members': '3@2026-11-21T10:00:03.120Z',
      'ebsdr:origin': ORIGIN,
      'ebsdr:devices': 'sda1=-0ab nvme1n1=-1ab :xvdf=-0ac',
      'ebsdr:frozen': '2026-11-21T10:00:00.000Z/2026-11-21T10:00:30.000Z',
      'ebsdr:name': 'db',
    });
  });

  test('leave 40 tags to the user, name every device of 40 volumes, and stay within EC2\'s limits', () => {
    const id = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 17, maxLength: 17 });
    const letters = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz');
    const device = fc.tuple(fc.constantFrom('/dev/xvd', '/dev/sd', 'xvd'), letters, letters).map((parts) => parts.join(''));
    const volumes = fc.uniqueArray(fc.tuple(id, device), { minLength: 1, maxLength: 40, selector: ([each]) => each })
      .map((pairs) => pairs.map(([each, name]) => volume(`vol-${each}`, name)));
    fc.assert(fc.property(volumes, (members) => {
      const tags = originalTags('p', SET, T0, instance('i-1'), members, ORIGIN);
      expect(Object.keys(tags).length).toBeLessThanOrEqual(10);
      Object.values(tags).forEach((value) => expect(value.length).toBeLessThanOrEqual(256));
      expect(members.map((member) => deviceOfSet(tags)(member.volume))).toEqual(members.map((member) => member.device));
    }));
  });

  test('devices that find no room are left out', () => {
    const members = Array.from({ length: 128 }, (_, i) => volume(`vol-${i}`.padEnd(21, 'f') + i, `/dev/disk-with-a-long-name-${i}`));
    const tags = originalTags('p', SET, T0, instance('i-1'), members, ORIGIN);
    expect([tags[TAG.devices].length, tags[TAG.moreDevices].length].every((length) => length > 200 && length <= 256)).toBe(true);
    expect(deviceOfSet(tags)(members[0].volume)).toBe(members[0].device);
    expect(deviceOfSet(tags)(members[127].volume)).toBeUndefined();
  });
});

describe('copies', () => {
  const [original] = originals({ extra: () => ({ tags: { [TAG.devices]: 'sdf=1 sdg=2', [TAG.frozen]: 'a/b', [TAG.name]: 'db', 'user': 'x', 'aws:cloudformation:stack-id': 'y' } }) });

  test('say what they are copies of', () => {
    expect(copyTags(original)).toEqual({
      'user': 'x',
      'ebsdr:plan': 'p',
      'ebsdr:set': 'i-1@2026-11-21T10:00:00Z',
      'ebsdr:members': '2@a',
      'ebsdr:origin': ORIGIN,
      'ebsdr:frozen': 'a/b',
      'ebsdr:name': 'db',
      'ebsdr:source': 'snap-vol-1-a',
      'ebsdr:volume': 'vol-1',
      'ebsdr:taken': '2026-11-21T10:00:01.000Z',
      'ebsdr:device': '/dev/sdf',
    });
  });

  test('never have more than 50, and all of ours', () => {
    const tags = { ...original.tags, ...Object.fromEntries(Array.from({ length: 45 }, (_, i) => [`user${i}`, ''])) };
    const copied = copyTags(snapshot('snap-1', { tags }));
    expect(Object.keys(copied)).toHaveLength(50);
    expect(Object.keys(copied).filter((key) => key.startsWith('ebsdr:')).length).toBeLessThanOrEqual(10);
  });

  test('where the device is not known it is left out', () => {
    expect(TAG.device in copyTags(original, () => undefined)).toBe(false);
  });
});

test('tags of the user: neither those of AWS nor ours, the first ones of the alphabet', () => {
  expect(userTags({ 'b': '2', 'a': '1', 'aws:x': '', 'AWS:y': '', 'ebsdr:exclude': '', 'c': '3' }, 2)).toEqual({ a: '1', b: '2' });
  expect(userTags({ a: '1' }, -1)).toEqual({});
});
