import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Pipeline } from '../../pipelines/definition';
import { isRaised, maxPayloadBytes } from '../merge/raised';
import { publicTables } from '../tables/names';

/**
 * Rejects of records that made a statement fail. A statement that looks into such a payload fails again, so the command
 * reads them, looks for subjects itself, and names those that it found by a key. Only functions that the search for such
 * records applies to all records are applied to them: see history/raising-lines.ts.
 */

/**
 * SQL for the key of a row of `rejects`: a position, or the SHA-256 of the payload. Rejects with one key have one content.
 * Null for all other rejects, and for a payload without a position that is too long.
 */
export const raisedKey = `case
  when not (${isRaised}) then null
  when shard_id is not null and sequence_number is not null then shard_id || ' ' || sequence_number
  when json_size(payload) <= ${maxPayloadBytes} then sha2(json_serialize(payload), 256)
end`;

/** SQL for the keys that the placeholder `raised` lists (JSON text: a list of texts). */
export const raisedKeys = `select r::varchar(256) as row_key
  from (select json_parse({{raised}}) as list) as batch, batch.list as r`;

/** SQL for an expression that is computed for no reject of a record that made a statement fail. */
export const unlessRaised = (expression: string) => `case when not (${isRaised}) then ${expression} end`;

/**
 * Rows `row_key, source, shard_id, sequence_number, object_key, line, run_id, payload, payload_bytes, unparsed_bytes`: the
 * rejects of records that made a statement fail. `payload` is null if it is too long.
 */
export const raisedRejectsQuery = (pipeline: Pick<Pipeline, 'name'>): StatementTemplate => {
  const size = `case when ${isRaised} then json_size(payload) end`;
  return `select
  ${raisedKey} as row_key, source, shard_id, sequence_number, object_key, line, run_id,
  case when ${size} <= ${maxPayloadBytes} then json_serialize(payload) end as payload,
  ${size} as payload_bytes, octet_length(unparsed) as unparsed_bytes
from ${publicTables(pipeline).rejects}
where ${isRaised}
order by source, shard_id, sequence_number, object_key, line`;
};

/** Number of bytes that a row of `raisedBytesQuery` has: their hexadecimal digits have to fit into a row of the Data API. */
export const pieceBytes = 30_000;
/** Longest record whose bytes are read. No page says how SUBSTRING counts positions above 65,535. */
export const maxRaisedBytes = 3 * pieceBytes;

/**
 * Rows `row_key, piece`: bytes of these rejects in hexadecimal.
 * @param from the first byte, from 1
 */
export const raisedBytesQuery = (pipeline: Pick<Pipeline, 'name'>, from: number): StatementTemplate =>
  `select ${raisedKey} as row_key, from_varbyte(substring(unparsed, ${from}, ${pieceBytes}), 'hex') as piece
from ${publicTables(pipeline).rejects}
where ${isRaised} and octet_length(unparsed) between ${from} and ${maxRaisedBytes}`;
