import { schemasQuery } from '../../lambda/warehouse-object/catalog';
import { registryTexts } from '../../lambda/warehouse-object/contract';
import { lossOf } from '../../lambda/warehouse-object/precheck';
import { quoteLiteral } from '../../sql/names';
import { type Context, queryRows, warehouseTime } from '../commands/context';
import type { Facts, PipelineFacts, RebuildFacts } from './facts';
import type { Problem } from './plan';
import { isRebuilt } from './rebuild';
import { expiriesOf } from './retention';
import { baseName, labelOf, landingOf, type ObjectState } from './state';

/** The part of the catalog about the environment's schemas. */
interface Catalog {
  /** Tables and views, as `estore.runs`. */
  readonly relations: ReadonlySet<string>;
  /** Materialized views that the owner may refresh. */
  readonly owned: ReadonlySet<string>;
  /** Owners by schema. */
  readonly schemas: ReadonlyMap<string, string>;
  readonly asker: string;
}

/** Queries the warehouse for the facts of a plan, and for changes that were made by hand. */
export async function queryWarehouse(
  context: Context,
  before: readonly ObjectState[],
  after: readonly ObjectState[],
): Promise<{ facts: Facts; problems: Problem[] }> {
  const schemas = [...new Set([...before, ...after].map(({ name }) => name.split('.')[0]!))];
  const catalog = await catalogOf(context, schemas);
  return { facts: await factsOf(context, before, after, catalog), problems: problemsOf(before, after, catalog) };
}

async function catalogOf(context: Context, names: readonly string[]): Promise<Catalog> {
  const within = names.map(quoteLiteral).join(', ');
  const [relations, views, schemas] = await Promise.all([
    queryRows(
      context,
      'plan-relations',
      `select table_schema, table_name from svv_tables where table_schema in (${within})`,
    ),
    queryRows(context, 'plan-views', `select schema_name, name from svv_mv_info where schema_name in (${within})`),
    queryRows(context, 'plan-schemas', schemasQuery(names)),
  ]);
  const trimmed = (value: unknown) => String(value).trimEnd();
  return {
    relations: new Set(relations.map((row) => `${trimmed(row.table_schema)}.${trimmed(row.table_name)}`)),
    owned: new Set(views.map((row) => `${trimmed(row.schema_name)}.${trimmed(row.name)}`)),
    schemas: new Map(schemas.map((row) => [trimmed(row.schema_name), trimmed(row.owner)])),
    asker: trimmed(schemas[0]?.asker ?? ''),
  };
}

async function factsOf(
  context: Context,
  before: readonly ObjectState[],
  after: readonly ObjectState[],
  { relations }: Catalog,
): Promise<Facts> {
  const counted = before
    .filter(({ kind, name }) => (kind === 'table' || kind === 'landing-view') && relations.has(name))
    .map(({ name }) => `select ${quoteLiteral(name)} as relation, count(*) as amount from ${name}`);
  const rows = counted.length === 0 ? [] : await queryRows(context, 'plan-rows', counted.join('\nunion all\n'));
  const [time] = await queryRows(context, 'plan-time', 'select getdate() as now');
  const names = before.filter(({ kind, name }) => kind === 'pipeline' && relations.has(`${name}.checkpoints`));
  const pipelines = await Promise.all(
    names.map(async ({ name }) => [name, await pipelineFacts(context, name)] as const),
  );
  return {
    now: warehouseTime(time!.now),
    rows: new Map(rows.map((row) => [String(row.relation), Number(row.amount)])),
    pipelines: new Map(pipelines),
    losses: await lossesOf(context, before, after),
    rebuilds: await rebuildsOf(context, before, after),
    expiries: await expiriesOf(context, warehouseTime(time!.now), before, after),
  };
}

/** Runs the check that the deployment makes before it replaces a landing view. */
async function lossesOf(
  context: Context,
  before: readonly ObjectState[],
  after: readonly ObjectState[],
): Promise<Map<string, string>> {
  const replaced = after.filter(
    (state) =>
      state.unread !== undefined &&
      before.some(
        (other) => other.kind === state.kind && labelOf(other) === labelOf(state) && other.name !== state.name,
      ),
  );
  const losses = new Map<string, string>();
  for (const { name, unread } of replaced) {
    const [row] = await queryRows(context, 'plan-unread', unread!);
    if (row) losses.set(name, lossOf(row));
  }
  return losses;
}

/** Counts the duplicates under another identity. The deployment leaves out those that the landing view has. */
async function rebuildsOf(
  context: Context,
  before: readonly ObjectState[],
  after: readonly ObjectState[],
): Promise<Map<string, RebuildFacts>> {
  const facts = new Map<string, RebuildFacts>();
  for (const state of after) {
    const old = before.find((other) => isRebuilt(other, state));
    const landing = landingOf(before, state.pipeline ?? '');
    if (!old || !landing || baseName(state) !== `${state.pipeline}.duplicates`) continue;
    const [row] = await queryRows(
      context,
      'plan-duplicates',
      `select count(*) as duplicates, count(l.sequence_number) as landed
from ${old.name} d
left join (select distinct shard_id::varchar(20) as shard_id, sequence_number from ${landing}) l
  on l.shard_id = d.shard_id and l.sequence_number = d.sequence_number`,
    );
    facts.set(state.pipeline!, { duplicates: Number(row?.duplicates), landed: Number(row?.landed) });
  }
  return facts;
}

async function pipelineFacts(context: Context, pipeline: string): Promise<PipelineFacts> {
  const [merged] = await queryRows(
    context,
    'plan-merged',
    `select max(coalesce(merged_until, merged_at)) as until from ${pipeline}.checkpoints`,
  );
  const gaps = await queryRows(
    context,
    'plan-gaps',
    `select distinct from_time, to_time from ${pipeline}.gaps order by from_time, to_time`,
  );
  return {
    mergedUntil: merged?.until === null || merged?.until === undefined ? null : warehouseTime(merged.until),
    gaps: gaps.map((row) => ({ from: String(row.from_time), to: String(row.to_time) })),
  };
}

const isView = ({ kind }: ObjectState) => kind === 'materialized-view' || kind === 'landing-view';

/** Finds differences between the registry and the catalog. */
export function problemsOf(before: readonly ObjectState[], after: readonly ObjectState[], catalog: Catalog): Problem[] {
  return [
    ...before.flatMap((state) => missing(state, catalog)),
    ...schemaProblems(before, after, catalog),
    ...foreign(before, after, catalog),
  ];
}

function missing(state: ObjectState, { relations, owned, schemas }: Catalog): Problem[] {
  const { kind, name } = state;
  if (kind === 'schema' || kind === 'external-schema')
    return schemas.has(name) ? [] : [dropped(state, 'Everything in it was dropped too.')];
  if (kind === 'table')
    return relations.has(name)
      ? []
      : [dropped(state, 'Its rows were dropped too: a snapshot of the warehouse may have them.')];
  if (kind === 'public-view')
    return relations.has(name) ? [] : [dropped(state, 'Readers find nothing under this name.')];
  if (!isView(state) || owned.has(name)) return [];
  if (!relations.has(name)) return [dropped(state, 'Its next refresh fails.')];
  const problem = 'Its owner is not the owner of the warehouse objects, who alone may refresh it.';
  return [{ object: labelOf(state), problem, advice: `Drop ${name}, then recreate it: ${recreateHint}.`, stops: true }];
}

const recreateHint =
  'deploy with `-c repair=<a word not used before>`, or locally with `npx millrace deploy --repair`. Any other deployment checks only what changed';

function dropped(state: ObjectState, consequence: string): Problem {
  return {
    object: labelOf(state),
    problem: `${state.name} is recorded as deployed and is not in the warehouse: it was dropped by hand. ${consequence}`,
    advice: `To recreate it, ${recreateHint}.`,
    stops: true,
  };
}

function schemaProblems(
  before: readonly ObjectState[],
  after: readonly ObjectState[],
  { schemas, asker }: Catalog,
): Problem[] {
  const states = [...after, ...before.filter((state) => !after.some(({ name }) => name === state.name))];
  return states.flatMap((state) => {
    const owner = schemas.get(state.name);
    return state.kind === 'schema' && owner !== undefined && owner !== asker
      ? [
          {
            object: labelOf(state),
            problem: `It belongs to ${owner}, not to ${asker}: nothing can be created in it.`,
            advice: 'Rename the pipeline, or drop the schema if nobody needs it.',
            stops: true,
          },
        ]
      : [];
  });
}

/** Redshift keeps the rows of a materialized view in tables with such names. */
const internal = /\.mv_tbl__/;

function foreign(before: readonly ObjectState[], after: readonly ObjectState[], { relations }: Catalog): Problem[] {
  // The registry's table of texts is created and dropped with the registry, and has no row of its own.
  const recorded = new Set([...before.map(({ name }) => name), registryTexts]);
  return [...relations]
    .filter((name) => !recorded.has(name) && !internal.test(name))
    .sort()
    .map((name) => {
      const taken = after.find((state) => state.name === name);
      if (!taken)
        return {
          object: name,
          problem: 'It is in a schema of Millrace, but Millrace did not create it.',
          advice: 'Millrace does not touch it, but its schema cannot be dropped while it exists.',
          stops: false,
        };
      const replaced = taken.kind === 'public-view';
      return {
        object: labelOf(taken),
        problem: `${name} is in the warehouse and was not deployed: it was created by hand.`,
        advice: replaced
          ? 'A deployment would replace it by its own view: rename one of the two.'
          : 'A deployment takes it over if it is the same, and fails if it is not.',
        stops: replaced,
      };
    });
}
