import type { Column, Pipeline } from '../../../pipelines/definition';
import { publicTables } from '../../../sql/names';
import { type Context, queryRows } from '../context';
import { type Advice, adviseOn } from './advice';
import { type Head, headBytes, headOf } from './bytes';
import { conditionOf, type RejectFilter } from './filter';

/** A problem and the records that have it. A record with several problems counts for each of them. */
export interface Problem {
  readonly pipeline: string;
  /** The reason in the table, such as `tax: expected a number, got a string`. */
  readonly reason: string;
  /** The column of the problem, and its path in the payload. */
  readonly column?: string;
  readonly path?: readonly string[];
  readonly records: number;
  readonly newest: string;
  readonly samples: readonly Sample[];
  /** Declarations that accept the rejected values, if there are any. */
  readonly advice?: readonly Advice[];
}

export interface Sample {
  /** Shard and sequence number, or object and line, if known. */
  readonly from: string;
  readonly mergedAt: string;
  /**
   * The payload as JSON text, cut if it is long. Null for bytes that are not JSON, and for a text that is too long for
   * the warehouse.
   */
  readonly payload: string | null;
  /** The length of the whole text in bytes; null for bytes that are not JSON. */
  readonly payloadBytes: number | null;
  /** The value at the column's path as JSON. Absent if there is none, or if the payload was cut. */
  readonly found?: string;
  /** The first bytes of a record that is not JSON. */
  readonly bytes?: Head;
}

export interface Listed {
  readonly problems: readonly Problem[];
  /** The number of listed rejects, each counted once. */
  readonly records: number;
  /** The number of rejects that become events if all advice is followed. Only if there is more than one piece. */
  readonly together?: { readonly accepts: number; readonly of: number };
}

/** The separator with which the merge joins the reasons of a record. */
const separator = '; ';

type Row = Readonly<Record<string, unknown>>;

/** Groups the selected rejects by problem. */
export async function listProblems(
  context: Context,
  pipeline: Pipeline,
  filter: RejectFilter,
  limit: number,
): Promise<Listed> {
  const table = publicTables(pipeline).rejects;
  const { sql, values } = conditionOf(filter);
  const where = sql === undefined ? '' : `\nwhere ${sql}`;
  const groups = await queryRows(
    context,
    'rejects',
    `select coalesce(reasons, reason) as reasons, count(*) as records, max(merged_at) as newest from ${table}${where}\ngroup by 1`,
    values,
  );
  const rows = limit === 0 ? [] : await queryRows(context, 'rejects', sampleQuery(table, where, limit), values);
  const problems = problemsOf(pipeline, groups, rows, limit);
  const questions = problems.flatMap(({ column, samples }) => {
    const declared = pipeline.columns.find(({ name }) => name === column);
    if (declared === undefined || declared.type === 'super') return [];
    return [
      { column: declared, found: samples.map(({ found }) => (found === undefined ? undefined : JSON.parse(found))) },
    ];
  });
  const asked = [...new Map(questions.map(({ column }) => [column.name, column])).values()].map((column) => ({
    column,
    found: questions.filter((question) => question.column === column).flatMap(({ found }) => found),
  }));
  const answers = await adviseOn(context, pipeline, asked, { ...(sql === undefined ? {} : { sql }), values });
  return {
    problems: problems.map((problem) => {
      const advice = problem.column === undefined ? undefined : answers.columns.get(problem.column);
      return advice === undefined ? problem : { ...problem, advice };
    }),
    records: groups.reduce((sum, { records }) => sum + Number(records), 0),
    ...(answers.together && answers.columns.size > 1 ? { together: answers.together } : {}),
  };
}

function problemsOf(pipeline: Pipeline, groups: readonly Row[], rows: readonly Row[], limit: number): Problem[] {
  const found = new Map<string, { records: number; newest: string; samples: Row[] }>();
  for (const group of groups)
    for (const reason of String(group['reasons']).split(separator)) {
      const before = found.get(reason) ?? { records: 0, newest: '', samples: [] };
      const newest = String(group['newest']);
      found.set(reason, {
        records: before.records + Number(group['records']),
        newest: newest > before.newest ? newest : before.newest,
        samples: [...before.samples, ...rows.filter((row) => row['reasons'] === group['reasons'])],
      });
    }
  return [...found]
    .map(([reason, { samples, ...counts }]): Problem => {
      const column = pipeline.columns.find(({ name }) => reason.startsWith(`${name}: `));
      const newestFirst = [...samples].sort((a, b) => (String(a['merged_at']) < String(b['merged_at']) ? 1 : -1));
      return {
        pipeline: pipeline.name,
        reason,
        ...(column === undefined ? {} : { column: column.name, path: column.path }),
        ...counts,
        samples: newestFirst.slice(0, limit).map((row) => sampleOf(row, column)),
      };
    })
    .sort((a, b) => b.records - a.records || (a.reason < b.reason ? -1 : 1));
}

function sampleOf(row: Row, column: Column | undefined): Sample {
  const payload = row['payload'] === null ? null : String(row['payload']);
  const value = payload === null || column === undefined ? undefined : valueAt(payload, column.path);
  return {
    from: origin(row),
    mergedAt: String(row['merged_at']),
    payload,
    payloadBytes: row['payload_bytes'] === null ? null : Number(row['payload_bytes']),
    ...(value === undefined ? {} : { found: JSON.stringify(value) }),
    ...(row['head'] === null || row['head'] === undefined
      ? {}
      : { bytes: headOf(String(row['head']), Number(row['unparsed_bytes'])) }),
  };
}

function valueAt(payload: string, path: readonly string[]): unknown {
  try {
    let value: unknown = JSON.parse(payload);
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Record<string, unknown>)[name];
    }
    return value;
  } catch {
    // The JSON text was cut.
    return undefined;
  }
}

/** Select items of a sample. A result row and a text have at most 64 KB; 10,000 characters are at most 40,000 bytes. */
const sampleItems = `case when json_size(payload) <= 65535 then left(json_serialize(payload), 10000) end as payload, json_size(payload) as payload_bytes,
    from_varbyte(substring(unparsed, 1, ${headBytes}), 'hex') as head, octet_length(unparsed) as unparsed_bytes`;

const sampleQuery = (table: string, where: string, limit: number) => `with numbered as (
  select coalesce(reasons, reason) as reasons, source, shard_id, sequence_number, object_key, line, merged_at, ${sampleItems},
    row_number() over (partition by coalesce(reasons, reason) order by merged_at desc, sequence_number, object_key, line) as sample
  from ${table}${where}
)
select reasons, source, shard_id, sequence_number, object_key, line, merged_at, payload, payload_bytes, head, unparsed_bytes
from numbered where sample <= ${limit} order by reasons, sample`;

function origin(row: Row): string {
  const { source, shard_id: shard, sequence_number: sequence, object_key: key, line } = row;
  if (shard !== null) return `${source}, ${shard}, ${sequence}`;
  if (key !== null) return `${source}, ${key}${line === null ? '' : `, line ${line}`}`;
  return String(source);
}
