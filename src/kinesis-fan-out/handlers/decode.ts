import type { EventRecord, ReplayEvent } from '../contract';
import { deaggregate } from './kpl';
import type { FanOutRecord, Refusal } from './ports';

/** What the event source mapping delivers: records of one shard in their order. */
export interface StreamEvent extends Pick<ReplayEvent, 'Records'> {
  /** There if the replay function calls. */
  readonly replay?: ReplayEvent['replay'];
}

/** A record of the event whose inside nobody can deliver. */
export interface RefusedRecord {
  readonly record: FanOutRecord;
  readonly refusal: Refusal;
}

/**
 * In stream order, records of an aggregate in theirs.
 *
 * @throws if it is no event of a Kinesis stream; the message never quotes it
 */
export function decode(event: StreamEvent): readonly (FanOutRecord | RefusedRecord)[] {
  if (!Array.isArray(event?.Records)) throw new Error('an event of a stream must have records');
  const records: (FanOutRecord | RefusedRecord)[] = [];
  for (const source of event.Records as readonly EventRecord[]) {
    addUserRecords(records, outerRecord(source), event.replay?.only?.[source.eventID]);
  }
  return records;
}

function addUserRecords(records: (FanOutRecord | RefusedRecord)[], outer: OuterRecord, only?: readonly number[]): void {
  const inner = deaggregate(outer.data);
  if (inner === undefined) {
    records.push(outer);
  } else if (inner === 'corrupt') {
    records.push({ record: outer, refusal: { reason: 'CORRUPT_AGGREGATE', code: 'KeyIndexOutOfRange' } });
  } else {
    inner.forEach(({ partitionKey, data }, subSequence) => {
      if (only === undefined || only.includes(subSequence)) {
        records.push({ ...outer, id: `${outer.id}:${subSequence}`, subSequence, partitionKey, data });
      }
    });
  }
}

type OuterRecord = FanOutRecord & { readonly data: Buffer };

function outerRecord(source: EventRecord): OuterRecord {
  const { eventID, kinesis } = source;
  const colon = typeof eventID === 'string' ? eventID.indexOf(':') : -1;
  if (colon < 1 || typeof kinesis?.sequenceNumber !== 'string' || typeof kinesis.data !== 'string') {
    throw new Error('a record of a stream must have the shard in its eventID, and a sequence number and data');
  }
  const shardId = eventID.slice(0, colon);
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
