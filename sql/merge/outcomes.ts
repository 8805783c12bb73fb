import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { resolvePipeline } from '../resolve';
import { arrivalTables, arrivedQuery, parsedStatements } from './arrived';
import { incomingStatements, incomingTables, recordKind } from './incoming';
import { decodedArchive } from './parsing';
import { unwrapOf } from './unwrap';

/** A line of the object that `outcomeStatements` reads. */
export interface RecordBytes {
  /** Names the record in the answer. */
  readonly key: string;
  /** The record's bytes, as `base64Of` writes them. */
  readonly unparsed: string | readonly string[];
}

/**
 * Statements that say what the merge would do with records of the stream, without tables of the pipeline: one
 * transaction that keeps nothing. It copies the object `url` with lines of `RecordBytes`. Its only query has a row
 * `key, reason, skipped` for each event that would become a reject or that `where` excludes. The key of an event in a
 * record that holds several has the event's index after a point. Duplicates are not known.
 */
export function outcomeStatements(definition: Pipeline, url: string): string[] {
  const pipeline = resolvePipeline(definition);
  const { arrived, incoming, filtered } = pipeline.temporary;
  const { records } = definition.stream;
  const unwrap = unwrapOf(records);
  const given = `${pipeline.name}_given`;
  const excluded = `\nunion all\nselect sequence_number, null, name\nfrom ${filtered}`;
  return [
    `create temp table ${given} (key varchar(128), payload super, unparsed super)`,
    `copy ${given} (key, unparsed) from ${quoteLiteral(url)} iam_role default format json 'auto'`,
    `create temp table ${arrived} as
select
  'stream'::varchar(16) as source, 'none'::varchar(20) as shard_id, key as sequence_number, 'none'::varchar(256) as partition_key,
  getdate() as arrived_at, null::timestamp as refresh_time, unparsed as kinesis_data
from (
${decodedArchive('key', given)}
) as decoded`,
    ...parsedStatements(pipeline, 'stream', records),
    ...incomingStatements(
      pipeline,
      arrivedQuery(pipeline, 'stream', unwrap),
      [],
      undefined,
      recordKind('stream', records),
    ),
    `select sequence_number, reason, null::varchar(512) as skipped
from ${incoming}
where reason is not null${pipeline.where === undefined ? '' : excluded}`,
    `drop table ${[given, ...arrivalTables(pipeline, 'stream', unwrap).filter((table) => !unmade(pipeline.temporary, table)), ...incomingTables(pipeline)].join(', ')}`,
  ];
}

/** Tables that only a merge makes, which looks positions up. */
const unmade = ({ read, merged }: { readonly read: string; readonly merged: string }, table: string) =>
  table === read || table === merged;
