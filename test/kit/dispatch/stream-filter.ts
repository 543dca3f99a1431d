import { matchesPattern } from './pattern';
import type { StreamRecord } from './stream-source';

/**
 * "Use event filtering with a Kinesis event source", Lambda developer guide: a record passes if one of the patterns
 * matches. A pattern over `data` wants JSON, so a record that is none is dropped.
 */
export function matchesRecord(filters: readonly unknown[], record: StreamRecord): boolean {
  if (record.change) return filters.some((filter) => matchesPattern(filter, record.change));
  const data = parse(record.data);
  return filters.some((filter) => {
    const looksInside = (filter as { data?: unknown }).data !== undefined;
    return !(looksInside && data === undefined) && matchesPattern(filter, { partitionKey: record.partitionKey, data });
  });
}

/** Patterns the service refuses when the mapping is created. */
export function checkFilters(filters: readonly unknown[]): void {
  // Five, and ten on request.
  if (filters.length > 10) throw new Error(`a mapping takes at most 10 filters, got ${filters.length}`);
  for (const filter of filters) {
    const { data } = filter as { data?: unknown };
    if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
      throw new Error(`a filter on 'data' must be a JSON object, got ${JSON.stringify(data)}`);
    }
  }
}

function parse(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString());
  } catch {
    return undefined;
  }
}
