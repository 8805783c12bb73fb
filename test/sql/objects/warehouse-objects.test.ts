import type { Step } from '../../../lambda/shared/plan';
import type { WarehouseGroupProperties } from '../../../lambda/warehouse-object/contract';
import { resourcesOf, type WarehouseObject } from '../../../sql/objects/object';
import { ownerObject, warehouseObjects } from '../../../sql/objects/warehouse-objects';
import { aPipeline, aView } from '../fixtures';

const tokens = {
  streamName: 'millrace-dev-shop',
  streamRoleArn: 'arn:aws:iam::000000000000:role/stream',
  database: 'millrace',
};
const totals = aView('hourly_totals', 'select kind, sum(amount) as amount from shop.sold group by kind');
const sold = aView('sold', 'select kind, amount from shop.events');
const objectsOf = (overrides = {}) => warehouseObjects(aPipeline({ views: [totals, sold], ...overrides }), tokens);
const find = (id: string, objects = objectsOf()) => objects.find((object) => object.id === id)!;
const statements = (object: WarehouseObject, when: 'create' | 'delete') =>
  (JSON.parse(object.properties[when]) as Step[]).flatMap((step) => step.statements);

test('each object comes after those that it depends on', () => {
  const ids = objectsOf().map(({ id }) => id);
  expect(ids).toEqual([
    'Pipeline',
    'Schema',
    'StreamSchema',
    'Staged',
    'StagedArchive',
    'Parked',
    'Listing',
    'Runs',
    'Checkpoints',
    'Exports',
    'Fills',
    'ViewFailures',
    'Conversions',
    'Skipped',
    'Duplicates',
    'Rejects',
    'Ledger',
    'Gaps',
    'Events',
    'EventsPublic',
    'DuplicatesPublic',
    'RejectsPublic',
    'LedgerPublic',
    'GapsPublic',
    'Landing',
    'Sold',
    'SoldPublic',
    'HourlyTotals',
    'HourlyTotalsPublic',
  ]);
  for (const [index, { dependsOn }] of objectsOf().entries())
    for (const id of dependsOn) expect(ids.slice(0, index)).toContain(id);
});

test('the tables of a pipeline are two resources: those of its identity, and those that stay', () => {
  const members = (id: string, overrides = {}) => {
    const resource = resourcesOf(objectsOf(overrides)).find((one) => one.id === id)!;
    const { name, order, members } = resource.properties as WarehouseGroupProperties;
    return { name, dependsOn: resource.dependsOn, members: order.map((member) => members[member]!.name) };
  };
  expect(resourcesOf(objectsOf()).map(({ id }) => id)).toEqual([
    ...['Pipeline', 'Bookkeeping', 'IdentityTables', 'IdentityViews', 'Landing'],
    ...['Sold', 'SoldPublic', 'HourlyTotals', 'HourlyTotalsPublic'],
  ]);
  expect(members('Bookkeeping')).toEqual({
    name: 'shop.bookkeeping',
    dependsOn: ['Pipeline'],
    members: [
      ...['shop', 'shop_stream', 'shop.staged', 'shop.staged_archive', 'shop.parked', 'shop.listing', 'shop.runs'],
      ...['shop.checkpoints', 'shop.exports', 'shop.fills', 'shop.view_failures', 'shop.conversions', 'shop.skipped'],
    ],
  });
  const tables = members('IdentityTables');
  expect(tables.name).toBe('shop.identity_tables_51d923f4');
  expect(tables.members.at(-1)).toBe('shop.events_51d923f4');
  // Another identity is another physical id, and not one table of it is the same.
  const others = members('IdentityTables', { identity: { by: 'columns', columns: ['kind'] } });
  expect(others.name).not.toBe(tables.name);
  expect(others.members.filter((name) => tables.members.includes(name))).toEqual([]);
  expect(members('Bookkeeping', { identity: { by: 'columns', columns: ['kind'] } })).toEqual(members('Bookkeeping'));
});

test('the landing view keeps every record and filters none', () => {
  const [create] = statements(find('Landing'), 'create');
  expect(create!.replace(/landing_[0-9a-f]{8}/, 'landing')).toBe(`create materialized view shop.landing
backup yes
diststyle even
sortkey (refresh_time)
auto refresh no
as
select
  approximate_arrival_timestamp,
  partition_key,
  shard_id,
  sequence_number,
  refresh_time,
  kinesis_data
from shop_stream."millrace-dev-shop"`);
});

test('a landing view is merged a last time before it is dropped', () => {
  const { name, delete: remove } = find('Landing').properties;
  const [merge, drop] = JSON.parse(remove) as Step[];
  expect(merge).toMatchObject({ name: 'last-merge', mode: 'transaction' });
  expect(merge!.statements[0]).toBe('lock shop.checkpoints');
  expect(merge!.statements[2]).toContain(`from ${name}\n`);
  expect(merge!.statements.join()).not.toContain('complete_until');
  expect(drop).toEqual({ name: 'drop', mode: 'single', statements: [`drop materialized view if exists ${name}`] });
});

test('events holds the typed columns, all of them addable to a table that lacks them', () => {
  const events = find('Events');
  expect(statements(events, 'create')).toEqual([
    `create table shop.events_51d923f4 (
  event_id varchar(64) not null,
  id varchar(16),
  kind varchar(8),
  amount decimal(6,2),
  pieces bigint,
  weight double precision,
  gift boolean,
  at timestamp,
  source varchar(16) not null,
  shard_id varchar(20),
  sequence_number varchar(128),
  partition_key varchar(256),
  arrived_at timestamp,
  run_id varchar(128) not null,
  merged_at timestamp not null,
  payload super,
  primary key (event_id)
)
diststyle key distkey (event_id) compound sortkey (merged_at)`,
  ]);
  const specs = JSON.parse(events.properties.columns!) as { name: string; type: string; add: string }[];
  expect(specs.slice(1, 8).map(({ type }) => type)).toEqual([
    'character varying(16)',
    'character varying(8)',
    'numeric(6,2)',
    'bigint',
    'double precision',
    'boolean',
    'timestamp without time zone',
  ]);
  expect(specs[3]!.add).toBe('alter table shop.events_51d923f4 add column amount decimal(6,2)');
});

test('people read events by the declared names, and nothing else that the table may hold', () => {
  const columns = aPipeline().columns.map((column) =>
    column.name === 'amount' ? { ...column, stored: 'total' } : column,
  );
  const edited = objectsOf({ columns, views: [] });
  expect(statements(find('EventsPublic', edited), 'create')).toEqual([
    `create or replace view shop.events as
select
  event_id,
  id,
  kind,
  total as amount,
  pieces,
  weight,
  gift,
  at,
  source,
  shard_id,
  sequence_number,
  partition_key,
  arrived_at,
  run_id,
  merged_at,
  payload
from shop.events_51d923f4`,
  ]);
  expect(statements(find('Events', edited), 'create')[0]).toContain('\n  total decimal(6,2),\n');
});

test('nothing hides that an object exists already: what is created says so by failing', () => {
  for (const object of objectsOf()) expect(object.properties.create).not.toContain('if not exists');
});

test('an edited view is another object under the same public name', () => {
  const edited = objectsOf({ views: [totals, { ...sold, query: `${sold.query} where amount > 0` }] });
  const before = find('HourlyTotals').properties;
  const after = find('HourlyTotals', edited).properties;
  expect(after.version).not.toBe(before.version);
  expect(after.name).toBe(`shop.hourly_totals_${after.version}`);
  expect(find('HourlyTotalsPublic', edited).properties.name).toBe('shop.hourly_totals');
  const parent = find('Sold', edited).properties.name;
  expect(JSON.parse(find('HourlyTotalsPublic', edited).properties.create)).toEqual([
    { name: 'refresh', mode: 'single', statements: [`refresh materialized view ${parent}`] },
    { name: 'refresh', mode: 'single', statements: [`refresh materialized view ${after.name}`] },
    {
      name: 'switch',
      mode: 'single',
      statements: [`create or replace view shop.hourly_totals as\nselect\n  kind,\n  amount\nfrom ${after.name}`],
    },
  ]);
});

test('what holds data is marked, what can be built again is not', () => {
  const kept = objectsOf()
    .filter(({ retain }) => retain)
    .map(({ id }) => id);
  expect(kept).toEqual(
    objectsOf()
      .map(({ id }) => id)
      .filter((id) => !/^(Sold|Hourly)/.test(id)),
  );
});

test('the version of the external schema does not hang on how a token is spelled', () => {
  const version = (streamRoleArn: string) =>
    find('StreamSchema', warehouseObjects(aPipeline(), { ...tokens, streamRoleArn })).properties.version;
  expect(version('a-token')).toBe(version('the-same-token-in-another-synthesis'));
});

test('the admin creates the owner, lets it create schemas, and sets the isolation level', () => {
  const owner = ownerObject('mill"race');
  expect(owner.properties).toMatchObject({ name: 'millrace_owner', kind: 'owner', identity: 'admin' });
  expect(statements(owner, 'create')).toEqual([
    'create user millrace_owner password {{owner_password}}',
    'alter user millrace_owner password {{owner_password}}',
    'grant create on database "mill""race" to millrace_owner',
    'alter database "mill""race" isolation level snapshot',
  ]);
  for (const object of objectsOf()) expect(object.properties.identity).toBe('owner');
});

test('in an existing warehouse the admin leaves the isolation level, and another environment keeps its owner', () => {
  const owner = ownerObject('facts', true);
  expect(statements(owner, 'create').slice(2)).toEqual([
    'grant create on database "facts" to millrace_owner',
    'alter user millrace_owner set enable_case_sensitive_identifier to true',
  ]);
  const [{ refusedIf }] = JSON.parse(owner.properties.create!);
  expect(refusedIf.message).toMatch(/^the warehouse has a user millrace_owner and its database no schema millrace/);
});
