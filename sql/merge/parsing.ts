import { quoteLiteral } from '../../lambda/shared/quote';
import { indent } from '../text/indent';

/**
 * JSON_PARSE raises where CAN_JSON_PARSE is false
 * (https://docs.aws.amazon.com/redshift/latest/dg/CAN_JSON_PARSE.html).
 */
export const parsedExpression = (bytes: string) => `case when can_json_parse(${bytes}) then json_parse(${bytes}) end`;

/** No function decodes longer base64. Longer base64 becomes the payload of its reject, undecoded. */
const maxBase64Bytes = 65_535;
const base64Pattern = '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';

/**
 * The rows of the archive with `payload` and `unparsed` like those of the stream. An archived line has a payload,
 * which COPY parsed, or the record's bytes as base64 in `unparsed`, which are parsed here.
 * @param place further select items
 */
export function unparsedArchive(place: string, arrived: string): string {
  const text = `unparsed::varchar(${maxBase64Bytes})`;
  const decoded = `select
  *,
  case when is_varchar(unparsed) and json_size(unparsed) <= ${maxBase64Bytes + 2} and ${text} ~ '${base64Pattern}' then to_varbyte(${text}, 'base64') end as bytes
from ${arrived}`;
  const parsed = `select *, ${parsedExpression('bytes')} as parsed\nfrom (\n${indent(decoded)}\n) as decoded`;
  return `select
  ${place},
  case when not is_varchar(unparsed) then payload when bytes is null then unparsed else parsed end as payload,
  case when not is_varchar(unparsed) then null when bytes is null then to_varbyte('', 'utf8') when parsed is null then bytes end as unparsed
from (
${indent(parsed)}
) as records`;
}

const notParsed =
  'payload: not JSON that SUPER takes: malformed, an attribute twice in an object, more than 1,000 levels, half a surrogate pair, or a number out of range';

/** The first bytes of a record that the Kinesis Producer Library aggregated, in hexadecimal. */
const aggregateMagic = 'f3899ac2';

/** SQL condition on rows with `unparsed`: the bytes are such a record. Never null. */
export const isAggregate = (of = '') =>
  `coalesce(from_varbyte(substring(${of}unparsed, 1, 4), 'hex'), '') = '${aggregateMagic}'`;

const aggregateReason =
  'payload: an aggregate of the Kinesis Producer Library, which Redshift does not take apart; a backfill of the archive brings its records';

/** First byte of a JSON array or object, or of white space before it, in hexadecimal. */
const opening = ['5b', '7b', '20', '09', '0a', '0d'];

/**
 * The reason of a record without payload. It is found from the bytes alone, since a text would have to be UTF-8 and
 * short. CAN_JSON_PARSE does not say which of its conditions a record misses, so the reason names them all.
 */
export function unparsedReason(): string {
  const first = (bytes: number) => `from_varbyte(substring(unparsed, 1, ${bytes}), 'hex')`;
  return `case
  when payload is not null then 'payload: not plain JSON, and its base64 in the archive cannot be decoded: it is malformed or longer than 65,535 bytes'
  when ${isAggregate()} then ${quoteLiteral(aggregateReason)}
  when can_json_parse(unparsed) then 'payload: expected an object, got null'
  when ${first(3)} = 'efbbbf' then 'payload: begins with a byte order mark'
  when ${first(1)} in (${opening.map((byte) => `'${byte}'`).join(', ')}) then ${quoteLiteral(notParsed)}
  else 'payload: not JSON'
end`;
}
