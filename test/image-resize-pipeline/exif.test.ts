import { readCredits } from '../../src/image-resize-pipeline/handlers/exif';

interface Entry { readonly tag: number; readonly type?: number; readonly text: string }

/** A TIFF block with one directory; texts longer than four bytes follow it. */
function exif(entries: readonly Entry[], { little = true, header = true } = {}): Buffer {
  const u16 = (value: number) => { const b = Buffer.alloc(2); if (little) {b.writeUInt16LE(value);} else {b.writeUInt16BE(value);} return b; };
  const u32 = (value: number) => { const b = Buffer.alloc(4); if (little) {b.writeUInt32LE(value);} else {b.writeUInt32BE(value);} return b; };
  let heap = 8 + 2 + entries.length * 12 + 4;
  const texts: Buffer[] = [];
  const rows = entries.map(({ tag, type = 2, text }) => {
    const bytes = Buffer.from(text);
    const inline = bytes.length <= 4;
    const value = inline ? Buffer.concat([bytes, Buffer.alloc(4 - bytes.length)]) : u32(heap);
    if (!inline) {
      texts.push(bytes);
      heap += bytes.length;
    }
    return Buffer.concat([u16(tag), u16(type), u32(bytes.length), value]);
  });
  return Buffer.concat([
    Buffer.from(header ? 'Exif\0\0' : ''), Buffer.from(little ? 'II' : 'MM'), u16(42), u32(8), u16(entries.length), ...rows, u32(0), ...texts,
  ]);
}

const COPYRIGHT = { tag: 0x8298, text: '© 2026 Ada Lovelace\0Editor\0' };
const ARTIST = { tag: 0x013b, text: 'Ada\0' };
const GPS = { tag: 0x8825, type: 4, text: 'xxxxxxxx' };

test.each([[true, true], [false, true], [true, false], [false, false]])('little endian %s, header %s', (little, header) => {
  expect(readCredits(exif([ARTIST, GPS, COPYRIGHT], { little, header }))).toEqual({ Artist: 'Ada', Copyright: '© 2026 Ada Lovelace' });
});

test.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['another format', Buffer.from('Exif\0\0PNG ...........')],
  ['neither tag', exif([GPS])],
  ['an empty text', exif([{ tag: 0x013b, text: '\0' }])],
  ['another type', exif([{ ...ARTIST, type: 7 }])],
  ['a directory past the end', Buffer.concat([Buffer.from('II*\0'), Buffer.from([0xff, 0, 0, 0])])],
])('%s gives no credits', (_name, block) => {
  expect(readCredits(block)).toEqual({});
});

test('what comes before a cut is kept', () => {
  const block = exif([{ tag: 0x013b, text: 'Ada' }, COPYRIGHT]);
  expect(readCredits(block.subarray(0, 6 + 8 + 2 + 12 + 4))).toEqual({ Artist: 'Ada' });
});
