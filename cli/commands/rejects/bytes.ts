/** Guesses what the bytes of a non-JSON record are, so that a person need not decode them. */

/** The number of a record's first bytes that are read. */
export const headBytes = 4000;

export interface Head {
  readonly hex: string;
  /** The bytes as UTF-8, with `.` for characters that cannot be shown. */
  readonly text: string;
  /** Length of the whole record. */
  readonly length: number;
  /** What the bytes look like, and what to do. */
  readonly hint?: string;
}

const shownBytes = 24;
const shownCharacters = 80;

/**
 * Describes the first bytes of a record.
 * @param hex the first bytes of the record
 * @param length the size of the whole record in bytes
 */
export function headOf(hex: string, length: number): Head {
  const bytes = Buffer.from(hex, 'hex');
  const hint = hintOf(bytes, length);
  return {
    hex: bytes.subarray(0, shownBytes).toString('hex') + (length > shownBytes ? '…' : ''),
    text: shownText(bytes, length),
    length,
    ...(hint === undefined ? {} : { hint }),
  };
}

function shownText(bytes: Buffer, length: number): string {
  const text = bytes.toString('utf8').replace(/[\p{Cc}\p{Cf}\ufffd]/gu, '.');
  return text.length > shownCharacters || length > bytes.length ? `${text.slice(0, shownCharacters)}…` : text;
}

/** First bytes of known formats. */
const magics: readonly (readonly [string, string])[] = [
  ['1f8b', "gzip: declare decode: ['gzip'] in `records` of the stream, or turn compression off"],
  ['7801', "zlib: declare decode: ['zlib'] in `records` of the stream, or turn compression off"],
  ['789c', "zlib: declare decode: ['zlib'] in `records` of the stream, or turn compression off"],
  ['78da', "zlib: declare decode: ['zlib'] in `records` of the stream, or turn compression off"],
  ['28b52ffd', 'zstd: the producer compresses; turn compression off'],
  ['ff060000734e61507059', 'snappy: the producer compresses; turn compression off'],
  [
    'f3899ac2',
    "a Kinesis Producer Library aggregate: declare decode: ['aggregate'] in `records` of the stream, turn aggregation off, or load its user records with npx millrace backfill --from archive --apply",
  ],
  ['efbbbf', 'a byte order mark (UTF-8): write without it'],
  ['fffe', 'a byte order mark (UTF-16): write UTF-8'],
  ['feff', 'a byte order mark (UTF-16): write UTF-8'],
  ['4f626a01', 'an Avro file: write JSON'],
  ['50415231', 'a Parquet file: load it as history with format parquet'],
  ['00000000', 'Avro or Protobuf of a schema registry (a zero byte and the id of a schema): write JSON'],
];

function hintOf(bytes: Buffer, length: number): string | undefined {
  if (length === 0) return 'an empty record';
  const hex = bytes.toString('hex');
  const magic = magics.find(([beginning]) => hex.startsWith(beginning));
  if (magic) return magic[1];
  if (bytes[0] === 0 && length > 5)
    return 'Avro or Protobuf of a schema registry (a zero byte and the id of a schema): write JSON';
  const text = bytes.toString('utf8').trim();
  const isWhole = length <= bytes.length;
  return base64Hint(text, isWhole) ?? jsonHint(text, isWhole);
}

/** The shortest text that counts as base64. Shorter ones are more often words. */
const leastBase64 = 16;

function base64Hint(text: string, isWhole: boolean): string | undefined {
  const plain = isWhole ? text : text.slice(0, text.length - (text.length % 4));
  if (plain.length < leastBase64 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(plain)) return undefined;
  const inside = Buffer.from(plain, 'base64');
  if (/^\s*[[{]/.test(inside.toString('utf8'))) return 'base64 of JSON: send the JSON itself';
  const inner = magics.find(([beginning]) => inside.toString('hex').startsWith(beginning));
  return inner && `base64 of ${inner[1].split(':')[0]}: send JSON`;
}

function jsonHint(text: string, isWhole: boolean): string | undefined {
  if (text.startsWith('<')) return 'XML or HTML: write JSON';
  if (/^\{\s*'/.test(text)) return "single quotes, as Python's str() writes them: use json.dumps";
  if (!/^[[{]/.test(text)) return undefined;
  const end = endOfValue(text);
  if (end === undefined) return isWhole ? 'JSON that ends too early: the record was cut' : undefined;
  const rest = text.slice(end).trim();
  if (/^[[{]/.test(rest))
    return "several JSON objects in one record: declare decode: ['objects'] in `records` of the stream, or send one record for each";
  if (/^,\s*[[{]/.test(rest)) return 'several JSON objects in one record, with commas: send one record for each';
  if (rest !== '') return 'JSON, and something after it: send nothing else in the record';
  if (/[:[,]\s*-?(NaN|Infinity|None|True|False|undefined)\b/.test(text))
    return 'NaN, Infinity or names of Python in place of values: JSON has null, true and false';
  if (/,\s*[\]}]/.test(text)) return 'a comma before a closing bracket, which JSON does not allow';
  return undefined;
}

/** Returns the end of the first object or array, undefined if it does not end. */
function endOfValue(text: string): number | undefined {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    if (inString) {
      if (sign === '\\') at += 1;
      else if (sign === '"') inString = false;
    } else if (sign === '"') inString = true;
    else if (sign === '{' || sign === '[') depth += 1;
    else if ((sign === '}' || sign === ']') && --depth === 0) return at + 1;
  }
  return undefined;
}
