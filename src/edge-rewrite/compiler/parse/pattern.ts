import { HostPattern, PathPattern, Segment, SPLAT } from '../model';
import { NotConvertible } from './importer';

/** How a dialect with `*` and `:name` reads a path. */
export interface PatternStyle {
  readonly trailing: PathPattern['trailing'];
  /** `*` at the end only, once anywhere, or anywhere. */
  readonly splats: 'last' | 'one' | 'many';
  /** `:name` must be a whole segment, or may have text around it. */
  readonly placeholders: 'whole' | 'inside';
}

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;
const PLACEHOLDER = /:([A-Za-z_]\w*)/g;

/** A path that starts with a slash, without query and fragment. */
export function parsePath(text: string, style: PatternStyle): PathPattern {
  if (!text.startsWith('/')) {
    throw new NotConvertible('invalid-path', `a path starts with '/', got '${text}'`);
  }
  if (CONTROL.test(text)) {
    throw new NotConvertible('invalid-path', `a path cannot have control characters, got ${JSON.stringify(text)}`);
  }
  const slash = text.endsWith('/');
  const body = text.slice(1, slash ? -1 : undefined);
  if (body === '') {
    if (text.length > 1) {
      throw new NotConvertible('invalid-path', `a path cannot have an empty segment, got '${text}'`);
    }
    return { segments: [], trailing: style.trailing, slash: true };
  }
  const segments = body.split('/').map((part) => segmentOf(part, style, text));
  const stars = segments.filter(({ kind }) => kind === 'splat').length;
  if (stars > 1 && style.splats !== 'many') {
    throw new NotConvertible('unsupported', `'*' can stand once only, got '${text}'`);
  }
  const endsInSplat = segments.at(-1)!.kind === 'splat';
  if (endsInSplat && slash && style.trailing === 'exact') {
    throw new NotConvertible('unsupported', `a slash after '*' cannot be demanded, got '${text}'`);
  }
  if (style.splats === 'last') {
    requireBareSplatAtEnd(segments, text);
  }
  const named = segments.map((segment, index) => segment.kind === 'splat' && stars > 1 ? { ...segment, name: `${SPLAT}${index}` } : segment);
  requireDistinct(capturesOf(named), text);
  return { segments: named, trailing: style.trailing, slash: slash && !endsInSplat };
}

/** Redirects know a splat only as the whole last segment. */
export function requireBareSplatAtEnd(segments: readonly Segment[], text: string): void {
  segments.forEach((segment, index) => {
    if (segment.kind === 'splat' && (index < segments.length - 1 || segment.prefix || segment.suffix)) {
      throw new NotConvertible('unsupported', `'*' must be the whole last segment, got '${text}'`);
    }
  });
}

export function requireDistinct(captures: readonly string[], text: string): void {
  const twice = captures.find((name, index) => captures.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new NotConvertible('invalid-path', `':${twice}' is captured twice, got '${text}'`);
  }
}

function segmentOf(part: string, style: PatternStyle, text: string): Segment {
  if (part === '' || part === '.' || part === '..') {
    throw new NotConvertible('invalid-path', `a path cannot have an empty, '.' or '..' segment, got '${text}'`);
  }
  if (!part.includes(':') && !part.includes('*')) {
    return { kind: 'literal', text: part };
  }
  const placeholders = [...part.matchAll(PLACEHOLDER)];
  const pieces = part.split('*');
  if (pieces.length - 1 + placeholders.length > 1) {
    throw new NotConvertible('unsupported', `a segment can have one '*' or placeholder, got '${part}'`);
  }
  if (pieces.length > 1) {
    return { kind: 'splat', name: SPLAT, ...around(pieces[0], pieces[1]) };
  }
  if (placeholders.length === 0) {
    return { kind: 'literal', text: part };
  }
  const [whole, name] = placeholders[0];
  const at = placeholders[0].index;
  if (style.placeholders === 'whole' && whole.length < part.length) {
    throw new NotConvertible('unsupported', `a placeholder must be a whole segment, got '${part}'`);
  }
  return { kind: 'placeholder', name, ...around(part.slice(0, at), part.slice(at + whole.length)) };
}

function around(prefix: string, suffix: string): { prefix?: string; suffix?: string } {
  return { ...prefix === '' ? {} : { prefix }, ...suffix === '' ? {} : { suffix } };
}

/** A host whose labels may hold one placeholder each. */
export function parseHost(text: string): HostPattern {
  return {
    labels: text.split('.').map((label) => {
      const placeholders = [...label.matchAll(PLACEHOLDER)];
      if (placeholders.length > 1 || !/^[A-Za-z0-9_-]+$/.test(label.replace(PLACEHOLDER, '0'))) {
        throw new NotConvertible('invalid-host', `a host consists of labels of letters, digits and hyphens, got '${text}'`);
      }
      if (placeholders.length === 0) {
        return { kind: 'literal', text: label.toLowerCase() };
      }
      const [whole, name] = placeholders[0];
      const at = placeholders[0].index;
      return { kind: 'placeholder', name, ...around(label.slice(0, at).toLowerCase(), label.slice(at + whole.length).toLowerCase()) };
    }),
  };
}

export function capturesOf(segments: readonly Segment[]): readonly string[] {
  return segments.flatMap((segment) => segment.kind === 'literal' ? [] : [segment.name]);
}

/** Of paths, targets and header values alike: what could end a line of the protocol. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}
