import type { FailureReason, Manifest, Recipe, Rejection, Variant } from '../../src/image-resize-pipeline/contract';
import { Refusal } from '../../src/image-resize-pipeline/handlers/admission';
import * as manifests from '../../src/image-resize-pipeline/handlers/manifest';
import type { SourceObject } from '../../src/image-resize-pipeline/handlers/ports';

const SOURCE: SourceObject = { kind: 'present', etag: 'e1', versionId: 'v1', bytes: 10, marked: false };
const CLAIMANT = { owner: 'me', expires: 1000, messageId: 'm1' };

function variant(preset: string, format: string, width: number): Variant {
  const key = `img/a b.jpg/${preset}.${format}`;
  return { preset, format, key, width, height: width, bytes: width, etag: 'x', contentType: `image/${format}` };
}

const OLD = variant('old', 'webp', 7);
const READY: Manifest = {
  version: 1, state: 'ready', source: { key: 'in/a b.jpg', etag: 'e1', bytes: 10 }, recipe: 'r1', variants: [OLD], srcset: { webp: 'x 7w' }, messageId: 'm0',
};

describe('parsing', () => {
  test.each<[string, Manifest]>([
    ['ready', READY],
    ['building', { ...READY, state: 'building', planned: ['k'], lease: { owner: 'o', expires: 1 } }],
  ])('%s', (_name, manifest) => {
    expect(manifests.parseManifest(JSON.stringify(manifest))).toEqual(manifest);
  });

  test.each<[string, string]>([
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['another version', JSON.stringify({ ...READY, version: 2 })],
    ['an unknown state', JSON.stringify({ ...READY, state: 'done' })],
    ['no source', JSON.stringify({ ...READY, source: undefined })],
    ['a source without etag', JSON.stringify({ ...READY, source: { key: 'k' } })],
    ['no recipe', JSON.stringify({ ...READY, recipe: 1 })],
    ['no variants', JSON.stringify({ ...READY, variants: undefined })],
    ['a variant without a key', JSON.stringify({ ...READY, variants: [{}] })],
    ['planned keys that are none', JSON.stringify({ ...READY, planned: [1] })],
    ['planned keys that are no list', JSON.stringify({ ...READY, planned: 'k' })],
    ['a lease without an owner', JSON.stringify({ ...READY, lease: { expires: 1 } })],
    ['a lease without an end', JSON.stringify({ ...READY, lease: { owner: 'o' } })],
  ])('%s is no manifest', (_name, text) => {
    expect(manifests.parseManifest(text)).toBeUndefined();
  });
});

test('a manifest names its variants, its planned keys and its quarantine copy', () => {
  expect(manifests.namedKeys(READY)).toEqual([OLD.key]);
  const rejection: Rejection = { reason: 'CORRUPT_IMAGE', detail: '', quarantine: 'bad/a' };
  expect(manifests.namedKeys({ ...READY, planned: ['p', OLD.key], rejection })).toEqual([OLD.key, 'p', 'bad/a']);
});

test.each<[string, Manifest['lease'], boolean]>([
  ['nobody\'s', undefined, false],
  ['our own', { owner: 'me', expires: 11 }, false],
  ['another\'s', { owner: 'other', expires: 11 }, true],
  ['another\'s, over', { owner: 'other', expires: 10 }, false],
])('a claim: %s', (_name, lease, claimed) => {
  expect(manifests.isClaimed({ ...READY, lease }, 'me', 10)).toBe(claimed);
});

describe('nothing left to make', () => {
  const refused = (reason: FailureReason, memoryMb?: number): Manifest => ({ ...READY, state: 'rejected', rejection: { reason, detail: '', memoryMb } });
  const archived = { ...SOURCE, refusal: new Refusal('ARCHIVED', '') };

  test.each<[string, Manifest, SourceObject, boolean]>([
    ['ready', READY, SOURCE, true],
    ['of another source', READY, { ...SOURCE, etag: 'e2' }, false],
    ['of another recipe', { ...READY, recipe: 'r2' }, SOURCE, false],
    ['building', { ...READY, state: 'building' }, SOURCE, false],
    ['deleting', { ...READY, state: 'deleting' }, SOURCE, false],
    ['refused', refused('CORRUPT_IMAGE'), SOURCE, true],
    ['refused without a reason', { ...READY, state: 'rejected' }, SOURCE, false],
    ['too large for no more memory', refused('EXCEEDS_MEMORY', 1024), SOURCE, true],
    ['too large for less memory', refused('EXCEEDS_MEMORY', 512), SOURCE, false],
    ['too large for who knows', refused('EXCEEDS_MEMORY'), SOURCE, false],
    ['too slow on no more memory', refused('TIME_BUDGET', 2048), SOURCE, true],
    ['too slow on less memory', refused('TIME_BUDGET', 512), SOURCE, false],
    ['archived still', refused('ARCHIVED'), archived, true],
    ['archived no more', refused('ARCHIVED'), SOURCE, false],
    ['encrypted no more', refused('CUSTOMER_KEY_ENCRYPTED'), archived, false],
  ])('%s', (_name, manifest, source, current) => {
    expect(manifests.isCurrent(manifest, source, 'r1', 1024)).toBe(current);
  });
});

describe('transitions', () => {
  const source = { key: 'in/a b.jpg', etag: 'e1', versionId: 'v1', bytes: 10 };

  test('building keeps the last list and names the planned keys', () => {
    expect(manifests.building(READY, 'in/a b.jpg', SOURCE, 'r2', ['p'], CLAIMANT)).toEqual({
      version: 1,
      state: 'building',
      source,
      recipe: 'r2',
      variants: [OLD],
      planned: ['p'],
      lease: { owner: 'me', expires: 1000 },
      messageId: 'm1',
      srcset: READY.srcset,
      placeholder: undefined,
    });
    expect(manifests.building(undefined, 'in/a b.jpg', SOURCE, 'r2', [], CLAIMANT).variants).toEqual([]);
  });

  test('deleting lists nothing and names everything', () => {
    expect(manifests.deleting(READY, 'in/a b.jpg', 'r2', [OLD.key], CLAIMANT)).toMatchObject({
      state: 'deleting', source: READY.source, recipe: 'r1', variants: [], planned: [OLD.key], lease: { owner: 'me', expires: 1000 },
    });
    expect(manifests.deleting(undefined, 'k', 'r2', [], CLAIMANT)).toMatchObject({ source: { key: 'k', etag: '', bytes: 0 }, recipe: 'r2' });
  });

  test('clearing shows the new list under the claim', () => {
    expect(manifests.clearing(READY, ['gone'], CLAIMANT)).toEqual({ ...READY, state: 'building', planned: ['gone'], lease: { owner: 'me', expires: 1000 } });
  });

  test('rejected', () => {
    const rejection: Rejection = { reason: 'EMPTY_FILE', detail: 'd' };
    expect(manifests.rejected('in/a b.jpg', SOURCE, 'r1', rejection, 'm1')).toEqual({
      version: 1, state: 'rejected', source, recipe: 'r1', variants: [], messageId: 'm1', rejection,
    });
  });

  test('ready: sorted, with one srcset per format of the whole pictures', () => {
    const recipe = {
      presets: [
        { name: 's', fit: 'width', width: 10 }, { name: 'm', fit: 'inside', width: 20, height: 20 }, { name: 'crop', fit: 'cover', width: 15, height: 15 },
      ],
    } as unknown as Recipe;
    const made = {
      width: 100,
      height: 50,
      format: 'jpeg',
      frames: 1,
      placeholder: { thumbhash: 't', color: '#000000' },
      variants: [variant('m', 'webp', 20), variant('crop', 'webp', 15), variant('s', 'jpeg', 10), variant('s', 'webp', 10), variant('m', 'jpeg', 20)],
    };
    const manifest = manifests.ready('in/a b.jpg', SOURCE, recipe, 'r1', made, 'm1');
    expect(manifest).toMatchObject({
      version: 1,
      state: 'ready',
      source: { ...source, width: 100, height: 50, format: 'jpeg', frames: 1 },
      recipe: 'r1',
      messageId: 'm1',
      placeholder: made.placeholder,
    });
    expect(manifest.variants.map(({ preset, format }) => `${preset}.${format}`)).toEqual(['s.jpeg', 's.webp', 'crop.webp', 'm.jpeg', 'm.webp']);
    expect(manifest.srcset).toEqual({
      jpeg: '/img/a%20b.jpg/s.jpeg 10w, /img/a%20b.jpg/m.jpeg 20w',
      webp: '/img/a%20b.jpg/s.webp 10w, /img/a%20b.jpg/m.webp 20w',
    });
    expect(manifests.parseManifest(JSON.stringify(manifest))).toBeDefined();
  });
});

test.each<[manifests.Told['state'], string]>([['ready', 'ImageProcessed'], ['rejected', 'ImageRejected'], ['deleting', 'ImageDeleted']])('the message of %s', (state, type) => {
  const rejection: Rejection | undefined = state === 'rejected' ? { reason: 'EMPTY_FILE', detail: 'd', memoryMb: 1 } : undefined;
  const where = { bucket: 'dst', key: 'img/a b.jpg/manifest.json' };
  expect(manifests.messageOf({ ...READY, state, rejection }, 'src', where)).toEqual({
    version: 1,
    type,
    source: { bucket: 'src', key: 'in/a b.jpg', etag: 'e1' },
    recipe: 'r1',
    manifest: where,
    variants: [OLD],
    reason: rejection?.reason,
    detail: rejection?.detail,
  });
});
