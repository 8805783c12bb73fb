import type { Step } from '../../lambda/shared/plan';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import {
  endpointsPlan,
  functionUser,
  ownerObject,
  purposesOf,
  registryObject,
  sampleStatements,
  type UserPurpose,
  warehouseObjects,
} from '../../sql';
import { resolvePipeline } from '../../sql/resolve';
import { tableNamesOf } from '../../sql/tables/names';
import { neededPrivileges } from '../../sql/users';
import { admin, type Cloud, cluster, createCloud, database, outsider, owner, roles } from '../support/cloud';
import { runStep } from '../support/template';
import { withUsers } from '../support/users';

const estore = pipelines.find(({ name }) => name === 'estore')!;
const privilegesOf = (pipeline: Pipeline, purpose: UserPurpose) =>
  Object.fromEntries(
    [...neededPrivileges(resolvePipeline(pipeline), purpose)].map(([relation, privileges]) => [
      relation.replace(/_[0-9a-f]{8}$/, '_<identity>'),
      privileges.join(', '),
    ]),
  );

test('a function has the privileges that its statements need, and no others', () => {
  const all = 'select, insert, delete';
  expect(privilegesOf(estore, 'load')).toEqual({
    'estore.checkpoints': 'select, update, delete',
    'estore.duplicates_<identity>': all,
    'estore.events_<identity>': 'select, insert, update, delete',
    'estore.forgotten': 'select',
    'estore.ledger_<identity>': 'select, insert, update, delete',
    'estore.parked': all,
    'estore.rejects_<identity>': all,
    'estore.rewrites': 'select, delete',
    'estore.runs': 'select, insert',
    'estore.skipped': all,
    'estore.staged': all,
    'estore.staged_archive': 'select, insert, delete',
  });
  expect(privilegesOf(estore, 'reconcile')).toEqual({
    'estore.ledger_<identity>': 'select',
    'estore.listing': 'select, insert, update, delete',
    'estore.parked': 'select',
  });
  expect(privilegesOf(estore, 'export')).toEqual({
    'estore.checkpoints': 'select',
    'estore.events': 'select',
    'estore.exports': 'select, insert, update, delete',
    'estore.hourly_revenue': 'select',
    'estore.purchases': 'select',
    'estore.revenue_by_product': 'select',
    'estore.view_failures': 'select',
  });
  expect(privilegesOf(estore, 'endpoint')).toEqual(
    Object.fromEntries(
      ['carts', 'hourly_revenue', 'purchases', 'revenue_by_product', 'uncarts', 'views_by_product'].map((view) => [
        `estore.${view}_<identity>`,
        'select',
      ]),
    ),
  );
});

test('the name of a table in a literal or a description is no reason to grant it to the user of endpoints', () => {
  const [endpoint] = estore.endpoints as [NonNullable<Pipeline['endpoints']>[number]];
  const query = "select hour, 'estore.events' as label from estore.hourly_revenue";
  const granted = privilegesOf(
    {
      ...estore,
      endpoints: [{ ...endpoint, query, params: {}, description: 'estore.rejects' }],
    },
    'endpoint',
  );
  expect(granted).toEqual({ 'estore.hourly_revenue_<identity>': 'select' });
});

test('the user of endpoints gets no temporary tables, which the other users need', () => {
  const objects = withUsers(estore, []).map(({ properties }) => properties);
  const granted = objects.filter(({ create }) => create.includes('grant temp on database')).map(({ name }) => name);
  expect(granted).toEqual(['millrace_load_estore', 'millrace_reconcile_estore', 'millrace_export_estore']);
});

test('a query of an export may spell a relation in any way', () => {
  const [{ query, ...first }] = estore.exports as [Pipeline['exports'][number]];
  const spelled = { ...first, query: query.replace(/estore\.(\w+)/g, '"estore" . "$1"') };
  expect(privilegesOf({ ...estore, exports: [spelled] }, 'export')).toMatchObject({ 'estore.events': 'select' });
});

describe('in the warehouse', () => {
  let cloud: Cloud;

  beforeAll(async () => {
    cloud = await createCloud({
      startMs: Date.UTC(2026, 10, 21),
      streamName: pipelines[0]!.name,
      shards: 1,
      retentionHours: 24,
      faults: { delivery: () => undefined, statement: () => undefined, call: () => undefined },
      killNext: () => undefined,
      handlers: () => ({}),
    });
    for (const { name } of pipelines.slice(1))
      cloud.kinesis.port.open(name, { mode: 'PROVISIONED', retentionHours: 24, maxRecordBytes: 2 ** 20 }, 1);
    const objects = pipelines.flatMap((pipeline) =>
      withUsers(
        pipeline,
        warehouseObjects(pipeline, { streamName: pipeline.name, streamRoleArn: roles.stream, database }),
      ),
    );
    for (const { properties } of [ownerObject(database), registryObject(), ...objects])
      for (const step of JSON.parse(properties.create) as Step[])
        await runStep(cloud.warehouse, step, properties.identity === 'admin' ? admin.name : owner.name);
  });
  afterAll(() => cloud.dispose());

  /** The error of the statement, or its status. */
  async function run(user: string, sql: string): Promise<string> {
    const { operations } = cloud.warehouse;
    const submitted = (await operations['ExecuteStatement']!(
      { ClusterIdentifier: cluster, Database: database, SecretArn: user, Sql: sql, WaitTimeSeconds: 30 },
      outsider,
    )) as { Id: string };
    const ended = (await operations['DescribeStatement']!({ Id: submitted.Id }, outsider)) as {
      Status: string;
      Error?: string;
    };
    return ended.Error ?? ended.Status;
  }

  const users = pipelines.flatMap((pipeline) =>
    purposesOf(pipeline).map((purpose) => ({ user: functionUser(pipeline, purpose), pipeline, purpose })),
  );

  test.each(users)('$user is refused every relation of other pipelines', async ({ user, pipeline }) => {
    const others = pipelines.filter(({ name }) => name !== pipeline.name);
    const relations = others.flatMap((other) => {
      const { tables, publicTables, views, landing } = resolvePipeline(other);
      return [
        ...tableNamesOf(other).flatMap((table) => [tables[table], publicTables[table]]),
        ...views.flatMap(({ publicName, physicalName }) => [publicName, physicalName]),
        landing.name,
      ].map((relation) => ({ schema: other.name, relation }));
    });
    expect(relations.length).toBeGreaterThan(20);
    for (const { schema, relation } of relations)
      expect(await run(user, `select count(*) from ${relation}`)).toBe(`ERROR: permission denied for schema ${schema}`);
    for (const other of others) {
      const { tables, landing } = resolvePipeline(other);
      for (const change of [
        `insert into ${tables.staged} (payload) select json_parse('{}')`,
        `delete from ${tables.events}`,
        `update ${tables.checkpoints} set identity_version = 'mine'`,
        `copy ${tables.staged} from 's3://history/x' iam_role '${roles.load}' format json 'noshred'`,
        `lock ${tables.checkpoints}`,
      ])
        expect(await run(user, change)).toBe(`ERROR: permission denied for schema ${other.name}`);
      for (const change of [
        `drop table ${tables.events}`,
        `truncate ${tables.events}`,
        `alter table ${tables.events} add column mine bigint`,
        `refresh materialized view ${landing.name}`,
        `drop materialized view ${landing.name}`,
      ])
        expect(await run(user, change)).toMatch(/^ERROR: (permission denied for|must be owner of)/);
    }
  });

  test.each(users)('$user changes neither definitions nor privileges, not even its own', async ({ user, pipeline }) => {
    const { tables, landing, name } = resolvePipeline(pipeline);
    for (const change of [
      `drop table ${tables.staged}`,
      `truncate ${tables.staged}`,
      `alter table ${tables.events} add column mine bigint`,
      `create table ${name}.mine (a bigint)`,
      'create schema mine',
      `refresh materialized view ${landing.name}`,
      `drop materialized view ${landing.name}`,
      `grant select on ${tables.skipped} to ${user}`,
      "create user mine password 'Mine1pw1'",
      `alter user ${owner.name} password 'Mine1pw1'`,
      `alter user ${owner.name} set enable_case_sensitive_identifier to false`,
      `select count(*) from ${landing.name}`,
      'select count(*) from millrace.objects',
    ])
      expect(await run(user, change)).toMatch(/^ERROR: (permission denied (for|to)|must be owner of)/);
  });

  test('the user of a purpose is refused what only another purpose needs', async () => {
    const { tables } = resolvePipeline(estore);
    for (const [purpose, sql] of [
      ['export', `delete from ${tables.events}`],
      ['export', `delete from ${tables.checkpoints}`],
      ['export', `insert into ${tables.staged} (payload) select json_parse('{}')`],
      ['reconcile', `delete from ${tables.ledger}`],
      ['reconcile', `select count(*) from ${tables.events}`],
      ['endpoint', `select count(*) from ${tables.events}`],
      ['endpoint', 'select count(*) from estore.events'],
      ['endpoint', `select count(*) from ${tables.rejects}`],
      ['endpoint', 'select count(*) from estore.hourly_revenue'],
      ['endpoint', `select count(*) from ${physicalName('returns')}`],
      ['endpoint', `delete from ${tables.exports}`],
      ['load', `delete from ${tables.exports}`],
      ['load', `delete from ${tables.listing}`],
    ] as const)
      expect(await run(functionUser(estore, purpose), sql)).toMatch(/^ERROR: permission denied for relation/);
  });

  const physicalName = (view: string) => resolvePipeline(estore).views.find(({ name }) => name === view)!.physicalName;

  test('the user of endpoints runs every statement of its endpoints, and selects from nothing else', async () => {
    for (const pipeline of pipelines)
      for (const endpoint of pipeline.endpoints ?? []) {
        const samples = sampleStatements(pipeline, endpoint);
        const { statements } = endpointsPlan([pipeline]).find(({ name }) => name === endpoint.name)!;
        expect(samples).toHaveLength(Object.keys(statements).length);
        for (const sql of samples)
          for (const text of [sql, `explain ${sql}`])
            expect(await run(functionUser(pipeline, 'endpoint'), text)).toBe('FINISHED');
      }
    const user = functionUser(estore, 'endpoint');
    const read = [...neededPrivileges(resolvePipeline(estore), 'endpoint').keys()];
    const { tables, publicTables, views, landing } = resolvePipeline(estore);
    const others = [
      ...Object.values(tables),
      ...Object.values(publicTables),
      ...views.flatMap(({ publicName, physicalName: name }) => [publicName, name]),
      landing.name,
    ].filter((relation) => !read.includes(relation));
    expect(others.length).toBeGreaterThan(25);
    for (const relation of others)
      for (const sql of [`select count(*) from ${relation}`, `explain select * from ${relation}`])
        expect(await run(user, sql)).toMatch(/^ERROR: permission denied for relation/);
    for (const view of read)
      for (const change of [
        `delete from ${view}`,
        `drop materialized view ${view}`,
        `refresh materialized view ${view}`,
      ])
        expect(await run(user, change)).not.toBe('FINISHED');
    for (const change of [
      'create table estore.mine (a bigint)',
      `create view estore.mine as select * from ${read[0]}`,
      `create materialized view estore.mine as select * from ${read[0]}`,
      `grant select on ${read[0]} to public`,
      `alter table ${tables.events} owner to ${user}`,
    ])
      expect(await run(user, change)).toMatch(/^ERROR: /);
  });

  test('a user is dropped with its privileges, and another one keeps its own', async () => {
    const [load] = withUsers(estore, []);
    for (const step of JSON.parse(load!.properties.delete) as Step[]) await runStep(cloud.warehouse, step, admin.name);
    const { tables } = resolvePipeline(estore);
    expect(await run(functionUser(estore, 'load'), `select count(*) from ${tables.parked}`)).toMatch(/authentication/);
    expect(await run(functionUser(estore, 'reconcile'), `select count(*) from ${tables.parked}`)).toBe('FINISHED');
  });
});
