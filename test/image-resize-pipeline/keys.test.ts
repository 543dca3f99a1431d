import fc from 'fast-check';
import { keyCandidates, Keys, pathCandidates } from '../../src/image-resize-pipeline/handlers/keys';
import { seedFromEnv } from '../kit/faults';

const SEED = seedFromEnv(20261121);
const PRESETS = [{ name: 'mobile', fit: 'width' as const, width: 480 }, { name: 'wide-2_x', fit: 'width' as const, width: 1920 }];
const FORMATS = [{ format: 'webp' as const, extension: 'webp' }, { format: 'jpeg' as const, extension: 'jpg' }];

function keysWith({ suffixes = [] as string[], source = 'originals/', destination = 'img/', quarantine = '' } = {}): Keys {
  const layout = { sourcePrefix: source, destinationPrefix: destination, quarantinePrefix: quarantine };
  return new Keys(layout, { presets: PRESETS, formats: FORMATS, suffixes });
}

describe('judging a key', () => {
  test.each([
    ['originals/a.jpg', 'a.jpg'],
    ['originals/2026/a b+(c)%2F.jpg', '2026/a b+(c)%2F.jpg'],
    ['originals/…/😀.png', '…/😀.png'],
    ['originals/a..b.jpg', 'a..b.jpg'],
    ['originals//double.jpg', '/double.jpg'],
  ])('%s is accepted', (key, relative) => {
    expect(keysWith().judge(key)).toEqual({ kind: 'accepted', relative });
  });

  test.each([
    ['originals/', 'the key names a folder'],
    ['originals/album/', 'the key names a folder'],
    ['originals/../secret.jpg', "the key has a '.' or '..' segment"],
    ['originals/a/./b.jpg', "the key has a '.' or '..' segment"],
    ['originals/a\nb.jpg', 'the key has control characters'],
    ['originals/a\u0085b.jpg', 'the key has control characters'],
    ['originals/\ud800.jpg', 'the key is not well-formed Unicode'],
    [`originals/${'x'.repeat(1007)}`, 'the longest key made of it has 1025 bytes, 1024 are allowed'],
    [`originals/${'é'.repeat(504)}`, 'the longest key made of it has 1026 bytes, 1024 are allowed'],
  ])('%j is rejected', (key, detail) => {
    expect(keysWith().judge(key)).toEqual({ kind: 'rejected', detail });
  });

  test('exactly the longest key that fits is accepted', () => {
    const keys = keysWith();
    const fitting = 1024 - 'img/'.length - '/wide-2_x.webp'.length;
    expect(keys.judge(`originals/${'x'.repeat(fitting)}`).kind).toBe('accepted');
    expect(keys.judge(`originals/${'x'.repeat(fitting + 1)}`).kind).toBe('rejected');
  });

  test('a quarantine copy must fit too', () => {
    const key = `originals/${'x'.repeat(900)}`;
    expect(keysWith().judge(key).kind).toBe('accepted');
    expect(keysWith({ quarantine: `${'q'.repeat(124)}/` }).judge(key).kind).toBe('rejected');
  });

  test.each([['elsewhere/a.jpg', []], ['originals/a.txt', ['.jpg', '.png']], ['originals', []]])('%s is somebody else\'s', (key, suffixes) => {
    expect(keysWith({ suffixes }).judge(key)).toEqual({ kind: 'foreign' });
  });

  test('suffixes match in any case', () => {
    expect(keysWith({ suffixes: ['.jpg'] }).judge('originals/A.JPG').kind).toBe('accepted');
  });
});

test('names of what is made of an original', () => {
  const keys = keysWith({ quarantine: 'bad/' });
  expect(keys.relative('originals/a.jpg')).toBe('a.jpg');
  expect(keys.source('a.jpg')).toBe('originals/a.jpg');
  expect(keys.manifest('a.jpg')).toBe('img/a.jpg/manifest.json');
  expect(keys.variant('a.jpg', 'mobile', 'webp')).toBe('img/a.jpg/mobile.webp');
  expect(keys.quarantine('a.jpg')).toBe('bad/a.jpg');
  expect(keysWith().quarantine('a.jpg')).toBeUndefined();
  expect(keys.planned('a.jpg')).toEqual(['img/a.jpg/mobile.webp', 'img/a.jpg/mobile.jpg', 'img/a.jpg/wide-2_x.webp', 'img/a.jpg/wide-2_x.jpg']);
});

describe('parsing a variant key', () => {
  test.each([
    ['img/a.jpg/mobile.webp', { relative: 'a.jpg', preset: 'mobile', extension: 'webp' }],
    ['img/x/y z.png/wide-2_x.jpg', { relative: 'x/y z.png', preset: 'wide-2_x', extension: 'jpg' }],
    ['img/a.jpg/other.webp', undefined],
    ['img/a.jpg/mobile.avif', undefined],
    ['img/a.jpg/manifest.json', undefined],
    ['img/mobile.webp', undefined],
    ['elsewhere/a.jpg/mobile.webp', undefined],
    ['mobile.webp', undefined],
    ['', undefined],
  ])('%s', (key, expected) => {
    expect(keysWith().parseVariant(key)).toEqual(expected);
  });

  test('without a prefix', () => {
    expect(keysWith({ destination: '' }).parseVariant('a.jpg/mobile.webp')).toEqual({ relative: 'a.jpg', preset: 'mobile', extension: 'webp' });
    expect(keysWith({ destination: '' }).parseVariant('/mobile.webp')).toBeUndefined();
  });
});

test(`no two originals share a key, and every variant key leads back (seed ${SEED})`, () => {
  const keys = keysWith({ quarantine: 'bad/' });
  const name = fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom('a.jpg', 'a.jpg/mobile.webp', 'a.jpg/manifest.json', 'manifest.json', 'a'));
  fc.assert(fc.property(name, name, (a, b) => {
    const [first, second] = [a, b].map((relative) => [...keys.planned(relative), keys.manifest(relative)]);
    expect(a === b || first.every((key) => !second.includes(key))).toBe(true);
    if (keys.judge(keys.source(a)).kind === 'accepted') {
      expect(keys.parseVariant(keys.variant(a, 'mobile', 'jpg'))).toEqual({ relative: a, preset: 'mobile', extension: 'jpg' });
    }
  }), { seed: SEED, numRuns: 500 });
});

describe('readings of an encoded key', () => {
  test.each([
    ['a.jpg', ['a.jpg']],
    ['a%20b.jpg', ['a b.jpg', 'a%20b.jpg']],
    ['a+b.jpg', ['a+b.jpg', 'a b.jpg']],
    ['a%2Bb.jpg', ['a+b.jpg', 'a%2Bb.jpg']],
    ['100%.jpg', ['100%.jpg']],
    ['100%+.jpg', ['100%+.jpg', '100% .jpg']],
  ])('%s', (text, keys) => {
    expect(keyCandidates(text)).toEqual(keys);
  });

  test('a path has no form encoding', () => {
    expect(pathCandidates('a+b%20c')).toEqual(['a+b c', 'a+b%20c']);
  });

  test(`the key is among them, however it was encoded (seed ${SEED})`, () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (key) => {
      for (const encoded of [key, encodeURIComponent(key), encodeURI(key).replaceAll('+', '%2B'), encodeURIComponent(key).replaceAll('%20', '+')]) {
        expect(keyCandidates(encoded)).toContain(key);
      }
    }), { seed: SEED, numRuns: 300 });
  });
});
