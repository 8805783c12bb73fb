import { maxTextBytes, textProblems } from '../../lambda/load/contract';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { RecordShape } from '../../pipelines/definition';

/**
 * Records that are texts. The payload of a text is `{"text": "…"}`. A line feed at its end, and then a carriage return,
 * belong to the line and not to the text, as in files: see lambda/load/records.ts.
 */

/** Whether each record is a text. */
export const isText = (records: RecordShape | undefined) => records?.format === 'text';

/** SQL for some of the bytes in hexadecimal. Positions count from 1. */
const hex = (bytes: string, from: number, count: number) =>
  `from_varbyte(substring(${bytes}, ${from}, ${count}), 'hex')`;

/** Bytes that are tested at once: their hexadecimal digits have to fit into a varchar. */
const pieceBytes = 30_000;

const following = '[89ab][0-9a-f]';
/** A character of UTF-8 in hexadecimal, except NUL (Unicode standard, table 3-7). */
const character = [
  '0[1-9a-f]',
  '[1-7][0-9a-f]',
  `(c[2-9a-f]|d[0-9a-f])${following}`,
  `(e0[ab][0-9a-f]|e[1-9a-cef]${following}|ed[89][0-9a-f])${following}`,
  `(f0[9ab][0-9a-f]|f[1-3]${following}|f48[0-9a-f])${following}${following}`,
].join('|');
/** The bytes of a character whose end is in the next piece. */
const beginning = `[c-f][0-9a-f]|[ef][0-9a-f]${following}|f[0-9a-f]${following}${following}`;
/** The bytes of a character that began in the piece before. */
const ending = `(${following})?(${following})?(${following})?`;

/**
 * SQL condition: the bytes are UTF-8 without NUL. No page says what FROM_VARBYTE does with other bytes. A text is tested
 * in pieces, and again around the places where two pieces meet.
 */
function isUtf8(bytes: string): string {
  // Blanks after the end: a character that is cut off there has no valid next byte.
  const padded = `(${bytes} || to_varbyte('   ', 'utf8'))`;
  const starts = Array.from({ length: Math.ceil(maxTextBytes / pieceBytes) }, (_, index) => index * pieceBytes);
  const conditions = starts.map((start, index) => {
    const isLast = index === starts.length - 1;
    const piece = `${hex(padded, start + 1, pieceBytes)} ~ '^${index === 0 ? '' : ending}(${character})*${isLast ? '' : `(${beginning})?`}$'`;
    if (index === 0) return piece;
    const seam = `${hex(padded, start - 2, 6)} ~ '^${ending}(${character})*(${beginning})?$'`;
    return `(octet_length(${bytes}) < ${start} or (${piece} and ${seam}))`;
  });
  return conditions.join('\n  and ');
}

const ofLine = ["'0a'", "'0d'", "'0d0a'"].join(', ');
/** SQL for the bytes after the longest text, in hexadecimal. Positions above 65,535 are avoided. */
const after = (bytes: string) => hex(`substring(${bytes}, ${maxTextBytes}, 4)`, 2, 3);

/** SQL condition: without the line end, the bytes fit a varchar. */
const fits = (bytes: string) => `(octet_length(${bytes}) <= ${maxTextBytes} or ${after(bytes)} in (${ofLine}))`;

/** SQL for the payload of a text. Null if the bytes are no text. */
export function textPayload(bytes: string): string {
  const text = `from_varbyte(substring(${bytes}, 1, ${maxTextBytes}), 'utf8')::varchar(${maxTextBytes})`;
  const endsIn = (of: string, code: number) => `right(${of}, 1) = chr(${code})`;
  const cut = (of: string) => `substring(${of}, 1, len(${of}) - 1)`;
  const line = cut(text);
  const value = `case
    when octet_length(${bytes}) > ${maxTextBytes} and ${after(bytes)} <> '0a' then ${text}
    when octet_length(${bytes}) <= ${maxTextBytes} and ${endsIn(text, 10)} then case when ${endsIn(line, 13)} then ${cut(line)} else ${line} end
    when ${endsIn(text, 13)} then ${line}
    else ${text}
  end`;
  return `case when ${fits(bytes)} and ${isUtf8(bytes)} then object('text', ${value}) end`;
}

/** SQL for the reason of bytes that are no text. */
export const noTextReason = (bytes: string): string =>
  `case when ${fits(bytes)} then ${quoteLiteral(`payload: ${textProblems.noUtf8}`)} else ${quoteLiteral(`payload: ${textProblems.tooLong}`)} end`;

/**
 * SQL for the payload of an archived line that has JSON, because it was written before its stream was declared as text.
 * The text is as Redshift spells the JSON. JSON that is too long becomes a list, which is a reject.
 */
export const archivedJsonAsText = `case
    when json_size(payload) <= ${maxTextBytes} then object('text', json_serialize(payload))
    when payload is not null then array(payload)
  end`;
