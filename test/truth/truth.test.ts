import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { executable, matcherOf, observe, TRUTHS, type Truth } from './truth';
import { FakeUpstream } from '../kit/proxy/fake-upstream';
import { TruthProxy } from '../kit/truth-proxy';

describe.each(TRUTHS)('$service.jsonl', ({ truths }) => {
  test.each(truths.map((truth) => [truth.situation, truth] as const))('%s: has a source and a date', (_, truth) => {
    expect(truth.source).toMatch(/^(https:\/\/|observed |assumed)/);
    expect(truth.date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(truth.situation).not.toBe('');
  });

  test('names each situation once', () => {
    expect(new Set(truths.map(({ situation }) => situation)).size).toBe(truths.length);
  });
});

describe('what a test of the kit shows', () => {
  const texts = new Map(['', 'fakes', 'fakes/ec2'].flatMap((folder) => {
    const path = join(__dirname, '../kit', folder);
    return readdirSync(path).filter((file) => file.endsWith('.test.ts'))
      .map((file) => [file, readFileSync(join(path, file), 'utf8').replaceAll("\\'", "'")] as const);
  }));
  const shown = TRUTHS.flatMap(({ service, truths }) => truths.filter(({ by }) => by === 'fakes')
    .map((truth) => [`${service}: ${truth.situation}`, truth.test!] as const));

  test.each(shown)('%s', (_, named) => {
    const [file, name] = named.split(/: (.*)/);
    expect(texts.get(file)).toContain(`'${name}'`);
  });
});

describe('the truth proxy, before an obedient upstream', () => {
  const names = { bucket: 'b', queue: '', topic: 'arn:aws:sns:eu-west-1:123456789012:t', stream: 's' };
  let upstream: FakeUpstream;
  let proxy: TruthProxy;
  let given: Truth['given'];

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    proxy = await TruthProxy.start({ upstream: upstream.origin, authorize: ({ operation }) => ({ allowed: !given?.denied?.includes(operation) }) });
  });
  afterAll(async () => {
    await proxy.stop();
    await upstream.stop();
  });

  test.each(executable('fake'))('%s', async (_, truth) => {
    given = truth.given;
    upstream.objects.clear();
    upstream.pretendedSizes.clear();
    for (const [key, content] of Object.entries(given?.objects ?? {})) upstream.objects.set(`/b/${key}`, content);
    for (const [key, bytes] of Object.entries(given?.sizes ?? {})) upstream.pretendedSizes.set(`/b/${key}`, bytes);
    expect(await observe(proxy, truth, { ...names, queue: `${proxy.endpoint}/123456789012/q` })).toMatchObject(matcherOf(truth.expected));
  });
});
