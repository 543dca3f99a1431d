import { isObject } from '../common/json-value';
import type { TransformStep } from '../contract';
import type { RecordJson } from './json';
import { canSet, change, get, parsePath, set, type Path } from './json-path';
import type { Refusal } from './ports';

export type Transform = (data: RecordJson) => Uint8Array | Refusal;

type Step = (document: unknown) => unknown;

const MASK = '***';

/**
 * Changes a record's JSON step by step. `mask`, `remove` and `pick` reach into the members of lists on the way, the others
 * do not. Numbers keep their digits, fields their order.
 *
 * @throws for a path that is none
 */
export function compileTransform(steps: readonly TransformStep[]): Transform {
  const compiled = steps.map(compileStep);
  return ({ json }) => {
    if (json === undefined) return { reason: 'UNPARSABLE', code: 'NotJson' };
    try {
      return Buffer.from(JSON.stringify(compiled.reduce<unknown>((document, step) => step(document), json)));
    } catch {
      // Nested deeper than the stack reaches: nothing else throws here.
      return { reason: 'UNPARSABLE', code: 'NestedTooDeeply' };
    }
  };
}

function compileStep(step: TransformStep): Step {
  switch (step.kind) {
    case 'pick': return pick(step.paths.map(parsePath));
    case 'remove': return changes(step.paths, () => undefined);
    case 'mask': return changes(step.paths, () => MASK);
    case 'rename': return rename(Object.entries(step.paths).map(([from, to]) => [parsePath(from), parsePath(to)]));
    case 'set': {
      const values = Object.entries(step.values).map(([path, value]) => [parsePath(path), value] as const);
      return (document) => values.reduce((changed, [path, value]) => set(changed, path, value), document);
    }
    case 'template': {
      const render = template(step.document);
      return (document) => render(document) ?? null;
    }
  }
}

function changes(paths: readonly string[], to: (field: unknown) => unknown): Step {
  const parsed = paths.map(parsePath);
  return (document) => parsed.reduce((changed, path) => change(changed, path, to), document);
}

/** All at once, so that fields can change places. One whose new place is taken by what is no object stays. */
function rename(moves: readonly (readonly [Path, Path])[]): Step {
  return (document) => {
    const found = moves.map(([from, to]) => ({ from, to, field: get(document, from) })).filter(({ field }) => field !== undefined);
    const without = found.reduce((changed, { from }) => change(changed, from, () => undefined), document);
    return found.reduce((changed, { from, to, field }) => set(changed, canSet(changed, to) ? to : from, field), without);
  };
}

/** Fields to keep: whole ones, and those of which something inside is kept. */
type Kept = Map<string, Kept | 'whole'>;

function pick(paths: readonly Path[]): Step {
  const kept: Kept = new Map();
  for (const path of paths) keep(kept, path);
  return (document) => picked(document, kept) ?? {};
}

function keep(kept: Kept, [name, ...rest]: Path): void {
  const known = kept.get(name);
  if (known === 'whole') return;
  if (rest.length === 0) {
    kept.set(name, 'whole');
    return;
  }
  const inner: Kept = known ?? new Map();
  kept.set(name, inner);
  keep(inner, rest);
}

/** Undefined if there is nothing to keep. */
function picked(value: unknown, kept: Kept): unknown {
  if (Array.isArray(value)) return value.map((member) => picked(member, kept)).filter((member) => member !== undefined);
  if (!isObject(value)) return undefined;
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const inner = kept.get(name);
    if (inner === undefined) return [];
    const left = inner === 'whole' ? field : picked(field, inner);
    return left === undefined ? [] : [[name, left] as const];
  });
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}

const REFERENCE = /<(\$[^<>"]*)>/g;

/** Renders to undefined what refers to nothing: it is left out, or is empty where it is a part of a text. */
function template(node: unknown): Step {
  if (typeof node === 'string') return text(node);
  if (Array.isArray(node)) {
    const members = node.map(template);
    return (document) => members.map((render) => render(document)).filter((member) => member !== undefined);
  }
  if (isObject(node)) {
    const fields = Object.entries(node).map(([name, field]) => [name, template(field)] as const);
    return (document) => Object.fromEntries(fields
      .map(([name, render]) => [name, render(document)] as const)
      .filter(([, field]) => field !== undefined));
  }
  return () => node;
}

function text(node: string): Step {
  const paths = [...node.matchAll(REFERENCE)].map(([, path]) => parsePath(path));
  if (paths.length === 0) return () => node;
  const literals = node.split(REFERENCE).filter((_, i) => i % 2 === 0);
  if (literals.join('') === '' && paths.length === 1) return (document) => get(document, paths[0]);
  return (document) => literals.map((literal, i) => (i === 0 ? literal : `${spelled(get(document, paths[i - 1]))}${literal}`)).join('');
}

function spelled(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
