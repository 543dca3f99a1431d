import type { Visit } from './visitor';

/** What somebody does on the site, and what must come of it. */
export interface Scene {
  readonly title: string;
  /** What it shows. */
  readonly about: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expected: Expected;
  /** Headers of the response worth showing. */
  readonly shown?: readonly string[];
}

export interface Expected {
  /** Statuses on the way. */
  readonly hops?: readonly number[];
  readonly status: number;
  /** Path where it ends; default: where it began. */
  readonly end?: string;
  /** Part of what is there to read. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const GERMAN = { 'Accept-Language': 'de-CH,de;q=0.9,en;q=0.5' };
const ENGLISH = { 'Accept-Language': 'en' };

export const SCENES: readonly Scene[] = [{
  title: 'A page that moved',
  about: 'A line of the old _redirects file.',
  path: '/about-us',
  expected: { hops: [301], status: 200, end: '/about/', text: 'About us' },
}, {
  title: 'A folder that moved',
  about: 'A splat carries the rest of the path over.',
  path: '/blog/2024/first-flush/',
  expected: { hops: [301], status: 200, end: '/journal/2024/first-flush/', text: 'First flush 2024' },
}, {
  title: 'An address of the CMS before that',
  about: 'The query becomes a part of the path; what else it held is passed on.',
  path: '/index.php?p=brewing&utm=mail',
  expected: { hops: [301], status: 200, end: '/journal/brewing/?utm=mail', text: 'How to brew' },
}, {
  title: 'A visitor who reads German',
  about: 'Accept-Language decides, by its weights.',
  path: '/',
  headers: GERMAN,
  expected: { hops: [302], status: 200, end: '/de/', text: 'Tee, in Ruhe' },
}, {
  title: 'A visitor in Austria',
  about: 'CloudFront tells the country because the origin request policy asks for it.',
  path: '/',
  headers: { ...ENGLISH, 'CloudFront-Viewer-Country': 'AT' },
  expected: { hops: [302], status: 200, end: '/de/', text: 'Tee, in Ruhe' },
}, {
  title: 'Anybody else',
  about: 'No rule applies; the index document is served.',
  path: '/',
  headers: { ...ENGLISH, 'CloudFront-Viewer-Country': 'US' },
  expected: { status: 200, text: 'Tea, slowly', headers: { 'x-team': 'web', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' } },
  shown: ['content-security-policy', 'strict-transport-security', 'x-content-type-options', 'x-frame-options', 'x-team'],
}, {
  title: 'A file that wins',
  about: 'A rule for /guides/* is not forced, and this file exists.',
  path: '/guides/brewing.html',
  expected: { status: 200, text: 'the old guide' },
}, {
  title: 'A file that is not there',
  about: 'The same rule, and nothing in its way.',
  path: '/guides/gongfu.html',
  expected: { hops: [302], status: 200, end: '/journal/', text: 'Journal' },
}, {
  title: 'A header of its own',
  about: 'A line of the old _headers file; the rule depends on the path, so the viewer-response function sets it.',
  path: '/assets/style.css',
  expected: { status: 200, headers: { 'cache-control': 'public, max-age=31536000, immutable' } },
  shown: ['cache-control', 'x-team'],
}, {
  title: 'Gone for good',
  about: 'Status 410 with a page of the site.',
  path: '/2019/autumn-sale',
  expected: { status: 410, text: 'Gone' },
}, {
  title: 'Another origin',
  about: 'A rule selects the origin by its id; no behaviour of the distribution has this path.',
  path: '/api/stock/sencha',
  expected: { status: 200, text: '/stock/sencha' },
}, {
  title: 'An attempt to lead visitors away',
  about: 'A splat that begins with a host stays on this one.',
  path: '/blog//evil.example/',
  expected: { hops: [301], status: 404, end: '/journal//evil.example/' },
}];

export const EXPERIMENT = { path: '/pricing', cookie: 'rw_pricing', visitors: 6 } as const;

/** What differs from what was expected, in words. */
export function differences({ path, expected }: Scene, visit: Visit): string[] {
  const { pathname, search } = new URL(visit.url);
  const found = [
    ['statuses on the way', (expected.hops ?? []).join(' '), visit.hops.map(({ status }) => status).join(' ')],
    ['status', expected.status, visit.status],
    ['end', expected.end ?? path, pathname + search],
    ...Object.entries(expected.headers ?? {}).map(([name, value]) => [name, value, visit.headers[name]]),
  ].filter(([, wanted, got]) => wanted !== got).map(([what, wanted, got]) => `${what} ${wanted} expected, got ${got}`);
  return visit.text.includes(expected.text ?? '') ? found : [...found, `'${expected.text}' expected to be read`];
}
