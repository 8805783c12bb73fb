import { isUtf8 } from 'node:buffer';
import type { PromptStatus } from '../engine/prompt';
import type { Problem } from './errors';

/** Messages of the PostgreSQL protocol 3.0 (https://www.postgresql.org/docs/current/protocol-message-formats.html). */

/** Reads the fields of a message. @throws RangeError if the message is too short */
export class MessageReader {
  private at = 0;

  constructor(private readonly body: Buffer) {}

  get rest(): number {
    return this.body.length - this.at;
  }
  byte(): number {
    this.at += 1;
    return this.body.readUInt8(this.at - 1);
  }
  int16(): number {
    this.at += 2;
    return this.body.readInt16BE(this.at - 2);
  }
  /** A count, which may be larger than an int16 is. */
  uint16(): number {
    this.at += 2;
    return this.body.readUInt16BE(this.at - 2);
  }
  int32(): number {
    this.at += 4;
    return this.body.readInt32BE(this.at - 4);
  }
  bytes(length: number): Buffer {
    if (length < 0 || length > this.rest) throw new RangeError('a field is longer than its message');
    this.at += length;
    return this.body.subarray(this.at - length, this.at);
  }
  /** A text that ends with a zero byte. */
  text(): string {
    const end = this.body.indexOf(0, this.at);
    if (end < 0) throw new RangeError('a text has no end');
    const bytes = this.body.subarray(this.at, end);
    this.at = end + 1;
    if (!isUtf8(bytes)) throw new RangeError('a text is not valid UTF-8');
    return bytes.toString('utf8');
  }
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const zeroEnded = (text: string): Buffer => Buffer.from(`${text.replaceAll('\0', '')}\0`, 'utf8');

/** A message: its type, its length, its fields. */
export function message(type: string, ...fields: readonly Buffer[]): Buffer {
  const length = fields.reduce((sum, field) => sum + field.length, 4);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(length), ...fields]);
}

export const authentication = (code: number, ...fields: readonly Buffer[]): Buffer =>
  message('R', int32(code), ...fields);
export const parameterStatus = (name: string, value: string): Buffer => message('S', zeroEnded(name), zeroEnded(value));
export const backendKey = (pid: number, secret: number): Buffer => message('K', int32(pid), int32(secret));
export const readyForQuery = (status: PromptStatus): Buffer =>
  message('Z', Buffer.from({ idle: 'I', block: 'T', failed: 'E' }[status]));
export const commandComplete = (tag: string): Buffer => message('C', zeroEnded(tag));
export const emptyQuery = message('I');
export const parseComplete = message('1');
export const bindComplete = message('2');
export const closeComplete = message('3');
export const noData = message('n');
export const portalSuspended = message('s');
/** The newest minor version that the server speaks, and the options of the client that it does not know. */
export const negotiateVersion = (options: readonly string[]): Buffer =>
  message('v', int32(0), int32(options.length), ...options.map(zeroEnded));
export const parameterDescription = (oids: readonly number[]): Buffer =>
  message('t', int16(oids.length), ...oids.map(int32));

export function problemResponse({ severity, code, message: text, position }: Problem): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`];
  if (position !== undefined) fields.push(`P${position}`);
  return message(severity === 'WARNING' ? 'N' : 'E', ...fields.map(zeroEnded), Buffer.from([0]));
}

export interface DescribedColumn {
  readonly name: string;
  readonly oid: number;
  readonly size: number;
  readonly modifier: number;
  readonly format: number;
}

export const rowDescription = (columns: readonly DescribedColumn[]): Buffer =>
  message(
    'T',
    int16(columns.length),
    ...columns.flatMap(({ name, oid, size, modifier, format }) => [
      zeroEnded(name),
      int32(0),
      int16(0),
      int32(oid),
      int16(size),
      int32(modifier),
      int16(format),
    ]),
  );

export const dataRow = (values: readonly (Buffer | undefined)[]): Buffer =>
  message(
    'D',
    int16(values.length),
    ...values.flatMap((value) => (value === undefined ? [int32(-1)] : [int32(value.length), value])),
  );
