import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { asBuffer } from './content';
import type { Packing } from '../contract';
import type { Entry, Item, Refusal, Sender } from './ports';

export type Packed<T extends Item = Item> =
  /** With the bytes the destination counts. */
  | { readonly kind: 'entry'; readonly entry: Entry & { readonly items: readonly T[] }; readonly size: number }
  /** The first item fits into no entry. */
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** What of a destination decides how entries look. */
export type PackTarget = Pick<Sender, 'maxEntryBytes' | 'bodies' | 'sizeOf'>;

const NOTHING = Buffer.alloc(0);
const LINE_BREAK = Buffer.from('\n');
const COMMA = Buffer.from(',');
/** A first guess at what gzip makes of JSON; the packs themselves correct it. */
const GZIP_RATIO = 0.25;
/** Aimed at, so that the guess is rarely too high. */
const GZIP_FILL = 0.97;
/** What XML 1.0 has no characters for, and SQS refuses (SendMessage, SQS API reference). UTF-8 has no lone surrogates. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** Makes entries of items, as full as the byte budget allows. Equal items give equal bytes. */
export class Packer {
  /** Items of an entry at most. */
  public readonly maxItems: number;
  private gzipRatio = GZIP_RATIO;

  constructor(private readonly packing: Packing, private readonly target: PackTarget) {
    this.maxItems = packing.kind === 'none' ? 1 : Infinity;
  }

  /** Packs as many as fit of `items[from]` to `items[to - 1]`, without leaving one out. */
  public pack<T extends Item>(items: readonly T[], from: number, to: number): Packed<T> {
    const first = this.piece(items[from]);
    if (isRefusal(first)) {
      return { kind: 'refused', refusal: first };
    }
    const pieces = [first];
    if (to > from + 1 && this.maxItems > 1) {
      this.addPieces(pieces, items, from, to);
    }
    return this.close(items, from, pieces);
  }

  /** As many as fit behind the first one. */
  private addPieces(pieces: Uint8Array[], items: readonly Item[], from: number, to: number): void {
    const budget = this.rawBudget(this.budget(items[from]));
    const perLine = this.packing.kind.startsWith('ndjson') ? 1 : 0;
    let bytes = pieces[0].length + (this.packing.kind === 'json-array' ? 2 : perLine);
    for (let at = from + 1; at < to; at++) {
      const piece = this.piece(items[at]);
      if (isRefusal(piece)) {
        return;
      }
      bytes += piece.length + 1;
      if (bytes > budget) {
        return;
      }
      pieces.push(piece);
    }
  }

  /** Bytes a body may have beside what else the destination counts. */
  private budget(first: Item): number {
    const overhead = this.target.sizeOf({ id: first.record.id, items: [first], body: NOTHING });
    return Math.min(this.packing.maxBytes, this.target.maxEntryBytes - overhead);
  }

  private rawBudget(budget: number): number {
    return this.packing.kind === 'ndjson-gzip' ? this.compressible(budget) / this.gzipRatio * GZIP_FILL : budget;
  }

  /** Bytes gzip may make: base64 takes a third more. */
  private compressible(budget: number): number {
    return this.target.bodies === 'bytes' ? budget : Math.floor(budget / 4) * 3;
  }

  /** Takes items off until the entry fits; only compression, whose result is a guess before, ever needs it. */
  private close<T extends Item>(items: readonly T[], from: number, pieces: readonly Uint8Array[]): Packed<T> {
    for (let count = pieces.length; ;) {
      const body = this.body(pieces.slice(0, count));
      const packed = items.slice(from, from + count);
      const entry = { id: entryId(packed), items: packed, body };
      const size = this.target.sizeOf(entry);
      if (body.length <= this.packing.maxBytes && size <= this.target.maxEntryBytes) {
        return { kind: 'entry', entry, size };
      }
      const budget = this.budget(items[from]);
      if (count === 1) {
        return { kind: 'refused', refusal: { reason: 'TOO_LARGE', code: `${body.length} bytes, ${budget} are allowed` } };
      }
      count = Math.min(count - 1, Math.max(1, Math.floor(count * budget / body.length * GZIP_FILL)));
    }
  }

  private body(pieces: readonly Uint8Array[]): Uint8Array {
    switch (this.packing.kind) {
      case 'none':
        return pieces[0];
      case 'json-array':
        return Buffer.concat([Buffer.from('['), ...pieces.flatMap((piece, n) => n === 0 ? [piece] : [COMMA, piece]), Buffer.from(']')]);
      case 'ndjson':
        return lines(pieces);
      case 'ndjson-gzip': {
        const raw = lines(pieces);
        const compressed = gzipSync(raw);
        this.gzipRatio = compressed.length / raw.length;
        return this.target.bodies === 'bytes' ? compressed : Buffer.from(compressed.toString('base64'));
      }
    }
  }

  /** The item as it stands in an entry. */
  private piece(item: Item): Uint8Array | Refusal {
    const { kind, envelope } = this.packing;
    if (kind === 'none' && !envelope) {
      return this.takes(item.body) ? item.body : Buffer.from(envelopeOf(item, { base64: asBuffer(item.body).toString('base64') }));
    }
    const text = isUtf8(item.body) ? asBuffer(item.body).toString() : undefined;
    const json = text !== undefined && isJson(text);
    if (!envelope && !json) {
      return { reason: 'UNPARSABLE', code: text === undefined ? 'not UTF-8' : 'not JSON' };
    }
    const enveloped = !envelope ? text! : envelopeOf(item, json ? { json: text } : text !== undefined ? { text } : {
      base64: asBuffer(item.body).toString('base64'),
    });
    return Buffer.from(this.escaped(kind.startsWith('ndjson') ? onOneLine(enveloped) : enveloped));
  }

  /** Whether the destination takes these bytes as they are. No text service takes an empty one. */
  private takes(body: Uint8Array): boolean {
    switch (this.target.bodies) {
      case 'bytes':
        return true;
      case 'utf8':
        return body.length > 0 && isUtf8(body);
      case 'xml':
        return body.length > 0 && isUtf8(body) && !NOT_XML.test(asBuffer(body).toString());
    }
  }

  /** Within JSON, the only such characters stand in strings, where they may be escaped. */
  private escaped(json: string): string {
    return this.target.bodies === 'xml' && NOT_XML.test(json)
      ? json.replace(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
      : json;
  }
}

/** JSON goes in as it is: parsing and writing it again would round long numbers. */
function envelopeOf({ record }: Item, content: { readonly json?: string; readonly text?: string; readonly base64?: string }): string {
  const head = JSON.stringify({ id: record.id, partitionKey: record.partitionKey, arrivedAt: new Date(record.arrivedAt).toISOString() });
  const { json, text, base64 } = content;
  const data = base64 === undefined ? `"data":${json ?? JSON.stringify(text)}` : `"base64":"${base64}"`;
  return `${head.slice(0, -1)},${data}}`;
}

/** Between the tokens of JSON, a line break is as good as a space; within a string there is none. */
function onOneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]/g, ' ') : json;
}

function lines(pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat(pieces.flatMap((piece) => [piece, LINE_BREAK]));
}

/**
 * Names exactly these records: a destination that drops duplicates would otherwise drop the records a pack has beyond one
 * that began alike.
 */
export function entryId(items: readonly Item[]): string {
  const [first] = items;
  if (items.length === 1) {
    return first.record.id;
  }
  const ids = items.map(({ record }) => record.id).join('\n');
  return `${first.record.id}-${createHash('sha256').update(ids).digest('hex').slice(0, 32)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isRefusal(piece: Uint8Array | Refusal): piece is Refusal {
  return 'reason' in piece;
}
