import type { Column } from '../../pipelines/definition';

/**
 * The texts by which a subject in a record may be known. The first is the text whose mark the merge computes: that of the
 * typed column, or of the payload if the column does not take the value. See sql/merge/forgotten.ts. The others are
 * further spellings of the same number, since how Redshift writes a number of a SUPER is not documented.
 * @param token the value as it is written in the record: a string with its quotation marks, a number, `true`, `false`,
 * `null`. Undefined if the record has no value, or an object or array
 */
export function subjectTexts(column: Column, token: string | undefined): string[] {
  if (token === undefined || token === 'null') return defaultTexts(column);
  const convertsText = 'convert' in column && column.convert === 'text';
  if (token === 'true' || token === 'false') return convertsText && column.type === 'varchar' ? [token] : [];
  if (!token.startsWith('"')) return column.type === 'varchar' ? spellings(token) : wholeNumberTexts(column, token);
  const string = stringOf(token);
  if (string === undefined) return [];
  const text = column.trim ? trimmed(string) : string;
  if (column.emptyAsNull && text === '' && column.default !== undefined) return defaultTexts(column);
  return [(convertsText && column.type !== 'varchar' && takenAsWhole(column, text)) || text];
}

const defaultTexts = (column: Column) => (column.default === undefined ? [] : [String(column.default)]);

const longestVarchar = 65_535;

/** Undefined for a string that no varchar holds, and for one that the warehouse does not take as JSON. */
function stringOf(token: string): string | undefined {
  const string = JSON.parse(token) as string;
  return Buffer.byteLength(string) > longestVarchar ? undefined : string;
}

/** As `btrim` in the merge: see `whiteSpace` in sql/typing/column.ts. */
const trimmed = (text: string) => text.replace(/^[ \t\n\v\f\r]+/, '').replace(/[ \t\n\v\f\r]+$/, '');

const bits = { integer: 32, bigint: 64 } as const;

/** The value of a column of whole numbers that takes the text. Undefined if the record becomes a reject. */
function takenAsWhole({ type }: Column, text: string): string | undefined {
  if (!/^-?[0-9]{1,19}(?:[.]0+)?$/.test(text)) return undefined;
  return inRange(type, BigInt(text.split('.')[0]!));
}

function inRange(type: Column['type'], value: bigint): string | undefined {
  const width = type === 'integer' ? bits.integer : bits.bigint;
  return BigInt.asIntN(width, value) === value ? String(value) : undefined;
}

function wholeNumberTexts(column: Column, token: string): string[] {
  const ofExponent = /^-?[0-9]{1,15}[eE][+]?[0-9]{1,2}$/.test(token) ? expanded(token) : undefined;
  const taken =
    takenAsWhole(column, token) ?? (ofExponent === undefined ? undefined : inRange(column.type, BigInt(ofExponent)));
  const inPayload = /^-?[0-9]+[.]0+$/.test(token) ? token.split('.')[0]! : superText(token);
  return unique([taken ?? inPayload, ...spellings(token)]);
}

function spellings(token: string): string[] {
  const whole = expanded(token);
  return unique([superText(token), token, ...(whole === undefined ? [] : [whole]), String(Number(token))]);
}

/** How the local warehouse writes a number of a SUPER: as it was, but a zero has no sign. */
const superText = (token: string) => (token === '-0' ? '0' : token);

/** Most digits of a number that is written out. A longer one is nobody's id. */
const mostDigits = 40;

/** A whole number with all its digits: `1.5e3` is `1500`. Undefined for any other number. */
function expanded(token: string): string | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)([0-9]+)(?:[.]([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(token) ?? [];
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (!/[1-9]/.test(digits)) return '0';
  if (point <= 0 || point > mostDigits || /[1-9]/.test(digits.slice(point))) return undefined;
  return String(BigInt(sign + digits.slice(0, point).padEnd(point, '0')));
}

const unique = (texts: readonly string[]) => [...new Set(texts)];
