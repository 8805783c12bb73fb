import type { WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { recordedRows, setUp, step } from './host';

const names = ['events', 'rejects', 'runs', 'gaps'];
const tableOf = (name: string): WarehouseObjectProperties => ({
  name: `estore.${name}`,
  kind: 'table',
  version: '1a2b3c4d',
  identity: 'owner',
  create: JSON.stringify([step('create', `create table estore.${name} (event_id bigint)`)]),
  delete: JSON.stringify([step('drop', `drop table estore.${name}`)]),
  columns: JSON.stringify([
    { name: 'event_id', type: 'bigint', add: `alter table estore.${name} add column event_id bigint` },
  ]),
});
const members = Object.fromEntries(names.map((name) => [name, tableOf(name)]));
const group = { kind: 'group', name: 'estore', order: names, members } as const;
const columnsOf = (name: string, data_type = 'bigint') => ({
  table_schema: 'estore',
  table_name: name,
  column_name: 'event_id',
  data_type,
});

/** The last parts of the names of statements without a token, which are queries. */
const queries = ({ owner }: ReturnType<typeof setUp>) =>
  owner.statements.filter(({ submission }) => !submission.token).map(({ name }) => name.split('/').at(-1));

test('a group asks once for the records, the columns and the active statements of its objects', async () => {
  const created = setUp(group);
  const active = jest.spyOn(created.owner, 'active');
  const list = jest.spyOn(created.owner, 'list');
  await created.onEvent();
  expect(queries(created)).toEqual(['columns']);
  expect(active.mock.calls).toEqual([['millrace/dev/deploy/']]);
  expect(list.mock.calls.map(([prefix]) => prefix)).not.toContain('millrace/dev/deploy/estore.events/');
  created.world.answer = (sql) => {
    if (/^create table estore.gaps/.test(sql)) created.world.catalog = names.map((name) => columnsOf(name));
    return {};
  };
  expect(await created.isComplete()).toEqual({ IsComplete: true });
  expect(queries(created)).toEqual(['columns', 'recorded', 'columns', 'columns']);
  expect(created.records()).toHaveLength(names.length);
});

test('each object of a group is compared with its own record and its own columns', async () => {
  const { world, isComplete, changes } = setUp(group, 'Update');
  world.recorded = names.slice(1).flatMap((name) => recordedRows(members[name]!));
  world.catalog = names.slice(0, -1).map((name) => columnsOf(name));
  expect(await isComplete()).toEqual({ IsComplete: true });
  expect(changes()).toEqual(['create table estore.gaps (event_id bigint)']);
});

test('a created table whose columns are not those that were asked for fails the deployment', async () => {
  const { world, isComplete } = setUp(group);
  world.answer = (sql) => {
    if (/^create table estore.gaps/.test(sql)) world.catalog = names.map((name) => columnsOf(name, 'integer'));
    return {};
  };
  await expect(isComplete()).rejects.toThrow('column event_id of estore.events is integer, not bigint');
});

test('an object of a group with a statement of another stack is refused by its name', async () => {
  const { owner, world, onEvent } = setUp(group);
  world.answer = () => undefined;
  await owner.submit({ name: 'millrace/dev/deploy/estore.run/other/x/0', mode: 'single', statements: ['select 1'] });
  await onEvent();
  await owner.submit({ name: 'millrace/dev/deploy/estore.runs/other/x/0', mode: 'single', statements: ['select 1'] });
  await expect(onEvent()).rejects.toThrow(/^table estore\.runs: another stack has a statement active on it since/);
});
