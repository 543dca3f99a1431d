import { compileEventPattern } from '../common/event-pattern';
import { isObject } from '../common/json-value';
import type { FilterPattern } from '../contract';
import type { RecordJson } from './json';
import type { FanOutRecord } from './ports';

export type Filter = (record: Pick<FanOutRecord, 'partitionKey'>, data: RecordJson) => boolean;

const FIELDS = ['data', 'partitionKey'];

/**
 * One of the patterns matches. As in an event source mapping, no pattern with fields in `data` matches a record that is no
 * JSON, and conditions right at `data` are about its text ("Properly filtering messages", Lambda developer guide).
 *
 * @throws for a pattern that the service would not take, or that could never match
 */
export function compileFilter(patterns: readonly FilterPattern[]): Filter {
  const compiled = patterns.map(compileEventPattern);
  const fields = compiled.flatMap((pattern) => [...pattern.fields]);
  const unknown = fields.find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw new Error(`a filter must look at ${FIELDS.join(' or ')}, got '${unknown}'`);
  const looksInside = fields.includes('data');
  return ({ partitionKey }, data) => {
    const event = looksInside ? { partitionKey, data: visible(data) } : { partitionKey };
    return compiled.some((pattern) => pattern.matches(event));
  };
}

function visible({ text, json }: RecordJson): unknown {
  return isObject(json) || Array.isArray(json) ? json : text;
}
