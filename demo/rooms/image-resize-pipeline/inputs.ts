import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import type { FailureReason } from '../../../src/image-resize-pipeline/contract';
import { formatBytes } from '../../html';

export interface Input {
  readonly key: string;
  readonly body: Buffer;
  /** What must come of it; a user's own file may also be refused. */
  readonly expected: 'resized' | FailureReason | 'anything';
  /** What a file made to be refused is. */
  readonly about: string;
}

const PHOTOS = join(__dirname, '../../photos');
const OWN = ['dandelions at dusk.jpg', 'picos.jpg', 'astronaut.jpg', 'chelsea.png'].map((name) => join(PHOTOS, name));

/** The user's files, or else ours, and two that must be refused. */
export function inputs(files: readonly string[]): Input[] {
  const photos = named(files.length > 0 ? files : OWN).map(([key, file]): Input => ({
    key, body: readFileSync(file), expected: files.length > 0 ? 'anything' : 'resized', about: '',
  }));
  const bomb = decompressionBomb(20_000);
  const half = readFileSync(OWN[0]).subarray(0, 200_000);
  return [...photos, {
    key: 'refused/bomb.png',
    body: bomb,
    expected: 'TOO_MANY_PIXELS',
    about: `A decompression bomb: a valid picture of 20,000 × 20,000 pixels in ${formatBytes(bomb.length)}. `
      + 'Decoded to RGB it would fill 1.2 GB. It is refused by its header, before a pixel is decoded.',
  }, {
    key: 'refused/broken upload.jpg',
    body: half,
    expected: 'CORRUPT_IMAGE',
    about: 'The first half of a photograph, as an interrupted upload leaves it.',
  }];
}

/** Keys by file name; a name that occurs twice gets a number. */
function named(files: readonly string[]): [key: string, file: string][] {
  const taken = new Set<string>();
  return files.map((file) => {
    const name = basename(file);
    let key = name;
    for (let n = 2; taken.has(key); n++) {
      key = `${n}/${name}`;
    }
    taken.add(key);
    return [key, file];
  });
}

/** A black picture of one bit per pixel: PNG packs it about a thousandfold. (PNG specification, sections 5 and 11.) */
function decompressionBomb(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1; // bit depth; colour type, compression, filter and interlace stay 0
  const rows = Buffer.alloc(side * (1 + Math.ceil(side / 8)));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, checksum]);
}
