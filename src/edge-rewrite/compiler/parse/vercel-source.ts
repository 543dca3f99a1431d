import { Part, PathPattern, Segment, Template } from '../model';
import { NotConvertible } from './importer';

/** A source may stand for several patterns: one per choice of its alternatives and optional parts. */
export interface VercelPattern {
  readonly path: PathPattern;
  /** What `:name` and `$1` stand for in this one: a capture, the text chosen, or nothing where it was left out. */
  readonly bindings: ReadonlyMap<string, Template>;
  /** It matches also with a slash at the end, which the source does not. */
  readonly wider: boolean;
}

/** More is a regular expression in disguise. */
const MOST_PATTERNS = 64;

type Token = string | Key;

interface Key {
  /** Empty: a group without capture. */
  readonly name: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly pattern: string;
  readonly modifier: string;
}

type Piece =
  | { readonly text: string }
  | { readonly capture: string; readonly kind: 'placeholder' | 'splat' }
  /** A splat whose slash in front is part of it: `/:path*` matches nothing at all, too. */
  | { readonly capture: string; readonly kind: 'optional-splat' };

interface Choice {
  readonly pieces: readonly Piece[];
  readonly bindings: ReadonlyMap<string, Template>;
  readonly wider: boolean;
}

/** Reads what path-to-regexp 6 reads, as far as a pattern of segments can say it. */
export function parseVercelSource(source: string): readonly VercelPattern[] {
  if (!source.startsWith('/')) {
    throw new NotConvertible('unsupported', `a source starts with '/', got '${source}'`);
  }
  let choices: readonly Choice[] = [{ pieces: [], bindings: new Map(), wider: false }];
  let position = 0;
  for (const token of tokens(source)) {
    const next = typeof token === 'string' ? [text(token)] : choicesOf(token, source);
    const number = typeof token !== 'string' && token.name !== '' ? String(++position) : undefined;
    choices = choices.flatMap((left) => next.map((right) => ({
      pieces: [...left.pieces, ...right.pieces],
      bindings: new Map([...left.bindings, ...right.bindings, ...number === undefined ? [] : [[number, [...right.bindings.values()][0]] as const]]),
      wider: left.wider || right.wider,
    })));
    if (choices.length > MOST_PATTERNS) {
      throw new NotConvertible('unsupported', `a source stands for at most ${MOST_PATTERNS} patterns, got '${source}'`);
    }
  }
  return choices.filter(startsWithSlash).map(({ pieces, bindings, wider }) => ({ path: pathOf(pieces, source), bindings, wider }));
}

/** The slash in front can be part of what is left out (`/:a?`); no request has a path without. */
function startsWithSlash({ pieces }: Choice): boolean {
  const first = pieces.find((piece) => !('text' in piece) || piece.text !== '');
  return first !== undefined && ('text' in first ? first.text.startsWith('/') : first.kind === 'optional-splat');
}

/** The names a source gives to its captures. */
export function namesOf(pattern: VercelPattern): readonly string[] {
  return [...pattern.bindings.keys()].filter((name) => /^[A-Za-z_]\w*$/.test(name));
}

function text(value: string): Choice {
  return { pieces: [{ text: value }], bindings: new Map(), wider: false };
}

function choicesOf(key: Key, source: string): readonly Choice[] {
  const { name, prefix, suffix, pattern, modifier } = key;
  const optional: readonly Choice[] = modifier === '?' ? [{ pieces: [], bindings: name === '' ? new Map() : new Map([[name, []]]), wider: false }] : [];
  if (modifier === '*' || modifier === '+') {
    return [repeated(key, source)];
  }
  if (name === '') {
    return [...optional, text(prefix + suffix)];
  }
  const around = (middle: Piece, binding: Part, wider: boolean): Choice => ({
    pieces: [{ text: prefix }, middle, { text: suffix }],
    bindings: new Map([[name, 'text' in binding && binding.text === '' ? [] : [binding]]]),
    wider,
  });
  if (isSegment(pattern)) {
    return [...optional, around({ capture: name, kind: 'placeholder' }, { capture: name }, false)];
  }
  if (/^\.[*+]\??$/.test(pattern)) {
    return [...optional, around({ capture: name, kind: 'splat' }, { capture: name }, pattern.includes('+'))];
  }
  const words = pattern.split('|').map((word) => word.replace(/\\([./-])/g, '$1'));
  if (words.every((word) => /^[\w\-.~%/]*$/.test(word))) {
    return [...optional, ...words.map((word) => around({ text: word }, { text: word }, false))];
  }
  throw new NotConvertible('unsupported', `a regular expression must be '.*', '[^/]+' or words with '|' between them, got '(${pattern})'`);
}

/** `/:name*` and `/:name+`: any number of segments. */
function repeated({ name, prefix, suffix, pattern, modifier }: Key, source: string): Choice {
  if (name === '' || prefix !== '/' || suffix !== '' || !(isSegment(pattern) || pattern === '.*')) {
    throw new NotConvertible('unsupported', `only a whole segment can be repeated, got '${source}'`);
  }
  const bindings = new Map([[name, [{ capture: name }]]]);
  return modifier === '*'
    ? { pieces: [{ capture: name, kind: 'optional-splat' }], bindings, wider: true }
    : { pieces: [{ text: '/' }, { capture: name, kind: 'splat' }], bindings, wider: true };
}

function isSegment(pattern: string): boolean {
  return pattern === '' || /^\[\^\\?\/\][+]\??$/.test(pattern);
}

function pathOf(pieces: readonly Piece[], source: string): PathPattern {
  const last = pieces.filter((piece) => !('text' in piece) || piece.text !== '').at(-1);
  const optional = last !== undefined && 'kind' in last && last.kind === 'optional-splat';
  /** Of each segment. */
  const parts: Piece[][] = [[]];
  for (const piece of pieces) {
    if ('text' in piece) {
      piece.text.split('/').forEach((one, index) => {
        if (index > 0) {
          parts.push([]);
        }
        if (one !== '') {
          parts.at(-1)!.push({ text: one });
        }
      });
    } else if (piece.kind === 'optional-splat') {
      if (piece !== last) {
        throw new NotConvertible('unsupported', `repeated segments must stand at the end, got '${source}'`);
      }
      parts.push([{ capture: piece.capture, kind: 'splat' }]);
    } else {
      parts.at(-1)!.push(piece);
    }
  }
  const slash = parts.at(-1)!.length === 0;
  const segments = parts.slice(1, slash ? -1 : undefined).map((part) => segmentOf(part, source));
  if (slash && segments.at(-1)?.kind === 'splat') {
    throw new NotConvertible('unsupported', `a slash after '(.*)' cannot be demanded, got '${source}'`);
  }
  return { segments, trailing: optional ? 'optional' : 'exact', slash };
}

function segmentOf(pieces: readonly Piece[], source: string): Segment {
  const captures = pieces.filter((piece) => 'capture' in piece);
  if (pieces.length === 0) {
    throw new NotConvertible('invalid-path', `a path cannot have an empty segment, got '${source}'`);
  }
  if (captures.length > 1) {
    throw new NotConvertible('unsupported', `a segment can have one placeholder, got '${source}'`);
  }
  const before = pieces.slice(0, captures.length === 0 ? undefined : pieces.indexOf(captures[0]));
  const prefix = textOf(before);
  if (captures.length === 0) {
    if (prefix === '.' || prefix === '..') {
      throw new NotConvertible('invalid-path', `a path cannot have a '.' or '..' segment, got '${source}'`);
    }
    return { kind: 'literal', text: prefix };
  }
  const { capture, kind } = captures[0] as { capture: string; kind: 'placeholder' | 'splat' };
  const suffix = textOf(pieces.slice(before.length + 1));
  return { kind, name: capture, ...prefix === '' ? {} : { prefix }, ...suffix === '' ? {} : { suffix } };
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece as { text: string }).text).join('');
}

/** `:name`, `(pattern)`, `:name(pattern)`, `{…}`, each with `?`, `*` or `+` behind; a slash or dot in front belongs to it. */
function tokens(source: string): readonly Token[] {
  const result: Token[] = [];
  const names = new Set<string>();
  const fail = (message: string) => new NotConvertible('syntax', `${message}, got '${source}'`);
  let at = 0;
  let unnamed = 0;
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0] ?? '';
    at += found.length;
    return found;
  };
  /** A name, a pattern or both; undefined if there is neither. */
  const capture = (): { name: string; pattern: string } | undefined => {
    const name = match(/:\w+/y).slice(1);
    const pattern = source[at] === '(' ? group(source, at) : undefined;
    if (name === '' && pattern === undefined) {
      return undefined;
    }
    at += pattern === undefined ? 0 : pattern.length + 2;
    if (pattern === '' || pattern?.startsWith('?')) {
      throw fail("a pattern cannot be empty or start with '?'");
    }
    const unique = name === '' ? `unnamed-${unnamed++}` : name;
    if (names.has(unique)) {
      throw fail(`':${unique}' is captured twice`);
    }
    names.add(unique);
    return { name: unique, pattern: pattern ?? '' };
  };
  const plain = () => match(/(?:[^:(){}*+?\\]|\\[^])+/y).replace(/\\([^])/g, '$1');
  while (at < source.length) {
    if (source[at] === '{') {
      at++;
      const prefix = plain();
      const found = capture();
      const suffix = plain();
      if (source[at] !== '}') {
        throw fail("expected '}'");
      }
      at++;
      result.push({ name: found?.name ?? '', pattern: found?.pattern ?? '', prefix, suffix, modifier: match(/[?*+]/y) });
      continue;
    }
    const escaped = /\\.$/.test(source.slice(0, at));
    const found = capture();
    if (found !== undefined) {
      const before = result.at(-1);
      const taken = typeof before === 'string' && !escaped && /[/.]$/.test(before) ? before.slice(-1) : '';
      if (taken !== '') {
        result[result.length - 1] = (before as string).slice(0, -1);
      }
      result.push({ ...found, prefix: taken, suffix: '', modifier: match(/[?*+]/y) });
      continue;
    }
    const literal = plain();
    if (literal === '') {
      throw fail(`unexpected '${source[at]}'`);
    }
    result.push(literal);
  }
  return result;
}

/** What stands in the parentheses that open here. */
function group(source: string, open: number): string {
  let depth = 0;
  for (let at = open; at < source.length; at++) {
    if (source[at] === '\\') {
      at++;
    } else if (source[at] === '(') {
      depth++;
    } else if (source[at] === ')' && --depth === 0) {
      return source.slice(open + 1, at);
    }
  }
  throw new NotConvertible('syntax', `expected ')', got '${source}'`);
}
