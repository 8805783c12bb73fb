/**
 * The part of CBOR (RFC 8949) that the rpc-v2-cbor protocol uses: integers, floats, strings, bytes, lists, maps, true,
 * false, null, and tag 1 for a timestamp, which is a Date here.
 * https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
 */

const maxDepth = 64;

/** @throws Error that says what is wrong with the bytes */
export function decodeCbor(bytes: Buffer): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new Error(`CBOR ends at byte ${reader.at} of ${bytes.length}`);
  return value;
}

/** Members that are undefined are left out. */
export function encodeCbor(value: unknown): Buffer {
  const parts: Buffer[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

const stop = Symbol('break');

class Reader {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  value(depth: number): unknown {
    const value = this.item(depth);
    if (value === stop) throw new Error(`CBOR has a break at byte ${this.at - 1} that ends nothing`);
    return value;
  }

  private item(depth: number): unknown {
    if (depth > maxDepth) throw new Error(`CBOR is nested deeper than ${maxDepth}`);
    const first = this.take(1)[0]!;
    const major = first >> 5;
    const detail = first & 31;
    switch (major) {
      case 0:
        return this.size(detail);
      case 1:
        return -1 - this.size(detail);
      case 2:
        return this.pieces(detail, depth);
      case 3:
        return this.pieces(detail, depth).toString('utf8');
      case 4:
        return this.items(detail, depth);
      case 5:
        return this.members(detail, depth);
      case 6:
        return this.tagged(this.size(detail), depth);
      default:
        return this.simple(detail);
    }
  }

  private tagged(tag: number, depth: number): unknown {
    const value = this.value(depth + 1);
    if (tag !== 1) return value;
    if (typeof value !== 'number') throw new Error('CBOR tag 1 must have a number');
    return new Date(value * 1000);
  }

  private simple(detail: number): unknown {
    switch (detail) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return null;
      case 25:
        return half(this.take(2).readUInt16BE());
      case 26:
        return this.take(4).readFloatBE();
      case 27:
        return this.take(8).readDoubleBE();
      case 31:
        return stop;
      default:
        throw new Error(`CBOR has the simple value ${detail}, which means nothing here`);
    }
  }

  private pieces(detail: number, depth: number): Buffer {
    if (detail !== 31) return this.take(this.size(detail));
    const pieces: Buffer[] = [];
    for (let piece = this.item(depth + 1); piece !== stop; piece = this.item(depth + 1))
      pieces.push(Buffer.from(piece as Buffer | string));
    return Buffer.concat(pieces);
  }

  private items(detail: number, depth: number): unknown[] {
    const items: unknown[] = [];
    const count = detail === 31 ? Number.POSITIVE_INFINITY : this.size(detail);
    while (items.length < count) {
      const item = this.item(depth + 1);
      if (item === stop && detail === 31) break;
      if (item === stop) throw new Error('CBOR has a break in a list of known length');
      items.push(item);
    }
    return items;
  }

  private members(detail: number, depth: number): Record<string, unknown> {
    const members: [string, unknown][] = [];
    const count = detail === 31 ? Number.POSITIVE_INFINITY : this.size(detail);
    while (members.length < count) {
      const name = this.item(depth + 1);
      if (name === stop && detail === 31) break;
      if (typeof name !== 'string') throw new Error('CBOR has a map whose keys are no texts');
      members.push([name, this.value(depth + 1)]);
    }
    return Object.fromEntries(members);
  }

  private size(detail: number): number {
    if (detail < 24) return detail;
    if (detail === 24) return this.take(1).readUInt8();
    if (detail === 25) return this.take(2).readUInt16BE();
    if (detail === 26) return this.take(4).readUInt32BE();
    if (detail === 27) return Number(this.take(8).readBigUInt64BE());
    throw new Error(`CBOR has a length of kind ${detail}`);
  }

  private take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new Error(`CBOR is cut off at byte ${this.bytes.length}`);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}

function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function write(value: unknown, parts: Buffer[]): void {
  if (value === null || value === undefined) parts.push(Buffer.from([0xf6]));
  else if (typeof value === 'boolean') parts.push(Buffer.from([value ? 0xf5 : 0xf4]));
  else if (typeof value === 'number') parts.push(numberBytes(value));
  else if (value instanceof Date) parts.push(head(6, 1), numberBytes(value.getTime() / 1000));
  else if (Buffer.isBuffer(value)) parts.push(head(2, value.length), value);
  else if (Array.isArray(value)) {
    parts.push(head(4, value.length));
    for (const item of value) write(item, parts);
  } else if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    parts.push(head(5, members.length));
    for (const [name, member] of members) {
      write(name, parts);
      write(member, parts);
    }
  } else {
    const bytes = Buffer.from(String(value));
    parts.push(head(3, bytes.length), bytes);
  }
}

function numberBytes(value: number): Buffer {
  if (Number.isSafeInteger(value)) return value < 0 ? head(1, -1 - value) : head(0, value);
  const bytes = Buffer.alloc(9, 0xfb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function head(major: number, size: number): Buffer {
  if (size < 24) return Buffer.from([(major << 5) | size]);
  const [detail, width] = size < 0x100 ? [24, 1] : size < 0x10000 ? [25, 2] : size < 0x100000000 ? [26, 4] : [27, 8];
  const bytes = Buffer.alloc(1 + width!);
  bytes[0] = (major << 5) | detail!;
  if (width === 8) bytes.writeBigUInt64BE(BigInt(size), 1);
  else bytes.writeUIntBE(size, 1, width!);
  return bytes;
}
