import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { verifyMachine } from '../../projenrc/sharp-binaries';
import { ASSETS, runAsset } from '../image-resize-pipeline/golden/run-asset';
import { arm64Node } from '../kit/arm64';

const BINARIES = ['arm64', 'x64'].flatMap((architecture) => [
  [architecture, `${architecture}/sharp-linux-${architecture}/lib/sharp.node`],
  [architecture, `${architecture}/sharp-libvips-linux-${architecture}/lib/libvips-cpp.so.8.18.7`],
]);

test('the arm64 function resizes a picture under an arm64 Node', async () => {
  expect(execFileSync(arm64Node()[0], [...arm64Node().slice(1), '-p', 'process.arch'], { encoding: 'utf8' }).trim()).toBe('arm64');
  const original = await sharp({ create: { width: 400, height: 200, channels: 3, background: '#c04020' } }).png().toBuffer();
  const { results, outputs } = await runAsset(arm64Node(), join(ASSETS, 'arm64'), { 'red.png': original });
  expect(results).toEqual({ 'red.png': 'processed' });
  expect(Object.keys(outputs)).toContain('red.png/manifest.json');
  const { width, height, format } = await sharp(outputs['red.png/small.webp']).metadata();
  expect({ width, height, format }).toEqual({ width: 160, height: 80, format: 'webp' });
}, 600_000);

test.each(BINARIES)('an %s binary is for its architecture and no other: %s', (architecture, path) => {
  const content = readFileSync(join(ASSETS, path));
  const [right, wrong] = architecture === 'arm64' ? ['arm64', 'x64'] as const : ['x64', 'arm64'] as const;
  expect(() => verifyMachine(path, content, right)).not.toThrow();
  expect(() => verifyMachine(path, content, wrong)).toThrow(`'${path}' must be an ELF file for ${wrong}, got ${right}`);
});

test('what is no binary at all is refused', () => {
  expect(() => verifyMachine('a.so', Buffer.from('a text of more than twenty characters'), 'x64')).toThrow('got something else');
});

test.each(BINARIES)('the %s addon finds its library beside it: %s', (architecture, path) => {
  // The RPATH decides; without it the layout of the directory would be arbitrary.
  const needed = execFileSync('readelf', ['-d', join(ASSETS, path)], { encoding: 'utf8' });
  if (path.endsWith('sharp.node')) {
    expect(needed).toContain(`$ORIGIN/../../sharp-libvips-linux-${architecture}/lib`);
    expect(needed).toContain('libvips-cpp.so.8.18.7');
  } else {
    expect(needed).toMatch(/SONAME.*\[libvips-cpp\.so\.8\.18\.7\]/);
  }
});
