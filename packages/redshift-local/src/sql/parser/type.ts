import type { RedshiftType } from '../../statement';
import type { Cursor } from './cursor';

const simple: Readonly<Record<string, RedshiftType>> = {
  smallint: { name: 'smallint' },
  int2: { name: 'smallint' },
  integer: { name: 'integer' },
  int: { name: 'integer' },
  int4: { name: 'integer' },
  bigint: { name: 'bigint' },
  int8: { name: 'bigint' },
  real: { name: 'real' },
  float4: { name: 'real' },
  float8: { name: 'double precision' },
  float: { name: 'double precision' },
  boolean: { name: 'boolean' },
  bool: { name: 'boolean' },
  date: { name: 'date' },
  timestamptz: { name: 'timestamptz' },
  super: { name: 'super' },
};
const maxLength: Readonly<Record<string, number>> = { varchar: 65_535, char: 4096, varbyte: 16_777_216 };

function readLength(cursor: Cursor, name: 'varchar' | 'char' | 'varbyte', standard: number): number {
  if (!cursor.takeOperator('(')) return standard;
  const at = cursor.at;
  const length = cursor.takeWords('max') ? maxLength[name]! : cursor.expectInteger('a length');
  cursor.expectOperator(')');
  if (length < 1 || length > maxLength[name]!) {
    throw cursor.source.error(`length for type ${name} must be between 1 and ${maxLength[name]}, got ${length}`, at);
  }
  return length;
}

function readDecimal(cursor: Cursor): RedshiftType {
  if (!cursor.takeOperator('(')) return { name: 'decimal', precision: 18, scale: 0 };
  const at = cursor.at;
  const precision = cursor.expectInteger('a precision');
  const scale = cursor.takeOperator(',') ? cursor.expectInteger('a scale') : 0;
  cursor.expectOperator(')');
  if (precision < 1 || precision > 38)
    throw cursor.source.error(`precision of type numeric must be between 1 and 38, got ${precision}`, at);
  if (scale > Math.min(precision, 37))
    throw cursor.source.error(
      `scale of type numeric must be between 0 and ${Math.min(precision, 37)}, got ${scale}`,
      at,
    );
  return { name: 'decimal', precision, scale };
}

/** Reads a supported type name. Undefined if there is none; then nothing is consumed. */
export function tryParseType(cursor: Cursor): RedshiftType | undefined {
  const { kind, value } = cursor.token;
  if (kind !== 'word') return undefined;
  const plain = simple[value];
  if (plain) {
    cursor.next();
    if (cursor.isOperator('(')) throw cursor.unsupported(`a precision for type ${value}`);
    return plain;
  }
  if (cursor.takeWords('double', 'precision')) return { name: 'double precision' };
  // The default length of VARCHAR is 256 (https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html).
  if (cursor.takeWords('varchar') || cursor.takeWords('nvarchar') || cursor.takeWords('character', 'varying')) {
    return { name: 'varchar', length: readLength(cursor, 'varchar', 256) };
  }
  if (cursor.takeWords('char') || cursor.takeWords('nchar') || cursor.takeWords('character'))
    return { name: 'char', length: readLength(cursor, 'char', 1) };
  if (cursor.takeWords('bpchar')) return { name: 'char', length: 256 };
  if (cursor.takeWords('text')) return { name: 'varchar', length: 256 };
  if (cursor.takeWords('varbyte') || cursor.takeWords('varbinary') || cursor.takeWords('binary', 'varying')) {
    return { name: 'varbyte', length: readLength(cursor, 'varbyte', 64_000) };
  }
  if (cursor.takeWords('decimal') || cursor.takeWords('numeric')) return readDecimal(cursor);
  if (value === 'time') {
    const at = cursor.at;
    cursor.next();
    if (cursor.isOperator('(')) throw cursor.unsupported('a precision for type time', at);
    if (cursor.takeWords('with', 'time', 'zone')) throw cursor.unsupported('type time with time zone', at);
    cursor.takeWords('without', 'time', 'zone');
    return { name: 'time' };
  }
  if (cursor.takeWords('timestamp')) {
    if (cursor.isOperator('(')) throw cursor.unsupported('a precision for type timestamp');
    if (cursor.takeWords('with', 'time', 'zone')) return { name: 'timestamptz' };
    cursor.takeWords('without', 'time', 'zone');
    return { name: 'timestamp' };
  }
  return undefined;
}

export function parseType(cursor: Cursor): RedshiftType {
  const { kind, value, at } = cursor.token;
  const type = tryParseType(cursor);
  if (type) return type;
  if (kind !== 'word' && kind !== 'quoted') throw cursor.syntaxError('a type');
  throw cursor.unsupported(`type ${value}`, at);
}
