import type { EventRecord, ReplayEvent } from '../contract';
import { deaggregate } from './kpl';
import type { FanOutRecord, Refusal } from './ports';

/** What the event source mapping delivers: records of one shard in their order. */
export interface StreamEvent extends Pick<ReplayEvent, 'Records'> {
  /** There if the replay function calls. */
  readonly replay?: ReplayEvent['replay'];
}

export interface Decoded {
  /** In stream order, those of an aggregate in theirs. */
  readonly records: readonly FanOutRecord[];
  /** Records of the event whose inside nobody can deliver. */
  readonly refused: readonly RefusedRecord[];
}

export interface RefusedRecord {
  readonly record: FanOutRecord;
  readonly refusal: Refusal;
}

/** @throws if it is no event of a Kinesis stream; the message never quotes it */
export function decode(event: StreamEvent): Decoded {
  if (!Array.isArray(event?.Records)) throw new Error('an event of a stream must have records');
  const records: FanOutRecord[] = [];
  const refused: RefusedRecord[] = [];
  for (const source of event.Records) {
    const outer = outerRecord(source);
    const inner = deaggregate(outer.data);
    if (inner === undefined) {
      records.push(outer);
    } else if (inner === 'corrupt') {
      refused.push({ record: outer, refusal: { reason: 'CORRUPT_AGGREGATE', code: 'KeyIndexOutOfRange' } });
    } else {
      const only = event.replay?.only?.[source.eventID];
      inner.forEach(({ partitionKey, data }, subSequence) => {
        if (only && !only.includes(subSequence)) return;
        records.push({ ...outer, id: `${outer.id}:${subSequence}`, subSequence, partitionKey, data });
      });
    }
  }
  return { records, refused };
}

function outerRecord(source: EventRecord): FanOutRecord & { readonly data: Buffer } {
  const { eventID, kinesis } = source;
  const shardId = /^[^:]+(?=:)/.exec(eventID)?.[0];
  if (shardId === undefined || typeof kinesis?.sequenceNumber !== 'string' || typeof kinesis.data !== 'string') {
    throw new Error('a record of a stream must have the shard in its eventID, and a sequence number and data');
  }
  return {
    id: `${shardId}:${kinesis.sequenceNumber}`,
    shardId,
    sequenceNumber: kinesis.sequenceNumber,
    partitionKey: kinesis.partitionKey,
    data: Buffer.from(kinesis.data, 'base64'),
    arrivedAt: Math.round(kinesis.approximateArrivalTimestamp * 1000),
    source,
  };
}
