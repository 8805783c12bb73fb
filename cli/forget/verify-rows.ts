import type { Pipeline } from '../../pipelines/definition';
import { markExpression, payloadText, subjectText } from '../../sql/merge/forgotten';
import { parsedExpression } from '../../sql/merge/parsing';
import { isUnmerged, landingName, publicTables, quoteIdentifier } from '../../sql/names';
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
    { place: 'rejects' as const, relation: rejects, condition: ofPayload },
    // A record that made a statement fail, or that has attributes twice, has only its bytes.
    {
      place: 'rejects' as const,
      name: rejects,
      relation: parsed(rejects, 'unparsed', 'payload is null'),
      condition: ofPayload,
    },
    { place: 'staged' as const, relation: staged, condition: ofPayload },
    { place: 'staged' as const, relation: staged_archive, condition: ofPayload },
    {
      place: 'landing' as const,
      name: landingName(pipeline),
      relation: parsed(landingName(pipeline), 'kinesis_data'),
      condition: ofPayload,
    },
    ...views,
  ];
}

/** A relation with the payloads of records that the warehouse keeps as bytes. */
const parsed = (relation: string, bytes: string, condition = 'true') =>
  `(select ${parsedExpression(bytes)} as payload from ${relation} where ${condition}) as parsed`;

/** Records that no statement can search: those that are not JSON, and those that are not merged. */
export async function unsearchedRows(work: Work, pipeline: Pipeline) {
  const [row] = await ask(
    work,
    pipeline,
    'forget-unsearched',
    `select
  (select count(*) from ${publicTables(pipeline).rejects} where payload is null and (unparsed is null or not can_json_parse(unparsed))) as rejects,
  (select count(*) from ${landingName(pipeline)} where ${isUnmerged(pipeline)}) as landing, getdate() as now`,
  );
  return { rejects: Number(row!['rejects']), landing: Number(row!['landing']), now: String(row!['now']) };
}
