import { Selection } from './contract';

/** What the calling role may touch: resource names (of instances), and conditions that hold together. */
export interface SelectionTerm {
  /** Ids of instances; none: any. */
  readonly instances: readonly string[];
  readonly conditions: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** A role policy holds 10,240 characters; beyond this the permission is for any instance. */
const MAX_TERMS = 8;

type Literal = { readonly rule: Extract<Selection, { kind: 'tag' | 'instances' }>; readonly negated: boolean };

/**
 * A selection as alternatives that IAM can check, `tagKey` being 'aws:ResourceTag' or 'ssm:resourceTag'. It may allow more
 * than the selection takes, never less.
 */
export function termsOf(selection: Selection, tagKey: string): SelectionTerm[] {
  const alternatives = alternativesOf(selection, false);
  const terms = alternatives.map((literals) => termOf(literals, tagKey));
  return terms.length > MAX_TERMS || terms.includes(undefined) ? [{ instances: [], conditions: {} }] : terms as SelectionTerm[];
}

/** Disjunctive normal form. */
function alternativesOf(rule: Selection, negated: boolean): Literal[][] {
  switch (rule.kind) {
    case 'tag': case 'instances': return [[{ rule, negated }]];
    case 'not': return alternativesOf(rule.of, !negated);
    default: {
      const parts = rule.of.map((part) => alternativesOf(part, negated));
      if ((rule.kind === 'any') !== negated) return parts.flat();
      // What would make too many alternatives is left out, which allows more.
      return parts.reduce<Literal[][]>((all, next) => (
        all.length * next.length > MAX_TERMS ? all : all.flatMap((one) => next.map((other) => [...one, ...other]))), [[]]);
    }
  }
}

/** Undefined if IAM cannot say it. */
function termOf(literals: readonly Literal[], tagKey: string): SelectionTerm | undefined {
  const conditions: Record<string, Record<string, string | string[]>> = {};
  let instances: string[] | undefined;
  for (const { rule, negated } of literals) {
    if (rule.kind === 'instances') {
      if (negated) continue;
      instances = instances === undefined ? [...rule.ids] : instances.filter((id) => rule.ids.includes(id));
    } else {
      const operator = rule.values.length === 0 ? 'Null' : negated ? 'StringNotLike' : 'StringLike';
      const key = `${tagKey}/${rule.key}`;
      // One operator takes a key once: a second condition on it would replace the first.
      if (conditions[operator]?.[key] !== undefined) continue;
      (conditions[operator] ??= {})[key] = operator === 'Null' ? String(negated) : rule.values.map(literal);
    }
  }
  return instances?.length === 0 ? undefined : { instances: instances ?? [], conditions };
}

/** IAM reads `?` and `${…}` as well as `*`. */
function literal(value: string): string {
  return value.replace(/\$/g, '${$}').replace(/\?/g, '${?}');
}
