import type { ServiceTruth } from '.';
import { EVENTS_LIMITS } from '../../limits/events';
import { applyWithout } from '../batch';
import type { ServiceError } from '../call';

interface Entry {
  readonly Time?: unknown;
  readonly Source?: string;
  readonly DetailType?: string;
  readonly Detail?: string;
  readonly Resources?: readonly string[];
}

export const events: ServiceTruth = {
  check: ({ operation, params }) => {
    if (operation !== 'PutEvents') return undefined;
    const entries = (params.body as { readonly Entries?: readonly Entry[] }).Entries ?? [];
    if (entries.length < 1 || entries.length > EVENTS_LIMITS.putEventsEntries.value) {
      return validation(`Value at 'entries' failed to satisfy constraint: Member must have length between 1 and ${EVENTS_LIMITS.putEventsEntries.value}`);
    }
    if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) >= EVENTS_LIMITS.putEventsBytes.value) {
      return validation('Total size of the entries in the request is over the limit.');
    }
    return undefined;
  },

  // A detail that is no JSON object fails its own entry only.
  apply: (call, context) => call.operation !== 'PutEvents' ? context.send(call.request)
    : applyWithout(call, context, (call.params.body as { readonly Entries: readonly Entry[] }).Entries,
      ({ Detail }) => Detail === undefined || isDetail(Detail) ? undefined : MALFORMED),
};

const MALFORMED: ServiceError = { status: 400, code: 'MalformedDetail', message: 'Detail is malformed.' };

function isDetail(text: string): boolean {
  try {
    const detail: unknown = JSON.parse(text);
    return typeof detail === 'object' && detail !== null && !Array.isArray(detail) && depthOf(text) <= EVENTS_LIMITS.detailNesting.value;
  } catch {
    return false;
  }
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === '{' || token === '[') deepest = Math.max(deepest, depth += 1);
    else if (token === '}' || token === ']') depth -= 1;
  }
  return deepest;
}

function sizeOf({ Time, Source = '', DetailType = '', Detail = '', Resources = [] }: Entry): number {
  return (Time === undefined ? 0 : EVENTS_LIMITS.timeBytes.value) + Buffer.byteLength(Source + DetailType + Detail + Resources.join(''));
}

function validation(message: string): ServiceError {
  return { status: 400, code: 'ValidationException', message };
}
