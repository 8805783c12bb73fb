import type { Pipeline } from '../../pipelines/definition';
import { erasedNames } from '../../sql/forget/erase';
import { unlessRaised } from '../../sql/forget/raised';
import { markExpression, payloadText, subjectText } from '../../sql/merge/forgotten';
import { parsedExpression } from '../../sql/merge/parsing';
import { isRaised } from '../../sql/merge/raised';
import { isForgotten, isUnmerged, landingName, ofLanding, publicTables, quoteIdentifier } from '../../sql/names';
import { expiredNames } from '../../sql/refresh/expire';
import { type ResolvedColumn, resolvePipeline } from '../../sql/resolve';
import { viewColumns } from '../../sql/views/public-view';
import { ask, type Work } from './statements';

/** A relation of the warehouse, and the number of its rows that are of marked subjects. */
export interface RowsCounted {
  readonly place: 'events' | 'rejects' | 'staged' | 'landing' | 'views';
  readonly relation: string;
  readonly rows: number;
}

/**
 * Counts the rows of marked subjects in every relation that may have some.
 * @param lists the marks. Undefined: those that the warehouse has
 */
export async function countRows(
  work: Work,
  pipeline: Pipeline,
  lists: readonly (readonly string[])[] | undefined,
): Promise<RowsCounted[]> {
  const { forgotten } = publicTables(pipeline);
  const counted = new Map<string, RowsCounted>();
  const add = async (given: string, values: Record<string, string>) => {
    for (const { place, relation, name, condition } of relations(pipeline)) {
      const query = `with given as (\n${given}\n)\nselect count(*) as amount\nfrom ${relation}\nwhere ${condition}`;
      const [row] = await ask(work, pipeline, 'forget-verify', query, values);
      const rows = Number(row!['amount']) + (counted.get(relation)?.rows ?? 0);
      counted.set(relation, { place, relation: name ?? relation, rows });
    }
  };
  if (lists === undefined) await add(`  select mark from ${forgotten}`, {});
  for (const marks of lists ?? [])
    await add(
      `  select distinct m::varchar(64) as mark
  from (select json_parse({{marks}}) as list) as batch, batch.list as m`,
      { marks: JSON.stringify(marks) },
    );
  return [...counted.values()];
}

interface Relation {
  readonly place: RowsCounted['place'];
  /** SQL after FROM. */
  readonly relation: string;
  /** @default - the relation */
  readonly name?: string;
  readonly condition: string;
}

function relations(pipeline: Pipeline): Relation[] {
  const { subject } = resolvePipeline(pipeline);
  const { events, rejects, staged, staged_archive } = publicTables(pipeline);
  const any = (columns: readonly ResolvedColumn[], value: (column: ResolvedColumn) => string) =>
    columns.map((column) => `${markExpression(column, value(column))} in (select mark from given)`).join('\n  or ');
  const ofPayload = any(subject, (column) => payloadText(column));
  const views = pipeline.views.flatMap(({ name }) => {
    const shown = subject.filter((column) => viewColumns(pipeline, name).some((output) => output.name === column.name));
    if (shown.length === 0) return [];
    const condition = any(shown, (column) => `${quoteIdentifier(column.name)}::varchar(65535)`);
    const relation = `${quoteIdentifier(pipeline.name)}.${quoteIdentifier(name)}`;
    return [{ place: 'views' as const, relation, condition }];
  });
  return [
    {
      place: 'events' as const,
      relation: events,
      condition: any(subject, (column) => subjectText(column, quoteIdentifier(column.name))),
    },
    {
      place: 'rejects' as const,
      relation: rejects,
      condition: any(subject, (column) => unlessRaised(payloadText(column))),
    },
    // A record whose attributes come twice has only its bytes.
    {
      place: 'rejects' as const,
      name: rejects,
      relation: parsed(unlessRaised(parsedExpression('unparsed')), `${rejects} where payload is null`),
      condition: ofPayload,
    },
    { place: 'staged' as const, relation: staged, condition: ofPayload },
    { place: 'staged' as const, relation: staged_archive, condition: ofPayload },
    {
      place: 'landing' as const,
      name: landingName(pipeline),
      relation: searchedLanding(pipeline),
      condition: ofPayload,
    },
    ...views,
  ];
}

/** A relation with the payloads of records that the warehouse keeps as bytes. */
const parsed = (payload: string, from: string) => `(select ${payload} as payload from ${from}) as parsed`;

/** SQL that selects the positions of records that may have made a statement fail, as far as the landing view may have them. */
const oncePositions = ({ rejects, skipped }: ReturnType<typeof publicTables>) =>
  `select shard_id, sequence_number from ${rejects} where ${isRaised} union select shard_id, sequence_number from ${skipped} where name in ('${erasedNames.reject}', '${expiredNames.reject}')`;

/** The landing view without records that are not merged, and without those that made a statement fail. */
function searchedLanding(pipeline: Pipeline): string {
  const tables = publicTables(pipeline);
  return parsed(
    `case when x.shard_id is null and l.refresh_time <= m.until then ${parsedExpression('l.kinesis_data')} end`,
    `${landingName(pipeline)} l
cross join (select coalesce(max(refresh_time), '1970-01-01'::timestamp) as until from ${tables.checkpoints} where ${ofLanding(pipeline)}) m
left join (${oncePositions(tables)}) x on x.shard_id = l.shard_id and x.sequence_number = l.sequence_number`,
  );
}

/**
 * Records that no statement can search: those that are not JSON, and those that are not merged. Records of erased rejects
 * in the landing view are not looked into either, but counted.
 */
export async function unsearchedRows(work: Work, pipeline: Pipeline) {
  const { rejects, skipped } = publicTables(pipeline);
  const [row] = await ask(
    work,
    pipeline,
    'forget-unsearched',
    `select
  (select count(*) from ${rejects} where case when payload is null and not (${isRaised}) then unparsed is null or not can_json_parse(unparsed) else false end) as rejects,
  (select count(*) from ${landingName(pipeline)} where ${isUnmerged(pipeline)}) as landing,
  (
    select count(*)
    from ${landingName(pipeline)} l
    inner join (
      select distinct shard_id, sequence_number from ${skipped} where ${isForgotten} and name = '${erasedNames.reject}'
    ) s on s.shard_id = l.shard_id and s.sequence_number = l.sequence_number
  ) as erased,
  getdate() as now`,
  );
  const number = (name: string) => Number(row![name]);
  return { rejects: number('rejects'), landing: number('landing'), erased: number('erased'), now: String(row!['now']) };
}
