import type { DeliverSettings } from '../contract';
import { compileFilter } from './filter';
import { RecordJson } from './json';
import type { FanOutRecord, Prepared } from './ports';
import { compileTransform } from './transform';

/** Says of each record whether and as what it leaves. Without transforms its bytes stay as they are. */
export function preparation({ filters, transforms }: Pick<DeliverSettings, 'filters' | 'transforms'>): (record: FanOutRecord) => Prepared {
  const matches = filters.length > 0 ? compileFilter(filters) : undefined;
  const transform = transforms.length > 0 ? compileTransform(transforms) : undefined;
  if (matches === undefined && transform === undefined) {
    return (record) => ({ kind: 'item', item: { record, body: record.data } });
  }
  return (record) => {
    const json = new RecordJson(record.data);
    if (matches && !matches(record, json)) return { kind: 'filtered' };
    const body = transform ? transform(json) : record.data;
    return body instanceof Uint8Array ? { kind: 'item', item: { record, body } } : { kind: 'refused', refusal: body };
  };
}
