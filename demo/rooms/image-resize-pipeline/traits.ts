import sharp from 'sharp';

/** What a picture carries besides its pixels, in a few words each. */
export async function traitsOf(picture: Buffer): Promise<string[]> {
  const { orientation, exif, icc } = await sharp(picture).metadata();
  return [
    ...orientation !== undefined && orientation > 1 ? [`turned by EXIF orientation ${orientation}`] : [],
    ...exif === undefined ? [] : [hasPosition(exif) ? 'EXIF with a GPS position' : 'EXIF'],
    ...icc === undefined ? [] : ['ICC profile'],
  ];
}

const GPS_DIRECTORY = 0x8825;

/** Whether the first directory of an EXIF block points to a GPS directory (TIFF 6.0 section 2, CIPA DC-008 4.6.3). */
function hasPosition(exif: Buffer): boolean {
  const header = exif.indexOf('Exif\0\0');
  const tiff = exif.subarray(header < 0 ? 0 : header + 6);
  const little = tiff.toString('latin1', 0, 2) === 'II';
  const u16 = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  try {
    const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
    return Array.from({ length: u16(directory) }, (_, n) => u16(directory + 2 + 12 * n)).includes(GPS_DIRECTORY);
  } catch {
    return false; // cut off or malformed, as some cameras write it
  }
}
