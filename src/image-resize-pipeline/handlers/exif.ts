/** The two tags a picture may keep. */
export interface Credits {
  readonly Copyright?: string;
  readonly Artist?: string;
}

const TAGS: Readonly<Record<number, keyof Credits>> = { 0x013b: 'Artist', 0x8298: 'Copyright' };
const ASCII = 2;
const ENTRY_BYTES = 12;
const HEADER = 'Exif\0\0';

/**
 * Copyright and artist from the first directory of an EXIF block. Whatever is malformed is left out: credits are no
 * reason to refuse a picture. (CIPA DC-008 4.6.2; TIFF 6.0 section 2.)
 */
export function readCredits(exif: Buffer): Credits {
  const tiff = exif.toString('latin1', 0, HEADER.length) === HEADER ? exif.subarray(HEADER.length) : exif;
  const order = tiff.toString('latin1', 0, 2);
  if (order !== 'II' && order !== 'MM') {
    return {};
  }
  const little = order === 'II';
  const u16 = (at: number): number => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const u32 = (at: number): number => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const credits: { -readonly [name in keyof Credits]: string } = {};
  try {
    const directory = u32(4);
    for (let n = 0; n < u16(directory); n++) {
      const entry = directory + 2 + n * ENTRY_BYTES;
      const name = TAGS[u16(entry)];
      if (name !== undefined && u16(entry + 2) === ASCII) {
        const length = u32(entry + 4);
        const at = length <= 4 ? entry + 8 : u32(entry + 8);
        const text = tiff.subarray(at, at + length).toString('utf8').replace(/\0[^]*$/, '').trim();
        if (text !== '') {
          credits[name] = text;
        }
      }
    }
  } catch {
    // A read past the end: keep what was found before it.
  }
  return credits;
}
