import type { Packing } from '../contract';
import { RecordJson } from './json';
import type { Entry } from './ports';

/** How an object or a request says what its body is. */
export interface Content {
  readonly type: string;
  readonly encoding?: string;
}

/** Bodies of unpacked records are whatever the producer wrote. */
export function contentOf({ kind, envelope }: Packing, body: Uint8Array): Content {
  switch (kind) {
    case 'json-array':
      return { type: 'application/json' };
    case 'ndjson':
      return { type: 'application/x-ndjson' };
    case 'ndjson-gzip':
      return { type: 'application/x-ndjson', encoding: 'gzip' };
    case 'none':
      return { type: envelope || new RecordJson(body).json !== undefined ? 'application/json' : 'application/octet-stream' };
  }
}

/** Of destinations whose bodies are UTF-8. */
export function textOf({ body }: Entry): string {
  return asBuffer(body).toString();
}

/** The same memory; `Buffer.from(bytes)` alone would copy it. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
