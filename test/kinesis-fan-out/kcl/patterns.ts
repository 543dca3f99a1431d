import type { Prng } from '../../kit/faults';

export interface Question {
  readonly pattern: unknown;
  /** JSON. */
  readonly event: string;
}

const NAMES = ['a', 'b', 'c'];
/** As they stand in the JSON of an event. */
const NUMBERS = ['0', '-0', '1', '1.0', '10e-1', '2', '2.50', '-1', '1e300', '12345678901234567890', '9007199254740993', '0.1', '0.10000000000000001', '1e999', '3e2', '300'];
const TEXTS = ['', 'a', 'A', 'ab', 'aB', 'abc', 'ba', 'bab', 'x*y', 'x\\y', 'ß', 'SS', 'É', 'é', 'K', 'k', '\u212A', '1', 'true', 'null', '10.0.0.7', '10.1.0.0', '::1', '2001:db8::7', 'ab\nab', '🔑a'];

/**
 * Few names and values, so that many patterns match. Left out is what the engine gets wrong itself: wildcards beside
 * conditions that ignore case ('*x' or any 'k' lets 'ba' pass). And a field that may be missing or have a value: how several
 * of them in a list go together is left to us.
 */
export function randomQuestion(prng: Prng): Question {
  return { pattern: randomPattern(prng, 2, prng.chance(0.5)), event: eventObject(prng, 3) };
}

function randomPattern(prng: Prng, depth: number, anyCase: boolean): Record<string, unknown> {
  const names = prng.shuffle(NAMES).slice(0, prng.chance(0.7) ? 1 : 2);
  const fields = names.map((name) => [name, depth > 0 && prng.chance(0.3) ? randomPattern(prng, depth - 1, anyCase) : conditions(prng, anyCase)]);
  if (depth > 0 && prng.chance(0.15)) {
    fields.push(['$or', Array.from({ length: prng.int(2, 3) }, () => randomPattern(prng, depth - 1, anyCase))]);
  }
  return Object.fromEntries(fields);
}

function conditions(prng: Prng, anyCase: boolean): unknown[] {
  if (prng.chance(0.1)) return [{ exists: false }];
  return Array.from({ length: prng.int(1, 3) }, () => condition(prng, anyCase));
}

function condition(prng: Prng, anyCase: boolean): unknown {
  switch (prng.int(0, 11)) {
    case 0: return { prefix: text(prng) };
    case 1: return { suffix: text(prng) };
    case 2: return { [prng.pick(['prefix', 'suffix'])]: anyCase ? { 'equals-ignore-case': text(prng) } : text(prng) };
    case 3: return anyCase ? { 'equals-ignore-case': text(prng) } : { wildcard: wildcard(prng) };
    case 4: return { exists: true };
    case 5: return { numeric: numeric(prng) };
    case 6: return { cidr: prng.pick(['10.0.0.0/8', '10.0.0.0/24', '::/64', '2001:db8::/32']) };
    case 7: return { 'anything-but': prng.chance(0.5) ? text(prng) : Array.from({ length: prng.int(1, 2) }, () => text(prng)) };
    case 8: return { 'anything-but': prng.chance(0.5) ? number(prng) : Array.from({ length: prng.int(1, 2) }, () => number(prng)) };
    case 9: return { 'anything-but': negated(prng, prng.pick(['prefix', 'suffix', anyCase ? 'equals-ignore-case' : 'wildcard'])) };
    case 10: return number(prng);
    default: return prng.pick<unknown>([text(prng), text(prng), null, true, false]);
  }
}

function negated(prng: Prng, operator: string): unknown {
  const argument = (): string => (operator === 'wildcard' ? `a${wildcard(prng)}` : text(prng));
  return { [operator]: prng.chance(0.5) ? argument() : [argument(), argument()] };
}

/** Addresses are left out: where a text stands for itself the engine reads them as numbers. */
function text(prng: Prng): string {
  return prng.pick(TEXTS.filter((one) => !/[.:]/.test(one)));
}

function number(prng: Prng): number {
  const picked = Number(prng.pick(NUMBERS));
  return Number.isFinite(picked) ? picked : 1;
}

function numeric(prng: Prng): unknown[] {
  return prng.chance(0.5)
    ? [prng.pick(['=', '<', '<=', '>', '>=']), number(prng)]
    : [prng.pick(['>', '>=']), -1, prng.pick(['<', '<=']), prng.pick([0, 1, 300, 1e300])];
}

function wildcard(prng: Prng): string {
  return Array.from({ length: prng.int(1, 4) }, () => prng.pick(['*', 'a', 'b', 'ab', '\\*', '\\\\', 'x'])).join('').replace(/(?<!\\)\*\*+/g, '*');
}

function eventObject(prng: Prng, depth: number): string {
  const names = prng.shuffle(NAMES).slice(0, prng.int(1, 3));
  return `{${names.map((name) => `"${name}":${value(prng, depth - 1)}`).join(',')}}`;
}

function value(prng: Prng, depth: number): string {
  const kind = prng.next();
  if (depth > 0 && kind < 0.3) return eventObject(prng, depth);
  if (depth > 0 && kind < 0.5) return `[${Array.from({ length: prng.int(0, 3) }, () => value(prng, depth - 1)).join(',')}]`;
  if (kind < 0.75) return prng.pick(NUMBERS);
  return kind < 0.95 ? JSON.stringify(prng.pick(TEXTS)) : prng.pick(['null', 'true', 'false']);
}
