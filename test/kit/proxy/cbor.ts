/** The part of CBOR (RFC 8949) that Smithy RPC v2 uses. */

export function decodeCbor(bytes: Buffer): unknown {
  let at = 0;

  function length(info: number): number {
    switch (info) {
      case 24: at += 1; return bytes.readUInt8(at - 1);
      case 25: at += 2; return bytes.readUInt16BE(at - 2);
      case 26: at += 4; return bytes.readUInt32BE(at - 4);
      case 27: at += 8; return Number(bytes.readBigUInt64BE(at - 8));
      default: return info;
    }
  }

  function items<T>(info: number, read: () => T): T[] {
    const list: T[] = [];
    if (info === INDEFINITE) {
      while (bytes[at] !== BREAK) list.push(read());
      at += 1;
    } else {
      for (let left = length(info); left > 0; left -= 1) list.push(read());
    }
    return list;
  }

  function chunk(info: number): Buffer {
    if (info === INDEFINITE) return Buffer.concat(items(info, () => value() as Buffer));
    const size = length(info);
    at += size;
    return bytes.subarray(at - size, at);
  }

  function simple(info: number): unknown {
    switch (info) {
      case 20: return false;
      case 21: return true;
      case 22: return null;
      case 26: at += 4; return bytes.readFloatBE(at - 4);
      case 27: at += 8; return bytes.readDoubleBE(at - 8);
      default: return undefined;
    }
  }

  function value(): unknown {
    const first = bytes.readUInt8(at);
    at += 1;
    const [major, info] = [Math.floor(first / 32), first % 32];
    switch (major) {
      case 0: return length(info);
      case 1: return -1 - length(info);
      case 2: return chunk(info);
      case 3: return info === INDEFINITE ? items(info, () => value() as string).join('') : chunk(info).toString('utf8');
      case 4: return items(info, value);
      case 5: return Object.fromEntries(items(info, () => [value() as string, value()]));
      case 6: length(info); return value(); // a tag, such as 1 for timestamps: its content suffices
      default: return simple(info);
    }
  }

  return value();
}

/** A flat map of short strings: all an error document needs. */
export function encodeCborStrings(map: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(map);
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([key, text]) => [...encodeText(key), ...encodeText(text)])]);
}

function encodeText(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  return [head(3, bytes.length), bytes];
}

function head(major: number, size: number): Buffer {
  if (size < 24) return Buffer.from([major * 32 + size]);
  if (size < 0x100) return Buffer.from([major * 32 + 24, size]);
  const wide = Buffer.from([major * 32 + 25, 0, 0]);
  wide.writeUInt16BE(size, 1);
  return wide;
}

const INDEFINITE = 31;
const BREAK = 0xFF;
