/** What the compiled statements of pipelines scan of the tables that grow with the events, and the scans that nothing bounds. */
import { parseText } from 'redshift-local/front-end';
import { placeholdersOf, renderAll } from '../../lambda/shared/statement';
import type { Pipeline } from '../../pipelines/definition';
import { allStatements, pipelineTables, publicTables, tableShapes } from '../../sql';
import { storedName } from '../../sql/tables/columns';
import { type Scan, scansOf, type WatchedTable } from './scans';

/** The tables that grow with the events, or with the objects of history. */
export const watchedNames = ['events', 'duplicates', 'rejects', 'skipped', 'ledger'] as const;
export type WatchedName = (typeof watchedNames)[number];

/** A scan and the statement that does it. */
export interface StatementScan extends Scan {
  readonly pipeline: string;
  /** Path in the plan, and the statement's number there: `refresh.steps.merge.statements#4`. */
  readonly statement: string;
  /** The first line of the statement without the pipeline's name: `create temp table merged as`. */
  readonly what: string;
}

/**
 * The watched tables of a pipeline. A table's sort key orders its rows, and `arrived_at` follows `merged_at`, because a
 * record is merged soon after it arrives. So do the times of events, but for late ones.
 */
export function watchedTables(pipeline: Pipeline): WatchedTable[] {
  const [own, shown, shapes] = [pipelineTables(pipeline), publicTables(pipeline), tableShapes(pipeline)];
  const sortKeys = sortKeysOf(pipeline);
  const times = pipeline.columns.filter(({ type }) => type === 'timestamp').map(storedName);
  return watchedNames.map((name) => {
    const columns = shapes[name].map((column) => column.name);
    const following = ['arrived_at', ...(name === 'events' ? times : [])];
    const ordered = new Set([...(sortKeys.get(own[name]) ?? []), ...following.filter((one) => columns.includes(one))]);
    return { name, relations: [own[name], shown[name]], columns, ordered: [...ordered] };
  });
}

/** The sort keys of the tables that the pipeline's objects create, by table. */
function sortKeysOf(pipeline: Pipeline): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { statements } of allStatements(pipeline))
    for (const text of statements.filter((statement) => /^create table\s/.test(statement)))
      for (const node of parseText(text))
        if (node.kind === 'create-table')
          found.set(
            node.table.map(({ text: part }) => part).join('.'),
            node.attributes.sortkey.map(({ text: key }) => key),
          );
  return found;
}

/** Statements that read no table, and what is not SQL of Redshift. */
const readsNothing =
  /^\s*(?:copy|grant|revoke|create (?:external )?schema|create user|create table|alter|drop|lock|refresh)\b/i;

/** The scans of all statements that functions and deployments of a pipeline run. */
export function pipelineScans(pipeline: Pipeline): StatementScan[] {
  const tables = watchedTables(pipeline);
  return allStatements(pipeline).flatMap(({ name, statements }) =>
    statements.flatMap((template, index) =>
      readsNothing.test(template)
        ? []
        : scansOf(filled(template), tables).map((scan) => ({
            ...scan,
            pipeline: pipeline.name,
            statement: `${name}#${index}`,
            what: firstLine(template, pipeline),
          })),
    ),
  );
}

/** Fills in the placeholders. The parser refuses options of COPY and UNLOAD that are no ARN or URL. */
function filled(template: string): string {
  const value = (name: string) => (/role/.test(name) ? 'arn:aws:iam::111122223333:role/x' : 's3://bucket/x');
  return renderAll(
    [template],
    Object.fromEntries([...placeholdersOf(template)].map((name) => [name, value(name)])),
  )[0]!;
}

const firstLine = (template: string, { name }: Pipeline) =>
  template
    .split('\n')[0]!
    .replaceAll(new RegExp(`\\b${name}[._]`, 'g'), '')
    .replaceAll(/_[0-9a-f]{8}\b/g, '');

/** A group of scans without a bound, and why they are no danger. */
export interface Exception {
  /** Matches the statement's path in the plan. */
  readonly statements: RegExp;
  /** Matches the statement's first line. @default - any */
  readonly what?: RegExp;
  readonly tables: readonly WatchedName[];
  readonly reason: string;
}

/** Each scan without a bound belongs to one of these. */
export const exceptions: readonly Exception[] = [
  {
    statements: /./,
    what: /^create temp table shared as$/,
    tables: ['events'],
    reason:
      'An identity without a time says nothing about when its first event was merged, so `event_id` of all events is ' +
      'read: [decision 56](decisions/056-identities-are-searched-everywhere.md).',
  },
  {
    statements: /^refresh\.steps\.undecoded\b|^refresh\.idle\.work\b/,
    tables: ['rejects'],
    reason:
      'Only in a pipeline that decodes records. Waiting records are found by `decode_after`, which is null in all other ' +
      'rejects; rejects are few.',
  },
  {
    statements: /^refresh\.raising\.search\.reference\b/,
    tables: ['rejects'],
    reason: 'Only after records have made a merge fail twice. Reads positions of rejects.',
  },
  {
    statements: /^(?:load|reconcile)\./,
    tables: ['ledger'],
    reason:
      'The ledger has a row for each object, not for each event: ten million objects are a history of 100 TB in files ' +
      'of 10 MB. Runs once for each batch of objects, or listing.',
  },
  {
    statements: /^load\.sources\.\w+\.(?:\w+\.)*reload\./,
    tables: ['events', 'duplicates', 'rejects', 'skipped'],
    reason: 'A person asked to load the objects of a run again. Its rows are found by `run_id`, once.',
  },
  {
    statements: /^load\.sources\.\w+\.raising\./,
    what: /^create temp table raised as$|^insert into runs\b|^delete from rejects$/,
    tables: ['events', 'duplicates', 'rejects', 'skipped'],
    reason: 'Only after lines of an archived object have made its load fail. Finds the outcomes of their positions.',
  },
  {
    statements: /^refresh\.raising\.record\b/,
    what: /^insert into runs\b|^delete from rejects$/,
    tables: ['rejects'],
    reason: 'Only after records have made a merge fail twice. Finds the rejects that knew only their positions.',
  },
  {
    statements: /^load\.origins\./,
    tables: ['rejects'],
    reason: 'Only for objects with rejected lines, once for each. Finds the rejects of a run by `run_id`.',
  },
  {
    statements: /^export\.exports\.\w+\.survey\b/,
    tables: ['events'],
    reason:
      'An export whose query reads events directly compares all of its windows with what was published once a day, and ' +
      'after each full batch while it catches up. Hourly surveys read the windows that may have changed.',
  },
  {
    statements: /^objects\.\w+Public\.create\./,
    tables: watchedNames,
    reason: 'Creates a plain view, which reads nothing.',
  },
  {
    statements: /^objects\.\w+\.create\./,
    what: /^create materialized view/,
    tables: ['events'],
    reason: 'A deployment that adds or edits a view fills it from all events, once. Later refreshes are incremental.',
  },
  {
    statements: /^objects\.Events\.(?:rebuild|fill)\b/,
    tables: watchedNames,
    reason: 'A deployment that changes the identity or fills a column goes through all events, in batches.',
  },
];

/** The exceptions that a scan belongs to. */
export const exceptionsOf = ({ statement, what, table }: StatementScan) =>
  exceptions.filter(
    (one) =>
      one.statements.test(statement) &&
      (one.what?.test(what) ?? true) &&
      (one.tables as readonly string[]).includes(table),
  );

/** The parts of a plan that run at every refresh. */
export const isEveryMinute = ({ statement }: Pick<StatementScan, 'statement'>) =>
  /^refresh\.(?:steps|idle|gaps|skipped|totals)\b/.test(statement);
