import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { cluster, owner, startWarehouse, type TestWarehouse } from '../support/warehouse';

let local: TestWarehouse;
beforeEach(async () => {
  local = await startWarehouse(translate, ownerStatements);
});
afterEach(() => local.dispose());

const place = { ClusterIdentifier: cluster, Database: 'millrace', SecretArn: owner };
const folder = () => join(local.folder, 'warehouse', 'results');
const files = () => (existsSync(folder()) ? readdirSync(folder()) : []);
const digits = `select (a.n * 10000 + b.n * 1000 + c.n * 100 + d.n * 10 + e.n) as n, repeat('x', 60) as pad from t a, t b, t c, t d, t e order by 1`;

async function fillDigits() {
  await local.run('create schema s');
  await local.run('create table t (n integer)');
  await local.run('insert into t values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)');
}

async function allPages(Id: string, operation = 'GetStatementResult') {
  const pages = [];
  let NextToken: string | undefined;
  do {
    const page = await local.call(operation, { Id, NextToken });
    pages.push(page);
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return pages;
}

test('a large result comes in pages, each row once and in order, with the columns on every page', async () => {
  await fillDigits();
  const { Id, ResultRows } = await local.run(digits);
  expect(ResultRows).toBe(100_000);
  const pages = await allPages(Id);
  expect(pages.length).toBeGreaterThan(5);
  expect(pages.every((page) => page.TotalNumRows === 100_000 && page.ColumnMetadata.length === 2)).toBe(true);
  const rows = pages.flatMap((page) => page.Records).map(([n]: [{ longValue: number }]) => n.longValue);
  expect(rows).toEqual(Array.from({ length: 100_000 }, (_, i) => i));
  await expect(local.call('GetStatementResult', { Id, NextToken: '99' })).rejects.toThrow(
    "NextToken must be one that the previous page gave, got '99'",
  );
});

test('results and descriptions outlive a restart', async () => {
  await fillDigits();
  const done = await local.run(digits);
  const empty = await local.run('select n from t where n > 100');
  const batch = await local.run(['select 1 as a', 'create table u (a integer)', 'select 2 as b']);
  local = await local.restart();
  expect(await local.call('DescribeStatement', { Id: done.Id })).toEqual(done);
  expect((await allPages(done.Id)).flatMap((page) => page.Records)).toHaveLength(100_000);
  expect((await local.call('GetStatementResult', { Id: empty.Id })).Records).toEqual([]);
  expect((await local.call('GetStatementResult', { Id: `${batch.Id}:3` })).Records).toEqual([[{ longValue: 2 }]]);
  await expect(local.call('GetStatementResult', { Id: `${batch.Id}:2` })).rejects.toMatchObject({
    code: 'ResourceNotFoundException',
  });
});

test('what failed leaves no file, and what is forgotten takes its file along', async () => {
  await fillDigits();
  await local.run(digits.replace('select (', 'select 1 / (a.n - 9), ('));
  expect(files()).toHaveLength(0);
  await local.run(digits);
  expect(files()).toHaveLength(1);
  local.clock.advanceTo(local.clock.now() + 25 * 3_600_000);
  await local.run('create table u (a integer)');
  expect(files()).toHaveLength(0);
});

test('a small result needs no file, and a restart keeps it', async () => {
  await fillDigits();
  const small = await local.run(
    `select n::bigint * 1000000000000000000 as n, 'é' as letter from t where n in (7, 8) order by 1`,
  );
  const large = await local.run(`select n, repeat('x', 400) from t`);
  expect(files()).toEqual([`${large.Id}.1`]);
  local = await local.restart();
  const { Records, TotalNumRows } = await local.call('GetStatementResult', { Id: small.Id });
  expect(TotalNumRows).toBe(2);
  expect(Records.map(([n, letter]: [{ longValue: bigint }, unknown]) => [String(n.longValue), letter])).toEqual([
    ['7000000000000000000', { stringValue: 'é' }],
    ['8000000000000000000', { stringValue: 'é' }],
  ]);
  expect((await local.call('GetStatementResult', { Id: large.Id })).Records).toHaveLength(10);
});

test('CSV is for statements that asked for it, and only through its operation', async () => {
  const { Id } = await local.run(
    `select 1 as a, 'x,"y"' as b, null::varchar as c, '' as d union all select 2, 'é', 'z', null order by 1`,
    {
      ResultFormat: 'CSV',
    },
  );
  const page = await local.call('GetStatementResultV2', { Id });
  expect(page).toMatchObject({
    ResultFormat: 'CSV',
    TotalNumRows: 2,
    Records: [{ CSVRecords: '1,"x,""y""",,""\r\n2,é,z,\r\n' }],
  });
  await expect(local.call('GetStatementResult', { Id })).rejects.toThrow('was submitted with ResultFormat CSV');
  const json = await local.run('select 1');
  await expect(local.call('GetStatementResultV2', { Id: json.Id })).rejects.toThrow(
    'was submitted with ResultFormat JSON',
  );
});

test('a row of more than 64 KB is refused', async () => {
  const { Status, Error: why } = await local.run(`select repeat('x', 65000) as a, repeat('x', 600) as b`);
  expect([Status, why]).toEqual([
    'FAILED',
    'ERROR: Packet for query is too large (65600 > 65536): the Data API returns rows of at most 64 KB',
  ]);
});

test('a query that fails after thousands of rows fails, and gives none of them', async () => {
  await fillDigits();
  const done = await local.run(`select 1 / (n - 90000) as x from (${digits.replace(' order by 1', '')})`);
  expect(done).toMatchObject({ Status: 'FAILED', HasResultSet: false });
  await expect(local.call('GetStatementResult', { Id: done.Id })).rejects.toMatchObject({
    code: 'ResourceNotFoundException',
  });
  expect(files()).toHaveLength(0);
});

test('a query that is cancelled in the midst of its rows is ABORTED, and gives none of them', async () => {
  await fillDigits();
  const { Id } = await local.call('ExecuteStatement', {
    ...place,
    Sql: 'select a.n from t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k',
  });
  while ((await local.call('DescribeStatement', { Id })).Status !== 'STARTED') await new Promise(setImmediate);
  await local.call('CancelStatement', { Id });
  expect(await local.call('DescribeStatement', { Id, WaitTimeSeconds: 30 })).toMatchObject({
    Status: 'ABORTED',
    HasResultSet: false,
  });
  expect(files()).toHaveLength(0);
});

test('a result that would be larger than the limit is refused before it is fetched', async () => {
  await fillDigits();
  const columns = Array.from({ length: 100 }, (_, i) => `a.n as c${i}`).join(', ');
  const done = await local.run(`select ${columns} from t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k`);
  expect(done).toMatchObject({
    Status: 'FAILED',
    Error: 'ERROR: Database response exceeded size limit: the result is larger than 524288000 bytes',
  });
});
