import type { Limit } from './limit';

const API = 'https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html';

export const EVENTS_LIMITS = {
  putEventsEntries: { value: 10, unit: 'entries', source: API },
  /** "Less than 1MB": read as decimal, the stricter of the two readings. */
  putEventsBytes: { value: 1_000_000, unit: 'bytes of all entries, exclusive', source: API },
  /** A given Time counts as this many bytes. */
  timeBytes: { value: 14, unit: 'bytes', source: 'https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html' },
  detailNesting: { value: 1000, unit: 'levels', source: API },
} as const satisfies Record<string, Limit>;
