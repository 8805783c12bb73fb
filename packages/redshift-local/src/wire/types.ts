import type { Field } from '../engine/result';
import { typeIds } from '../engine/type-ids';
import type { RedshiftType, ResultColumn } from '../statement';
import { WireError } from './errors';
import type { DescribedColumn } from './messages';
import { decimalBytes, decimalText } from './numeric';

/** Type numbers of texts: char, name, text, bpchar, varchar, and unknown, whose use decides about the type. */
const textIds = new Set([0, 18, 19, 25, 705, 1042, 1043]);
const oids = new Map<string, number>(typeIds.map(([oid, , name]) => [name, oid]));
const names = new Map<number, string>(typeIds.map(([oid, , name]) => [oid, name]));
const sizes: Readonly<Record<string, number>> = {
  boolean: 1,
  smallint: 2,
  integer: 4,
  real: 4,
  date: 4,
  bigint: 8,
  'double precision': 8,
  time: 8,
  timestamp: 8,
  timestamptz: 8,
};

export const oidOf = (type: RedshiftType): number => oids.get(type.name)!;

/** The type modifier that PostgreSQL gives for lengths and precisions. */
export function modifierOf(type: RedshiftType): number {
  if (type.name === 'varchar' || type.name === 'char') return type.length + 4;
  if (type.name === 'decimal') return ((type.precision << 16) | type.scale) + 4;
  return -1;
}

export const describedColumn = ({ name, type }: ResultColumn, format: number): DescribedColumn => ({
  name,
  oid: oidOf(type),
  size: sizes[type.name] ?? -1,
  modifier: modifierOf(type),
  format,
});

/** Type of a parameter; undefined if its use decides. @param text a decimal's value, which decides about its digits */
export function parameterType(oid: number, text: string | null, what: string): RedshiftType | undefined {
  if (textIds.has(oid)) return undefined;
  const name = names.get(oid);
  if (name === undefined || name === 'super' || name === 'varbyte')
    throw new WireError(
      '0A000',
      `${what} of the type ${name ?? `number ${oid}`} is not modelled by the local warehouse`,
    );
  if (name !== 'decimal') return { name } as RedshiftType;
  const [, whole = '', fraction = ''] = /^\s*[+-]?0*(\d*)(?:\.(\d*))?\s*$/.exec(text ?? '0') ?? [];
  const scale = Math.min(37, fraction.length);
  return { name, precision: Math.min(38, Math.max(1, whole.length + scale)), scale };
}

const dayMs = 86_400_000;
/** 2000-01-01, from which PostgreSQL counts. */
const epochMs = Date.UTC(2000, 0, 1);

/** Microseconds from 2000-01-01 to a timestamp as text, in UTC. */
function microseconds(text: string): bigint {
  const [, date = '', time = '00:00:00', fraction = ''] =
    /^(\d+-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?)?(?:\+00(?::00)?)?$/.exec(text) ?? [];
  const ms = Date.parse(`${date.padStart(10, '0')}T${time}Z`) - epochMs;
  return BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

function timestampText(micros: bigint, zone = ''): string {
  const seconds = micros >= 0n ? micros / 1_000_000n : -((999_999n - micros) / 1_000_000n);
  const rest = micros - seconds * 1_000_000n;
  const moment = new Date(epochMs + Number(seconds) * 1000);
  if (Number.isNaN(moment.getTime())) throw new WireError('22008', 'a timestamp parameter is out of range');
  return `${moment.toISOString().slice(0, 19).replace('T', ' ')}.${String(rest).padStart(6, '0')}${zone}`;
}

/** A number of four bytes as text, with the fewest digits that give the same number. */
function realText(value: number): string {
  for (let digits = 6; digits <= 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return String(short);
  }
  return String(value);
}

/** A value in text format. Undefined for NULL. */
export function textOf(field: Field, type: RedshiftType): string | undefined {
  if ('isNull' in field) return undefined;
  if ('booleanValue' in field) return field.booleanValue ? 't' : 'f';
  if ('longValue' in field) return String(field.longValue);
  if ('doubleValue' in field)
    return typeof field.doubleValue === 'number' && type.name === 'real'
      ? realText(field.doubleValue)
      : String(field.doubleValue);
  // Redshift shows VARBYTE in hexadecimal digits (https://docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_type.html).
  if ('blobValue' in field) return Buffer.from(field.blobValue, 'base64').toString('hex');
  return field.stringValue;
}

const written = (size: number, write: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return bytes;
};

/** A value in binary format. Undefined for NULL. */
function binaryOf(field: Field, type: RedshiftType): Buffer | undefined {
  const text = textOf(field, type);
  if (text === undefined) return undefined;
  switch (type.name) {
    case 'boolean':
      return Buffer.from([text === 't' ? 1 : 0]);
    case 'smallint':
      return written(2, (bytes) => bytes.writeInt16BE(Number(text)));
    case 'integer':
      return written(4, (bytes) => bytes.writeInt32BE(Number(text)));
    case 'bigint':
      return written(8, (bytes) => bytes.writeBigInt64BE(BigInt(text)));
    case 'real':
      return written(4, (bytes) => bytes.writeFloatBE(Number(text)));
    case 'double precision':
      return written(8, (bytes) => bytes.writeDoubleBE(Number(text)));
    case 'date':
      return written(4, (bytes) => bytes.writeInt32BE(Number(microseconds(text) / 1000n) / dayMs));
    case 'timestamp':
    case 'timestamptz':
      return written(8, (bytes) => bytes.writeBigInt64BE(microseconds(text)));
    case 'time':
      return written(8, (bytes) => bytes.writeBigInt64BE(microseconds(`2000-01-01 ${text}`)));
    case 'decimal':
      return decimalBytes(text, type.scale);
    case 'varbyte':
      return Buffer.from(text, 'hex');
    default:
      return Buffer.from(text, 'utf8');
  }
}

export function encoded(field: Field, type: RedshiftType, format: number): Buffer | undefined {
  if (format === 1) return binaryOf(field, type);
  const text = textOf(field, type);
  return text === undefined ? undefined : Buffer.from(text, 'utf8');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readText(bytes: Buffer, what: string): string {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new WireError('22021', `${what} is not valid UTF-8`);
  }
  if (text.includes('\0')) throw new WireError('22021', `${what} holds a zero byte`);
  return text;
}

/** Reads a parameter's value as text. @param what the parameter, for messages */
export function decoded(bytes: Buffer, oid: number, format: number, what: string): string {
  if (format === 0 || textIds.has(oid)) return readText(bytes, what);
  const name = names.get(oid);
  const size = sizes[name ?? ''];
  if (size !== undefined && bytes.length !== size)
    throw new WireError('22P03', `${what} has ${bytes.length} bytes in binary format, a ${name} has ${size}`);
  switch (name) {
    case 'boolean':
      return bytes[0] === 0 ? 'false' : 'true';
    case 'smallint':
      return String(bytes.readInt16BE());
    case 'integer':
      return String(bytes.readInt32BE());
    case 'bigint':
      return String(bytes.readBigInt64BE());
    case 'real':
      return realText(bytes.readFloatBE());
    case 'double precision':
      return String(bytes.readDoubleBE());
    case 'date':
      return timestampText(BigInt(bytes.readInt32BE()) * 86_400_000_000n).slice(0, 10);
    case 'timestamp':
      return timestampText(bytes.readBigInt64BE());
    case 'timestamptz':
      return timestampText(bytes.readBigInt64BE(), '+00');
    case 'time':
      return timestampText(bytes.readBigInt64BE()).slice(11);
    case 'decimal':
      return decimalText(bytes, what);
    default:
      throw new WireError(
        '0A000',
        `${what} of the type number ${oid} in binary format is not modelled by the local warehouse`,
      );
  }
}
