/** Rule files as sites have them after a move, and requests that meet them in every part. */

export type Kind = 'exact' | 'placeholder' | 'splat';
/** `mix`: 70 % exact, 20 % splat, 10 % placeholder. */
export type Mix = 'mix' | Kind;

/** One redirect in the notation of `_redirects`. */
export interface Pair {
  readonly from: string;
  readonly to: string;
}

export interface Asked {
  readonly kind: Kind | 'miss';
  readonly path: string;
  /** What a router has to answer: the redirect's target, null for none. */
  readonly wanted: string | null;
}

/** Asked one after the other, as often as one group. */
export const GROUP = 4;
/** Positions in the file, the middle first, then halving: the mean position of any 2^n - 1 of them is the middle. */
const POSITIONS = 1_023;

export function pairsOf(mix: Mix, count: number): readonly Pair[] {
  return Array.from({ length: count }, (_, n) => pairOf(mix === 'mix' ? kindAt(n) : mix, n));
}

export function redirectsFile(pairs: readonly Pair[]): string {
  return pairs.map(({ from, to }) => `${from} ${to}\n`).join('');
}

/** Groups of an exact path, a placeholder, a splat and a miss; of a set of one kind three hits and a miss. */
export function requestsFor(mix: Mix, count: number): readonly Asked[] {
  return Array.from({ length: POSITIONS }, (_, n) => {
    const index = Math.floor(halved(n + 1) * count);
    const hits = (['exact', 'placeholder', 'splat'] as const).map((kind, i) => {
      return mix === 'mix' ? hit(kind, ruleOfKind(kind, index, n)) : hit(mix, (index + i) % count);
    });
    return [...hits, { kind: 'miss' as const, path: `/articles/2019/never-was-${n}`, wanted: null }];
  }).flat();
}

function kindAt(n: number): Kind {
  return n % 10 < 7 ? 'exact' : n % 10 < 9 ? 'splat' : 'placeholder';
}

/** The rule of that kind among the ten around this one; the nth request has the same form in files of any size. */
function ruleOfKind(kind: Kind, index: number, n: number): number {
  return index - index % 10 + { exact: n % 7, splat: 7 + n % 2, placeholder: 9 }[kind];
}

/** Three forms of exact paths, two of splats and one of placeholders, at ten rules as at 100,000. */
function pairOf(kind: Kind, n: number): Pair {
  switch (kind) {
    case 'exact': return [
      { from: `/articles/2019/old-title-${n}`, to: `/posts/${n}/new-title` },
      { from: `/blog/entry-${n}`, to: `/posts/${n}` },
      { from: `/docs/v1/chapter-${n}/page.html`, to: `/handbook/${n}/page` },
    ][n % 3];
    case 'splat': return [
      { from: `/section-${n}/*`, to: `/s/${n}/:splat` },
      { from: `/products/line-${n}/*`, to: `/shop/${n}/:splat` },
    ][n % 2];
    case 'placeholder': return { from: `/shop-${n}/:category/item`, to: `/store/${n}/:category` };
  }
}

function hit(kind: Kind, n: number): Asked {
  const { from, to } = pairOf(kind, n);
  const filled = (text: string) => text.replace(':category', 'shoes').replace(/\*|:splat/, 'some/old/page');
  return { kind, path: filled(from), wanted: filled(to) };
}

/** Van der Corput's sequence: 1/2, 1/4, 3/4, 1/8 … */
function halved(n: number): number {
  let [rest, step, sum] = [n, 0.5, 0];
  while (rest > 0) {
    sum += (rest % 2) * step;
    rest = Math.floor(rest / 2);
    step /= 2;
  }
  return sum;
}
