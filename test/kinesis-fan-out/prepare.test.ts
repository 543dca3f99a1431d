import type { DeliverSettings } from '../../src/kinesis-fan-out/contract';
import type { FanOutRecord } from '../../src/kinesis-fan-out/handlers/ports';
import { preparation } from '../../src/kinesis-fan-out/handlers/prepare';

const FILTERS: DeliverSettings['filters'] = [{ data: { type: ['paid'] } }];
const TRANSFORMS: DeliverSettings['transforms'] = [{ kind: 'mask', paths: ['$.card'] }];

function prepared(filters: DeliverSettings['filters'], transforms: DeliverSettings['transforms'], data: string): unknown {
  const record: FanOutRecord = {
    id: 'shardId-0:1',
    shardId: 'shardId-0',
    sequenceNumber: '1',
    partitionKey: 'key',
    data: Buffer.from(data),
    arrivedAt: 0,
    source: { eventID: 'shardId-0:1', eventSourceARN: '', kinesis: { partitionKey: 'key', sequenceNumber: '1', data: '', approximateArrivalTimestamp: 0 } },
  };
  const result = preparation({ filters, transforms })(record);
  return result.kind === 'item' ? Buffer.from(result.item.body).toString() : result;
}

test('without filters and transforms a record leaves as it is', () => {
  expect(prepared([], [], 'no { JSON')).toBe('no { JSON');
});

test('a filter alone changes nothing', () => {
  expect(prepared(FILTERS, [], '{ "type": "paid" }')).toBe('{ "type": "paid" }');
  expect(prepared(FILTERS, [], '{"type":"open"}')).toEqual({ kind: 'filtered' });
  expect(prepared(FILTERS, [], 'no { JSON')).toEqual({ kind: 'filtered' });
});

test('transforms change what passes the filter', () => {
  expect(prepared(FILTERS, TRANSFORMS, '{"type":"paid","card":1}')).toBe('{"type":"paid","card":"***"}');
  expect(prepared(FILTERS, TRANSFORMS, '{"type":"open","card":1}')).toEqual({ kind: 'filtered' });
  expect(prepared([], TRANSFORMS, 'no { JSON')).toEqual({ kind: 'refused', refusal: { reason: 'UNPARSABLE', code: 'NotJson' } });
});
