import { quoteLiteral } from '../../lambda/shared/quote';
import type { RecordForm } from '../../pipelines/definition';
import { indent } from '../text/indent';
import { firstBytes, hasForm } from './forms';
import { archivedJsonAsText, noTextReason, textPayload } from './text';

/**
 * JSON_PARSE raises where CAN_JSON_PARSE is false
 * (https://docs.aws.amazon.com/redshift/latest/dg/CAN_JSON_PARSE.html).
 */
export const parsedExpression = (bytes: string) => `case when can_json_parse(${bytes}) then json_parse(${bytes}) end`;

/** Largest varchar, in bytes. `base64Of` writes longer base64 as a list of texts. */
const maxBase64Bytes = 65_535;
/** Most texts of a list to decode: as many as a record of 1 MiB needs. A reject keeps a longer list as its payload. */
const maxTexts = 22;
const base64Pattern = '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';

/** SQL for the bytes of one base64 text in SUPER. Null for anything else. */
export function decodedText(of: string): string {
  const text = `${of}::varchar(${maxBase64Bytes})`;
  return `case when is_varchar(${of}) and json_size(${of}) <= ${maxBase64Bytes + 2} and ${text} ~ '${base64Pattern}' then to_varbyte(${text}, 'base64') end`;
}

/** SQL for the bytes of a list of base64 texts. Null if an element is no base64 text, or if the list is too long. */
function decodedList(of: string): string {
  const parts = Array.from({ length: maxTexts }, (_, index) =>
    index === 0
      ? decodedText(`${of}[0]`)
      : `case when get_array_length(${of}) > ${index} then ${decodedText(`${of}[${index}]`)} else to_varbyte('', 'utf8') end`,
  );
  return `case when get_array_length(${of}) <= ${maxTexts} then ${parts.join('\n    || ')} end`;
}

/** SQL for the rows of a relation, with the decoded `bytes` of its SUPER column `unparsed`, which has base64. */
const withBytes = (arrived: string) => `select
  *,
  case when is_array(unparsed) then ${decodedList('unparsed')} else ${decodedText('unparsed')} end as bytes
from ${arrived}`;

const hasBase64 = 'coalesce(is_varchar(unparsed) or is_array(unparsed), false)';

/**
 * The rows of the archive with `payload` and `unparsed` like those of the stream. An archived line has a payload,
 * which COPY parsed, or the record's bytes as base64 in `unparsed`, which are parsed here.
 * @param place further select items
 */
export function unparsedArchive(place: string, arrived: string): string {
  const parsed = `select *, ${parsedExpression('bytes')} as parsed\nfrom (\n${indent(withBytes(arrived))}\n) as decoded`;
  return `select
  ${place},
  case when not ${hasBase64} then payload when bytes is null then unparsed else parsed end as payload,
  case when not ${hasBase64} then null when bytes is null then to_varbyte('', 'utf8') when parsed is null then bytes end as unparsed
from (
${indent(parsed)}
) as records`;
}

/** The rows of the archive whose records are texts, like those of the stream. */
export function textArchive(place: string, arrived: string): string {
  return `select
  ${place},
  case when not ${hasBase64} then ${archivedJsonAsText} when bytes is null then unparsed else text_payload end as payload,
  case when not ${hasBase64} then null when bytes is null then to_varbyte('', 'utf8') when text_payload is null then bytes end as unparsed
from (
  select *, ${textPayload('bytes')} as text_payload
  from (
${indent(withBytes(arrived), 4)}
  ) as decoded
) as records`;
}

/** The same rows without parsing, for records whose format is not JSON. */
export const decodedArchive = (place: string, arrived: string): string => `select
  ${place}, case when bytes is null then unparsed end as payload, bytes as unparsed
from (
${indent(withBytes(arrived))}
) as records`;

const aggregateReason =
  'payload: an aggregate of the Kinesis Producer Library, which Redshift does not take apart; a backfill of the archive brings its records';

const notParsed =
  'payload: not JSON that SUPER takes: malformed, an attribute twice in an object, more than 1,000 levels, half a surrogate pair, or a number out of range';

/** What the merge knows about the forms of records. */
export interface Encoding {
  /** The forms that the load function decodes. */
  readonly decode: readonly RecordForm[];
  /** True if the load function has decoded the rows. False if it has not seen them, as those of the stream. */
  readonly isDecoded: boolean;
  /** True if records are texts. */
  readonly isText: boolean;
}

const notEncoded: Encoding = { decode: [], isDecoded: false, isText: false };

const undecodable = 'base64 in the archive cannot be decoded: it is malformed, or the record is longer than 1 MiB';

const waits = (what: string) => `payload: ${what}; it waits for the load function to decode it`;

const limits =
  'holds something other than JSON, decompresses to more than 16 MB, or holds more than 10,000 objects or one of more than 4 MB';

/** The reasons of a record of each form: before it is decoded, and if it cannot be. */
const formReasons: Readonly<Record<Exclude<RecordForm, 'objects'>, readonly [before: string, after: string]>> = {
  gzip: [waits('gzip'), `payload: gzip that cannot be decoded: it is cut off or damaged, ${limits}`],
  zlib: [waits('zlib'), `payload: zlib that cannot be decoded: it is cut off or damaged, ${limits}`],
  aggregate: [
    waits('an aggregate of the Kinesis Producer Library'),
    'payload: an aggregate of the Kinesis Producer Library that cannot be taken apart: its checksum or its structure is wrong, or it is empty',
  ],
};

/**
 * The reason of a record without payload. It is found from the bytes alone, since a text would have to be UTF-8 and
 * short. CAN_JSON_PARSE does not say which of its conditions a record misses, so the reason names them all.
 */
export function unparsedReason({ decode, isDecoded, isText }: Encoding = notEncoded): string {
  if (isText)
    return `case
  when payload is not null then ${quoteLiteral(`payload: its ${undecodable}`)}
  when ${hasForm('aggregate')} then ${quoteLiteral(aggregateReason)}
  else ${noTextReason('unparsed')}
end`;
  const ofForms = Object.entries(formReasons)
    .filter(([form]) => decode.includes(form as RecordForm))
    .map(
      ([form, reasons]) => `\n  when ${hasForm(form as RecordForm)} then ${quoteLiteral(reasons[isDecoded ? 1 : 0])}`,
    );
  const textReason = decode.includes('objects') && !isDecoded ? waits('text that JSON_PARSE does not take') : notParsed;
  return `case
  when payload is not null then ${quoteLiteral(`payload: not plain JSON, and its ${undecodable}`)}${ofForms.join('')}
  when ${hasForm('aggregate')} then ${quoteLiteral(aggregateReason)}
  when can_json_parse(unparsed) then 'payload: expected an object, got null'
  when ${firstBytes(3)} = 'efbbbf' then 'payload: begins with a byte order mark'
  when ${hasForm('objects')} then ${quoteLiteral(textReason)}
  else 'payload: not JSON'
end`;
}
