import type { WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { switchView } from '../../../lambda/warehouse-object/public-view';
import { Deadline } from '../../../lambda/warehouse-object/steps';
import { hashDefinition } from '../../../sql/text/definition';
import { publicView } from '../../../sql/views/public-view';
import { emptyWarehouse, type Objects } from '../../support/objects';
import { FakeWarehouse, quiet } from '../fakes';

const name = 'shop.sold';
let objects: Objects;
let requests = 0;

beforeAll(async () => {
  objects = await emptyWarehouse(Date.UTC(2026, 10, 21));
  for (const user of ['ann', 'bob']) await objects.run(`create user ${user} password 'Reader1pw'`, 'admin');
  await objects.run('create schema shop');
  await objects.run('create table shop.older (id varchar(8), amount bigint)');
  await objects.run('create table shop.newer (id varchar(8), amount bigint, note varchar(8))');
  await objects.run("insert into shop.older values ('a', 1)");
  await objects.run("insert into shop.newer values ('a', 2, 'n')");
});
afterAll(() => objects.cloud.dispose());

const definition = (source: string, columns: readonly string[]): WarehouseObjectProperties => {
  const steps = publicView(
    name,
    source,
    columns.map((column) => ({ name: column })),
  );
  return {
    name,
    kind: 'public-view',
    identity: 'owner',
    version: hashDefinition(steps.create[0]!.statements[0]!),
    create: JSON.stringify(steps.create),
    delete: JSON.stringify(steps.delete),
  };
};
const first = definition('shop.older', ['id', 'amount']);
const same = definition('shop.newer', ['id', 'amount']);
const more = definition('shop.newer', ['id', 'note', 'amount']);
const less = definition('shop.older', ['id']);

const update = (properties: WarehouseObjectProperties, requestId = `r${requests++}`) =>
  objects.request({ type: 'Update', requestId, properties, physicalId: name });
const grants = async () =>
  (
    await objects.run(
      `select identity_name, privilege_type from svv_relation_privileges where namespace_name = 'shop' and relation_name = 'sold' order by 1, 2`,
      'admin',
    )
  ).map((row) => `${row.identity_name} ${row.privilege_type}`);
const granted = ['ann DELETE', 'ann SELECT', 'bob SELECT', 'public SELECT'];

beforeEach(async () => {
  objects.kill = () => undefined;
  await objects.run('drop view if exists shop.of_sold');
  await objects.run(`drop view if exists ${name}`);
  await update(first);
  await objects.run(`grant select, delete on ${name} to ann`);
  await objects.run(`grant select on ${name} to bob, public`);
});

test.each([
  ['the same columns of another source', same],
  ['other columns', more],
  ['fewer columns', less],
])('grants follow a definition with %s', async (_, to) => {
  await update(to);
  expect(await grants()).toEqual(granted);
  await update(first);
  expect(await grants()).toEqual(granted);
  expect(await objects.run(`select * from ${name}`)).toEqual([{ id: 'a', amount: 1 }]);
});

test('killed before and after any submission, the same request ends with the grants that were there', async () => {
  let at = 0;
  for (let killed = true; killed; at += 1) {
    await update(first);
    expect(await grants()).toEqual(granted);
    const requestId = `killed-${at}`;
    let calls = 0;
    killed = false;
    objects.kill = (call) => {
      if (!/Execute|List/.test(call) || calls++ !== at) return;
      killed = true;
      throw new Error(`killed ${call}`);
    };
    await update(more, requestId).catch((error: Error) => expect(error.message).toContain('killed'));
    objects.kill = () => undefined;
    // A reader sees the one or the other, and may go on reading.
    const [row] = await objects.run(`select * from ${name}`);
    expect([
      { id: 'a', amount: 1 },
      { id: 'a', note: 'n', amount: 2 },
    ]).toContainEqual(row);
    expect(await grants()).toEqual(granted);
    await update(more, requestId);
    expect(await grants()).toEqual(granted);
    expect(await objects.run(`select * from ${name}`)).toEqual([{ id: 'a', note: 'n', amount: 2 }]);
  }
  expect(at).toBeGreaterThan(12);
});

test('the grants are those of before the switch was submitted: a later call does not ask again', async () => {
  const warehouse = new FakeWarehouse();
  // The renewal waits for a lock.
  warehouse.outcome = ({ statements }) =>
    statements[0]!.startsWith('create')
      ? { status: 'FAILED', error: 'cannot change number of columns in view' }
      : undefined;
  const asked: string[] = [];
  const host = {
    subject: 'view',
    namePrefix: 'deploy/r',
    warehouse,
    log: quiet,
    remainingMs: () => 500,
    deadline: new Deadline(() => warehouse.now, 3_600_000),
    harmless: undefined,
    retrySingly: true,
    query: async (what: string) => {
      asked.push(what);
      return [];
    },
  };
  const [replace] = publicView(name, 'shop.newer', [{ name: 'id' }]).create;
  expect(await switchView(host, name, replace!)).toBe('waiting');
  expect(await switchView(host, name, replace!)).toBe('waiting');
  expect(asked).toEqual(['column-grants', 'grants']);
  warehouse.end('deploy/r/0-renew');
  expect(await switchView(host, name, replace!)).toBe('done');
  expect(asked).toHaveLength(2);
});

test('a view that others read keeps its definition when its columns would change, and says who they are', async () => {
  await objects.run(`create view shop.of_sold as select id from ${name}`);
  await update(same);
  await expect(update(less)).rejects.toThrow(
    /public-view shop.sold: step 0-renew \(renew\), statement 1 of 9 failed: .*cannot drop sold because other objects depend on it: shop.of_sold/,
  );
  expect(await objects.run(`select amount from ${name}`)).toEqual([{ amount: 2 }]);
  expect(await grants()).toEqual(granted);
});

test('a definition that cannot be created leaves the old one', async () => {
  await expect(update(definition('shop.nothing', ['id']))).rejects.toThrow(/shop\.nothing/);
  expect(await objects.run(`select * from ${name}`)).toEqual([{ id: 'a', amount: 1 }]);
  expect(await grants()).toEqual(granted);
});

test('its delete removes it, and a second one finds nothing to do', async () => {
  for (const requestId of ['gone', 'gone again'])
    await objects.request({ type: 'Delete', requestId, properties: first, physicalId: name });
  await expect(objects.run(`select * from ${name}`)).rejects.toThrow('does not exist');
});
