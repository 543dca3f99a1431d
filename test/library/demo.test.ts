import sharp from 'sharp';
import { formatBytes, formatTime, html, Html, linkTo } from '../../demo/html';
import { renderPage } from '../../demo/page';
import { renderSection as renderRecovery } from '../../demo/rooms/ebs-snapshot-dr/section';
import { inputs } from '../../demo/rooms/image-resize-pipeline/inputs';
import { renderSection, type RefusedFile, type ResizedPhoto } from '../../demo/rooms/image-resize-pipeline/section';
import { traitsOf } from '../../demo/rooms/image-resize-pipeline/traits';
import { renderTable } from '../../demo/table';

const HOSTILE = '"><script>alert(1)</script>&\'#?%2F ü📷.jpg';

const RESIZED: ResizedPhoto = {
  key: HOSTILE,
  bytes: 400_000,
  workMs: 812,
  coldStart: true,
  file: `originals/${HOSTILE}`,
  traits: ['EXIF'],
  manifest: {
    version: 1,
    state: 'ready',
    source: { key: HOSTILE, etag: '"1"', bytes: 400_000, width: 2400, height: 1350, format: 'jpeg' },
    recipe: 'abc',
    variants: [],
    placeholder: { thumbhash: 'AA==', color: '#8a7f4e' },
  },
  variants: [{
    preset: 'mobile',
    format: 'webp',
    key: 'k',
    width: 480,
    height: 270,
    bytes: 12_000,
    etag: '"2"',
    contentType: 'image/webp',
    file: `variants/${HOSTILE}/mobile.webp`,
    traits: [],
  }],
};

const REFUSED: RefusedFile = {
  key: HOSTILE,
  bytes: 49_000,
  workMs: 14,
  coldStart: false,
  about: HOSTILE,
  manifest: {
    version: 1,
    state: 'rejected',
    source: { key: HOSTILE, etag: '"3"', bytes: 49_000 },
    recipe: 'abc',
    variants: [],
    rejection: { reason: 'TOO_MANY_PIXELS', detail: HOSTILE },
  },
};

const PAGE = renderPage([renderSection({ resized: [RESIZED], refused: [REFUSED], problems: [HOSTILE] })], new Date(0));

test('the page shows what was made, and why not', () => {
  for (const text of ['2400 × 1350, jpeg, 400 kB', '480 × 270', '12 kB', '−97 %', '812 ms with a cold start', 'TOO_MANY_PIXELS', 'refused in 14 ms']) {
    expect(PAGE).toContain(text);
  }
});

test('names of files stay text', () => {
  expect(PAGE).not.toContain('<script');
  expect(PAGE).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;#?%2F ü📷.jpg');
});

test('links lead to the files whatever their names hold', () => {
  const links = [...PAGE.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => decodeURIComponent(link.replaceAll('&#39;', "'")));
  expect(new Set(links)).toEqual(new Set([RESIZED.file, RESIZED.variants[0].file]));
  expect(linkTo('a b/c#d?.jpg')).toBe('a%20b/c%23d%3F.jpg');
});

test('the page needs nothing from elsewhere', () => {
  expect(PAGE).not.toMatch(/https?:|<link|@import|url\(/);
});

test('the timeline of recovery points tells what was kept, what was deleted and why, and escapes what it tells', () => {
  const at = (hour: number) => Date.UTC(2026, 11, 1, hour);
  const set = (hour: number) => `i-0a@2026-12-01T${String(hour).padStart(2, '0')}:00:00Z`;
  const point = { name: HOSTILE, consistency: 'crash', members: 2 };
  const page = renderPage([renderRecovery({
    instances: [{
      name: HOSTILE,
      points: [
        { ...point, set: set(0), completeAt: at(1), deletedAt: at(12), reasons: ['last: count spent on newer sets'] },
        { ...point, set: set(6), completeAt: at(7) },
      ],
    }],
    ages: [{ at: at(1), hours: 1 }, { at: at(20), hours: 14 }],
    answer: {
      stack: 'frankfurt-restore-one',
      changeSet: 'c',
      status: 'review',
      parameters: { Data: 'snap-1' },
      warnings: [HOSTILE],
      points: [{ plan: 'shop', set: set(6), takenAt: '2026-12-01T06:00:01Z', consistency: 'crash' }],
      changes: [{ action: 'Add', logicalId: 'Volume', type: 'AWS::EC2::Volume' }],
    },
    status: 'complete',
    rpoHours: 8,
    startedAt: at(0),
    darkAt: at(10),
    restoredAt: at(20),
    problems: [],
  })], new Date(0));
  for (const text of ['1 of 2 recovery points are there', 'deleted 12-01 12:00: last: count spent on newer sets', 'snap-1', 'AWS::EC2::Volume', '4.0 h']) {
    expect(page).toContain(text);
  }
  expect(page).not.toContain('<script');
  expect(page).not.toMatch(/https?:|<link|@import|url\(/);
});

test('finished HTML is kept, text is not', () => {
  expect(html`<b>${'<i>'}</b>${new Html('<hr>')}${[html`<p>${1}</p>`, html`<p>${2}</p>`]}`.text)
    .toBe('<b>&lt;i&gt;</b><hr><p>1</p>\n<p>2</p>');
});

test.each([[0, '0 B'], [999, '999 B'], [1_000, '1 kB'], [48_685, '49 kB'], [999_499, '999 kB'], [999_500, '1.0 MB'], [1_367_157, '1.4 MB']])(
  '%i bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text),
);

test.each([[3.4, '3 ms'], [812, '812 ms'], [1_432, '1.4 s']])('%d ms are %s', (ms, text) => expect(formatTime(ms)).toBe(text));

test('the closing table is aligned and marks what is empty', () => {
  const row = { input: 'a.jpg', output: '8 variants', failure: '', role: 'Reconcile', time: '812 ms' };
  expect(renderTable([row])).toBe([
    'input  output      where a failure landed  role       time',
    '-----  ----------  ----------------------  ---------  ------',
    'a.jpg  8 variants  -                       Reconcile  812 ms',
  ].join('\n'));
});

describe('inputs', () => {
  const own = inputs([]);
  const bodyOf = (key: string) => own.find((input) => input.key === key)!.body;

  test('the bomb is small, and huge by its header', async () => {
    expect(bodyOf('refused/bomb.png').length).toBeLessThan(100_000);
    expect(await sharp(bodyOf('refused/bomb.png'), { limitInputPixels: false }).metadata())
      .toMatchObject({ format: 'png', width: 20_000, height: 20_000 });
  });

  test('the bomb is a valid picture', async () => {
    const { data, info } = await sharp(bodyOf('refused/bomb.png'), { limitInputPixels: false, sequentialRead: true })
      .resize(20).greyscale().raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 20, height: 20 });
    expect(data.every((pixel) => pixel === 0)).toBe(true);
  });

  test('the broken upload has a good header and cannot be decoded', async () => {
    const broken = bodyOf('refused/broken upload.jpg');
    expect(await sharp(broken).metadata()).toMatchObject({ format: 'jpeg' });
    await expect(sharp(broken, { failOn: 'error' }).toBuffer()).rejects.toThrow();
  });

  test('one photograph lies on its side and tells where it was taken', async () => {
    expect(await traitsOf(bodyOf('picos.jpg'))).toEqual(['turned by EXIF orientation 6', 'EXIF with a GPS position', 'ICC profile']);
    expect(await traitsOf(bodyOf('astronaut.jpg'))).toEqual([]);
  });

  test('files of the user replace ours, and equal names do not meet', () => {
    expect(inputs([__filename, __filename]).map(({ key, expected }) => [key, expected])).toEqual([
      ['demo.test.ts', 'anything'], ['2/demo.test.ts', 'anything'],
      ['refused/bomb.png', 'TOO_MANY_PIXELS'], ['refused/broken upload.jpg', 'CORRUPT_IMAGE'],
    ]);
  });
});
