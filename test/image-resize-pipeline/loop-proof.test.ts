import * as s3 from 'aws-cdk-lib/aws-s3';
import * as fc from 'fast-check';
import { ImageBackfill, ImageDestination, ImageFormat, ImagePreset, ImageResizePipeline, ImageSource } from '../../src';
import { findLoop, Output, Trigger } from '../../src/image-resize-pipeline/loop-proof';
import { stackFor } from '../kit/stack';

/** Every relative key over a small alphabet that the handlers accept. */
const RELATIVE_KEYS = words(['a', 'j', 'w', '.', '/'], 6).filter((key) =>
  !key.endsWith('/') && !key.split('/').some((segment) => segment === '.' || segment === '..'));

function words(alphabet: string[], length: number): string[] {
  const longer = (shorter: string[]) => shorter.flatMap((word) => alphabet.map((letter) => word + letter));
  const all: string[] = [];
  for (let last = longer(['']); all.push(...last), last[0].length < length;) last = longer(last);
  return all;
}

/** Tries all keys: does an original's output start the pipeline? */
function loopsByTrying(trigger: Trigger, outputs: readonly Output[]): boolean {
  const starts = (key: string) => key.startsWith(trigger.prefix)
    && (trigger.suffixes.length === 0 || trigger.suffixes.some((suffix) => key.toLowerCase().endsWith(suffix)));
  return RELATIVE_KEYS.filter((relative) => starts(trigger.prefix + relative)).some((relative) =>
    outputs.some(({ prefix, files }) => files
      ? files.some((file) => starts(`${prefix}${relative}/${file}`))
      : starts(prefix + relative)));
}

const prefix = fc.constantFrom('', 'a/', 'j/', 'a/a/', 'a/j/', 'j/a/');
const suffixes = fc.subarray(['j', 'w', '.w', 'jw']);
const file = fc.constantFrom('J.w', 'w.j', 'a.a', 'a.jw');
const output: fc.Arbitrary<Output> = fc.record(
  { what: fc.constant('output'), prefix, files: fc.array(file, { minLength: 1, maxLength: 2 }) },
  { requiredKeys: ['what', 'prefix'] },
);

test('finds a loop exactly if trying all keys finds one', () => {
  let loops = 0;
  fc.assert(fc.property(fc.record({ prefix, suffixes }), fc.array(output, { minLength: 1, maxLength: 2 }), (trigger, outputs) => {
    const expected = loopsByTrying(trigger, outputs);
    loops += Number(expected);
    expect(findLoop(trigger, outputs) !== undefined).toBe(expected);
  }), { numRuns: 400 });
  expect(loops).toBeGreaterThan(40);
});

test('synth fails exactly if some key the construct writes starts it again', () => {
  const layout = fc.record({
    source: prefix,
    suffixes,
    destination: fc.constantFrom('a/', 'j/', 'a/j/'),
    quarantine: fc.constantFrom(undefined, 'w/', 'w/a/'),
    reports: fc.constantFrom(undefined, '.w/'),
  });
  const outcomes = new Set<boolean>();
  fc.assert(fc.property(layout, (keys) => {
    const outputs: Output[] = [
      { what: 'variants', prefix: keys.destination, files: ['j.webp', 'w.webp', 'j.jpg', 'w.jpg', 'manifest.json'] },
      ...(keys.quarantine ? [{ what: 'quarantine', prefix: keys.quarantine }] : []),
      ...(keys.reports ? [{ what: 'reports', prefix: keys.reports, files: ['report.csv', 'manifest.json', 'manifest.json.md5'] }] : []),
    ];
    const stack = stackFor();
    const bucket = new s3.Bucket(stack, 'Bucket');
    const synth = () => new ImageResizePipeline(stack, 'Images', {
      source: ImageSource.bucket(bucket, { prefix: keys.source, suffixes: keys.suffixes }),
      destination: ImageDestination.bucket(bucket, { prefix: keys.destination }),
      presets: [ImagePreset.width('j', 1), ImagePreset.width('w', 2)],
      formats: [ImageFormat.webp(), ImageFormat.jpeg()],
      quarantinePrefix: keys.quarantine,
      backfill: keys.reports ? ImageBackfill.s3Batch({ reportPrefix: keys.reports }) : undefined,
    });
    const expected = loopsByTrying({ prefix: keys.source, suffixes: keys.suffixes }, outputs);
    outcomes.add(expected);
    if (expected) expect(synth).toThrow('must not start the pipeline again');
    else expect(synth).not.toThrow();
  }), { numRuns: 80 });
  expect(outcomes.size).toBe(2);
});

// The table of the specification's words; each row once failed in an earlier or somebody else's pipeline.
test.each<[string, Trigger, Output, boolean]>([
  ['variants below the source prefix', { prefix: 'img/', suffixes: [] }, { what: 'v', prefix: 'img/out/', files: ['m.webp'] }, true],
  ['source below the variant prefix', { prefix: 'img/originals/', suffixes: [] }, { what: 'v', prefix: 'img/', files: ['m.webp'] }, true],
  ['kept apart by the suffix', { prefix: 'img/', suffixes: ['.jpg'] }, { what: 'v', prefix: 'img/', files: ['m.webp', 'manifest.json'] }, false],
  ['one format among the suffixes', { prefix: '', suffixes: ['.jpg'] }, { what: 'v', prefix: 'img/', files: ['m.webp', 'm.jpg'] }, true],
  ['the manifest among the suffixes', { prefix: '', suffixes: ['.json'] }, { what: 'm', prefix: 'img/', files: ['manifest.json'] }, true],
  ['a suffix longer than the file name', { prefix: '', suffixes: ['-m.webp'] }, { what: 'v', prefix: 'img/', files: ['m.webp'] }, false],
  ['upper case', { prefix: '', suffixes: ['.jpg'] }, { what: 'v', prefix: 'img/', files: ['M.JPG'] }, true],
  ['quarantine keeps the suffix', { prefix: 'in/', suffixes: ['.jpg'] }, { what: 'q', prefix: 'in/bad/' }, true],
  ['disjoint prefixes', { prefix: 'in/', suffixes: [] }, { what: 'v', prefix: 'img/', files: ['m.webp'] }, false],
])('%s', (_name, trigger, written, loops) => {
  expect(findLoop(trigger, [written])).toBe(loops ? written : undefined);
});
