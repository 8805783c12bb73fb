import { quoteLiteral } from '../../lambda/shared/quote';
import type { ViewChecks } from '../../lambda/warehouse-object/contract';
import type { Pipeline } from '../../pipelines/definition';
import { completeRowsStatements } from '../merge/complete-rows';
import { beginStatement, unreadQuery } from '../merge/gaps';
import { lastMergeStatements, lockStatement } from '../merge/merge';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { columnSpecs, eventsViewColumns, tableShapes } from '../tables/columns';
import { landingQuery } from '../tables/landing';
import {
  type IdentityTableName,
  identityTableNames,
  isIdentityTable,
  ownerUser,
  pascalCase,
  type TableName,
  tableNames,
} from '../tables/names';
import { hashDefinition } from '../text/definition';
import { identifier, quoteIdentifier } from '../text/identifier';
import { type CompiledView, readableTables } from '../views/compiled-views';
import { publicView, viewColumns } from '../views/public-view';
import { relationReferences } from '../views/relations';
import { pipelineObject } from './declarations';
import { fillSpec } from './fills';
import { type ObjectGroup, object, single, step, type WarehouseObject } from './object';
import { forgetStatements, rebuildSpec } from './rebuild';

/** What only the deployment knows; unresolved CloudFormation tokens are fine. */
interface ObjectTokens {
  readonly streamName: string;
  readonly streamRoleArn: string;
  readonly database: string;
}

/** The identity that owns everything else, created by the admin. Placeholder of its statements: `owner_password`. */
export function ownerObject(database: string): WarehouseObject {
  const privilege = `create on database ${quoteIdentifier(database)}`;
  const create = [`create user ${ownerUser} password {{owner_password}}`, `grant ${privilege} to ${ownerUser}`];
  const remove = [`revoke ${privilege} from ${ownerUser}`, `drop user ${ownerUser}`];
  return object('Owner', ownerUser, 'owner', {
    create: [step('create', create)],
    delete: [step('drop', remove)],
    identity: 'admin',
    retain: true,
  });
}

/** Everything of one pipeline, in the order of creation. */
export function warehouseObjects(definition: Pipeline, tokens: ObjectTokens): WarehouseObject[] {
  const pipeline = resolvePipeline(definition);
  const tables = tableObjects(pipeline);
  const objects = [
    pipelineObject(pipeline),
    schemaObject(pipeline),
    streamSchemaObject(pipeline, tokens.streamRoleArn),
    ...tables,
    ...identityTableNames.map((book) => bookViewObject(pipeline, book)),
    landingObject(
      pipeline,
      tokens.streamName,
      tables.map(({ id }) => id),
    ),
    ...pipeline.views.flatMap((view) => [viewObject(pipeline, view), publicViewObject(pipeline, view)]),
  ];
  return objects.map((one) => ({ ...one, properties: { ...one.properties, pipeline: pipeline.name } }));
}

/** The schemas and the tables that stay whatever the identity is. */
const bookkeepingGroup = ({ name }: ResolvedPipeline): ObjectGroup => ({
  id: 'Bookkeeping',
  name: `${name}.bookkeeping`,
});

/** What became of each record: another identity replaces all of these tables. */
const booksGroup = (pipeline: ResolvedPipeline): ObjectGroup => ({
  id: 'Books',
  name: `${pipeline.name}.books_${pipeline.identity.version}`,
});

/** The names by which people read the books. */
const bookViewsGroup = ({ name }: ResolvedPipeline): ObjectGroup => ({ id: 'BookViews', name: `${name}.book_views` });

function schemaObject(pipeline: ResolvedPipeline): WarehouseObject {
  const { name } = pipeline;
  return object('Schema', name, 'schema', {
    create: [single('create', `create schema ${identifier(name)}`)],
    delete: [single('drop', `drop schema if exists ${identifier(name)}`)],
    dependsOn: ['Pipeline'],
    retain: true,
    group: bookkeepingGroup(pipeline),
  });
}

function streamSchemaObject(pipeline: ResolvedPipeline, roleArn: string): WarehouseObject {
  const name = pipeline.landing.streamSchema;
  const create = `create external schema ${name}\nfrom kinesis\niam_role`;
  return object('StreamSchema', name, 'external-schema', {
    // Without the ARN: an unresolved token is spelled differently in every synthesis.
    version: hashDefinition(create),
    create: [single('create', `${create} ${quoteLiteral(roleArn)}`)],
    delete: [single('drop', `drop schema if exists ${name}`)],
    dependsOn: ['Schema'],
    retain: true,
    group: bookkeepingGroup(pipeline),
  });
}

/** What is special about each table: how its rows are spread and sorted. */
const tableAttributes: Record<TableName, string> = {
  duplicates: 'diststyle key distkey (event_id) compound sortkey (merged_at)',
  rejects: 'diststyle even compound sortkey (merged_at)',
  staged: 'diststyle even',
  staged_archive: 'diststyle even',
  ledger: 'diststyle even compound sortkey (object_key)',
  parked: 'diststyle all',
  listing: 'diststyle even',
  gaps: 'diststyle all',
  runs: 'diststyle even compound sortkey (merged_at)',
  checkpoints: 'diststyle all',
  exports: 'diststyle all',
  fills: 'diststyle all',
  events: 'diststyle key distkey (event_id) compound sortkey (merged_at)',
};

function tableObjects(pipeline: ResolvedPipeline): WarehouseObject[] {
  const names = pipeline.tables;
  const shapes = tableShapes(pipeline);
  return tableNames.map((table) => {
    const lines = shapes[table].map(
      ({ name, type, notNull }) => `  ${identifier(name)} ${type}${notNull ? ' not null' : ''}`,
    );
    const isEvents = table === 'events';
    const fill = isEvents ? fillSpec(pipeline) : undefined;
    // Informational in Redshift, which does not enforce it: the merge does.
    if (isEvents) lines.push('  primary key (event_id)');
    const create = `create table ${names[table]} (\n${lines.join(',\n')}\n)\n${tableAttributes[table]}`;
    return object(pascalCase(table), names[table], 'table', {
      create: [single('create', create)],
      delete: [
        ...(isEvents ? [step('forget', forgetStatements(pipeline))] : []),
        single('drop', `drop table if exists ${names[table]}`),
      ],
      columns: JSON.stringify(columnSpecs(names[table], shapes[table])),
      // Empty, not absent: `cdk diff` shows no value of what comes into a group.
      ...(isEvents ? { fill: fill ? JSON.stringify(fill) : '' } : {}),
      ...(isEvents ? { rebuild: JSON.stringify(rebuildSpec(pipeline)) } : {}),
      ...(isIdentityTable(table) ? { identityVersion: pipeline.identity.version } : {}),
      dependsOn: isEvents ? ['Schema', ...tableNames.filter((name) => name !== table).map(pascalCase)] : ['Schema'],
      retain: true,
      group: isIdentityTable(table) ? booksGroup(pipeline) : bookkeepingGroup(pipeline),
    });
  });
}

function landingObject(pipeline: ResolvedPipeline, streamName: string, tableIds: readonly string[]): WarehouseObject {
  const name = pipeline.landing.name;
  const source = `${pipeline.landing.streamSchema}.${quoteIdentifier(streamName)}`;
  const create = `create materialized view ${name}
backup yes
diststyle even
sortkey (refresh_time)
auto refresh no
as
${landingQuery(source)}`;
  return object('Landing', name, 'landing-view', {
    version: pipeline.landing.version,
    create: [single('create', create), single('begin', beginStatement(pipeline))],
    delete: [
      step('last-merge', lastMergeStatements(pipeline)),
      single('drop', `drop materialized view if exists ${name}`),
    ],
    unread: unreadQuery(pipeline),
    dependsOn: ['StreamSchema', ...tableIds],
    retain: true,
  });
}

function viewObject(pipeline: ResolvedPipeline, view: CompiledView): WarehouseObject {
  const create = `create materialized view ${view.physicalName}\nauto refresh no\nas\n${view.query}`;
  return object(pascalCase(view.name), view.physicalName, 'materialized-view', {
    version: view.hash,
    create: [single('create', create)],
    delete: [single('drop', `drop materialized view if exists ${view.physicalName}`)],
    checks: viewChecks(pipeline, view),
    dependsOn: [...ownTableIds, ...view.reads.map(pascalCase)],
    retain: false,
  });
}

function viewChecks(pipeline: ResolvedPipeline, view: CompiledView): ViewChecks {
  const { name, query } = view;
  const {
    recomputed = false,
    mayShrink = 0.5,
    mayGrow = 10,
  } = pipeline.definition.views.find((one) => one.name === name)!;
  const { runs, rejects } = pipeline.publicTables;
  const reads = relationReferences(query).flatMap(({ schema, name: relation }) =>
    schema === undefined ? [] : [`${identifier(schema)}.${identifier(relation)}`],
  );
  // What the functions of before merged since a column was filled has nothing in it, and a view over it may leave that out.
  const complete = pipeline.filledColumns.length
    ? [step('complete', [lockStatement(pipeline), ...completeRowsStatements(pipeline)])]
    : [];
  const upToDate = [...complete, ...refreshSteps(pipeline, view)];
  return { recomputed, mayShrink, mayGrow, reads: [...new Set(reads)], upToDate, runs, rejects };
}

/** Each has to see what the one before it committed. */
const refreshSteps = ({ views }: ResolvedPipeline, view: CompiledView) =>
  withParents(view, views).map(({ physicalName }) => single('refresh', `refresh materialized view ${physicalName}`));

/** Views may read any of them: the tables, since a materialized view cannot read a plain one. */
const ownTableIds = readableTables.map(pascalCase);

/** Everything that readers know by name. */
export function publicViewObjects(pipeline: ResolvedPipeline): WarehouseObject[] {
  return [
    ...identityTableNames.map((book) => bookViewObject(pipeline, book)),
    ...pipeline.views.map((view) => publicViewObject(pipeline, view)),
  ];
}

/** What people and exports read. It shows what the definition declares, whatever else the table still holds, and whatever identity it is for. */
function bookViewObject(pipeline: ResolvedPipeline, book: IdentityTableName): WarehouseObject {
  const name = pipeline.publicTables[book];
  const shown = book === 'events' ? eventsViewColumns(pipeline) : tableShapes(pipeline)[book];
  return object(`${pascalCase(book)}Public`, name, 'public-view', {
    ...publicView(name, pipeline.tables[book], shown),
    // Filled together with the events, after their own table.
    dependsOn: [...new Set([pascalCase(book), 'Events'])],
    retain: true,
    group: bookViewsGroup(pipeline),
  });
}

/** The stable name over the versioned view, which is brought up to date first: what readers saw already stays in sight. */
function publicViewObject(pipeline: ResolvedPipeline, view: CompiledView): WarehouseObject {
  const { create, delete: remove } = publicView(
    view.publicName,
    view.physicalName,
    viewColumns(pipeline.definition, view.name),
  );
  return object(`${pascalCase(view.name)}Public`, view.publicName, 'public-view', {
    create: [...refreshSteps(pipeline, view), ...create],
    delete: remove,
    dependsOn: [pascalCase(view.name)],
    retain: false,
  });
}

/** The views that a view reads, directly or not, each before those that read it, and the view itself. */
function withParents(view: CompiledView, views: readonly CompiledView[]): CompiledView[] {
  const wanted = new Set([view.name]);
  for (const { name, reads } of [...views].reverse())
    if (wanted.has(name)) for (const parent of reads) wanted.add(parent);
  return views.filter(({ name }) => wanted.has(name));
}
