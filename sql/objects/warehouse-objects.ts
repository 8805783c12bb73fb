import type { Step } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { registryTable, type ViewChecks } from '../../lambda/warehouse-object/contract';
import type { Pipeline } from '../../pipelines/definition';
import { completeRowsStatements } from '../merge/complete-rows';
import { proofOfKeys } from '../merge/forgotten';
import { firstCheckpointStatement, unreadQuery } from '../merge/gaps';
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
  tableNamesOf,
} from '../tables/names';
import { hashDefinition } from '../text/definition';
import { identifier, quoteIdentifier } from '../text/identifier';
import { type CompiledView, readableTables } from '../views/compiled-views';
import { publicView, viewColumns } from '../views/public-view';
import { relationReferences } from '../views/relations';
import { pipelineObject } from './declarations';
import { fillSpec } from './fills';
import { keepsCase } from './keeps-case';
import { type ObjectGroup, object, single, step, type WarehouseObject } from './object';
import { rebuildSpec, resetStatements } from './rebuild';

/** Values that only the deployment knows. Unresolved CloudFormation tokens are allowed. */
interface ObjectTokens {
  readonly streamName: string;
  readonly streamRoleArn: string;
  readonly database: string;
}

/**
 * The database user that owns all other objects. The admin creates it. Placeholder of its statements:
 * `owner_password`.
 * @param isExisting whether the warehouse has another owner, who sets the isolation level and the parameters
 */
export function ownerObject(database: string, isExisting = false): WarehouseObject {
  const privilege = `create on database ${quoteIdentifier(database)}`;
  const create = [
    `create user ${ownerUser} password {{owner_password}}`,
    // For an owner that exists: its secret may have another password since.
    `alter user ${ownerUser} password {{owner_password}}`,
    `grant ${privilege} to ${ownerUser}`,
  ];
  const remove = [`revoke ${privilege} from ${ownerUser}`, `drop user ${ownerUser}`];
  return object('Owner', ownerUser, 'owner', {
    create: isExisting
      ? [{ ...step('create', [...create, keepsCase(ownerUser)]), refusedIf: othersOwner }]
      : [step('create', create), ...isolationSteps(database)],
    delete: [step('drop', remove)],
    identity: 'admin',
    retain: true,
  });
}

const registrySchema = registryTable.split('.')[0]!;

/**
 * Database users belong to the whole warehouse, so two environments there would change each other's passwords. The
 * records of this environment are in its database.
 */
const othersOwner = {
  query: `select 1 from pg_user where usename = '${ownerUser}' and not exists (select 1 from pg_namespace where nspname = '${registrySchema}')`,
  message: `the warehouse has a user ${ownerUser} and its database no schema ${registrySchema}, so another environment uses this warehouse. A warehouse takes one environment. If none uses it, for example after a first deployment that failed, an administrator runs: drop user ${ownerUser}`,
};

/**
 * Sets the isolation level of the database, which is SNAPSHOT in new warehouses and was SERIALIZABLE in earlier ones.
 * Redshift sets it only while nobody else is connected, and never for the database dev, so a level that is right already
 * is left alone (https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DATABASE.html).
 */
function isolationSteps(database: string): Step[] {
  if (database === 'dev') return [];
  const unless = `select 1 from stv_db_isolation_level where trim(db_name) = ${quoteLiteral(database)} and trim(isolation_level) = 'Snapshot Isolation'`;
  return [{ ...single('isolation', `alter database ${quoteIdentifier(database)} isolation level snapshot`), unless }];
}

/** All objects of one pipeline, in the order of creation. */
export function warehouseObjects(definition: Pipeline, tokens: ObjectTokens): WarehouseObject[] {
  const pipeline = resolvePipeline(definition);
  const tables = tableObjects(pipeline);
  const objects = [
    pipelineObject(pipeline),
    schemaObject(pipeline),
    streamSchemaObject(pipeline, tokens.streamRoleArn),
    ...tables,
    ...identityTableNames.map((table) => identityViewObject(pipeline, table)),
    landingObject(
      pipeline,
      tokens.streamName,
      tables.map(({ id }) => id),
    ),
    ...pipeline.views.flatMap((view) => [viewObject(pipeline, view), publicViewObject(pipeline, view)]),
  ];
  return objects.map((one) => ({ ...one, properties: { ...one.properties, pipeline: pipeline.name } }));
}

/** The schemas, and the tables that stay when the identity changes. */
const bookkeepingGroup = ({ name }: ResolvedPipeline): ObjectGroup => ({
  id: 'Bookkeeping',
  name: `${name}.bookkeeping`,
});

/** The tables that belong to one identity. Another identity replaces all of them. */
const identityTablesGroup = (pipeline: ResolvedPipeline): ObjectGroup => ({
  id: 'IdentityTables',
  name: `${pipeline.name}.identity_tables_${pipeline.identity.version}`,
});

/** The plain views by which people read those tables. */
const identityViewsGroup = ({ name }: ResolvedPipeline): ObjectGroup => ({
  id: 'IdentityViews',
  name: `${name}.identity_views`,
});

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
    // Without the ARN: every synthesis writes an unresolved token differently.
    version: hashDefinition(create),
    create: [single('create', `${create} ${quoteLiteral(roleArn)}`)],
    delete: [single('drop', `drop schema if exists ${name}`)],
    dependsOn: ['Schema'],
    retain: true,
    group: bookkeepingGroup(pipeline),
  });
}

/** How each table distributes and sorts its rows. */
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
  view_failures: 'diststyle all',
  conversions: 'diststyle even compound sortkey (merged_at)',
  skipped: 'diststyle even compound sortkey (merged_at)',
  forgotten: 'diststyle all',
  rewrites: 'diststyle all',
  events: 'diststyle key distkey (event_id) compound sortkey (merged_at)',
};

function tableObjects(pipeline: ResolvedPipeline): WarehouseObject[] {
  const shapes = tableShapes(pipeline);
  const names = tableNamesOf(pipeline.definition);
  return names.map((table) => {
    const lines = shapes[table].map(
      ({ name, type, notNull }) => `  ${identifier(name)} ${type}${notNull ? ' not null' : ''}`,
    );
    const isEvents = table === 'events';
    const fill = isEvents ? fillSpec(pipeline) : undefined;
    // Redshift does not enforce the key. The merge does.
    if (isEvents) lines.push('  primary key (event_id)');
    const create = `create table ${pipeline.tables[table]} (\n${lines.join(',\n')}\n)\n${tableAttributes[table]}`;
    return object(pascalCase(table), pipeline.tables[table], 'table', {
      create: [single('create', create), ...(table === 'forgotten' ? [step('proof', proofOfKeys)] : [])],
      delete: [
        ...(isEvents ? [step('forget', resetStatements(pipeline))] : []),
        single('drop', `drop table if exists ${pipeline.tables[table]}`),
      ],
      columns: JSON.stringify(columnSpecs(pipeline.tables[table], shapes[table])),
      // Empty instead of absent: `cdk diff` does not show the value of a property that is added to a group.
      ...(isEvents ? { fill: fill ? JSON.stringify(fill) : '' } : {}),
      ...(isEvents ? { rebuild: JSON.stringify(rebuildSpec(pipeline)) } : {}),
      ...(isIdentityTable(table) ? { identityVersion: pipeline.identity.version } : {}),
      dependsOn: isEvents ? ['Schema', ...names.filter((name) => name !== table).map(pascalCase)] : ['Schema'],
      retain: true,
      group: isIdentityTable(table) ? identityTablesGroup(pipeline) : bookkeepingGroup(pipeline),
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
    create: [single('create', create), single('begin', firstCheckpointStatement(pipeline))],
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
  // After a column was filled, the old functions merge rows that lack it, and a view may leave those rows out.
  const complete = pipeline.filledColumns.length
    ? [step('complete', [lockStatement(pipeline), ...completeRowsStatements(pipeline)])]
    : [];
  const upToDate = [...complete, ...refreshSteps(pipeline, view)];
  return { recomputed, mayShrink, mayGrow, reads: [...new Set(reads)], upToDate, runs, rejects };
}

/** Each refresh must see what the one before it committed. */
const refreshSteps = ({ views }: ResolvedPipeline, view: CompiledView) =>
  withParents(view, views).map(({ physicalName }) => single('refresh', `refresh materialized view ${physicalName}`));

/** The tables that views may read. They are tables because a materialized view cannot read a plain view. */
const ownTableIds = readableTables.map(pascalCase);

/** All objects that readers know by name. */
export function publicViewObjects(pipeline: ResolvedPipeline): WarehouseObject[] {
  return [
    ...identityTableNames.map((table) => identityViewObject(pipeline, table)),
    ...pipeline.views.map((view) => publicViewObject(pipeline, view)),
  ];
}

/**
 * The plain view that people and exports read. It shows the declared columns, whatever else the table holds and
 * whatever its identity is.
 */
function identityViewObject(pipeline: ResolvedPipeline, table: IdentityTableName): WarehouseObject {
  const name = pipeline.publicTables[table];
  const shown = table === 'events' ? eventsViewColumns(pipeline) : tableShapes(pipeline)[table];
  return object(`${pascalCase(table)}Public`, name, 'public-view', {
    ...publicView(name, pipeline.tables[table], shown),
    // A rebuild fills all of them together with the events, whose table comes last.
    dependsOn: [...new Set([pascalCase(table), 'Events'])],
    retain: true,
    group: identityViewsGroup(pipeline),
  });
}

/**
 * The plain view under a view's stable name. The materialized view is refreshed first, so that rows that readers saw
 * stay visible.
 */
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

/** The views that a view reads, directly or through others, each before its readers, and the view itself. */
function withParents(view: CompiledView, views: readonly CompiledView[]): CompiledView[] {
  const wanted = new Set([view.name]);
  for (const { name, reads } of [...views].reverse())
    if (wanted.has(name)) for (const parent of reads) wanted.add(parent);
  return views.filter(({ name }) => wanted.has(name));
}
