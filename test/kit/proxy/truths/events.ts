import type { ServiceTruth } from '.';
import { EVENTS_LIMITS } from '../../limits/events';
import { applyWithout } from '../batch';
import { DROPPED, type Reply, type ServiceError } from '../call';
import { errorCodeOf } from '../errors';

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

  apply: async (call, context) => {
    if (call.operation !== 'PutEvents') return context.send(call.request);
    const { Entries: entries } = call.params.body as { readonly Entries: readonly Entry[] };
    // A detail that is no JSON object fails its own entry only.
    const reply = await applyWithout(call, context, entries, ({ Detail }) => Detail === undefined || isDetail(Detail) ? undefined : MALFORMED);
    return errorCodeOf(reply) === 'ResourceNotFoundException' ? taken(entries) : reply;
  },
};

/** Events for a bus that is not there are taken, and dropped. (Seen on the real service: aws/aws-cli#9186, localstack/localstack#8264.) */
function taken(entries: readonly Entry[]): Reply {
  const answer = { FailedEntryCount: 0, Entries: entries.map((_, n) => ({ EventId: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` })) };
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1', [DROPPED]: 'true' }, body: Buffer.from(JSON.stringify(answer)) };
}

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
