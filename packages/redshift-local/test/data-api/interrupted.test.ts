import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { startWarehouse, type TestWarehouse } from '../support/warehouse';

let local: TestWarehouse;
beforeEach(async () => {
  local = await startWarehouse(translate, ownerStatements);
  await local.run('create table t (a integer)');
});
afterEach(() => local.dispose());

/** As a kill between the commit and the note of the statement's end would leave the folder. */
async function restartWithoutTheEndOf(id: string): Promise<void> {
  const file = join(local.folder, 'warehouse', 'statements.jsonl');
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const end = lines.findLastIndex((line) => line.includes(id));
  expect(JSON.parse(lines[end]!).status).not.toBe('SUBMITTED');
  writeFileSync(
    file,
    lines
      .filter((_, index) => index !== end)
      .map((line) => `${line}\n`)
      .join(''),
  );
  local = await local.restart();
}
const described = (Id: string) => local.call('DescribeStatement', { Id });

test('what was committed is FINISHED after the restart, also after another one', async () => {
  const { Id } = await local.run('insert into t values (1)');
  await restartWithoutTheEndOf(Id);
  expect(await described(Id)).toMatchObject({ Status: 'FINISHED', Error: undefined });
  await local.run('insert into t values (2)');
  local = await local.restart();
  expect(await described(Id)).toMatchObject({ Status: 'FINISHED' });
});

test('what was not committed is ABORTED', async () => {
  const { Id } = await local.run(['insert into t values (1)', 'insert into t select 1 / 0']);
  await restartWithoutTheEndOf(Id);
  expect(await described(Id)).toMatchObject({
    Status: 'ABORTED',
    Error: 'the warehouse was stopped while the statement ran',
    SubStatements: [{ Status: 'ABORTED' }, { Status: 'ABORTED' }],
  });
});

test('of a batch that commits one by one, each statement says what became of it', async () => {
  const sqls = ['insert into t values (1)', 'insert into t select 1 / 0', 'insert into t values (2)'];
  const { Id } = await local.run(sqls, { mode: 'AUTO_COMMIT' });
  await restartWithoutTheEndOf(Id);
  const { Status, SubStatements } = await described(Id);
  expect([Status, SubStatements.map((member: { Status: string }) => member.Status)]).toEqual([
    'ABORTED',
    ['FINISHED', 'ABORTED', 'FINISHED'],
  ]);
});

test('notes of what ended do not pile up', async () => {
  for (let i = 0; i < 20; i++) await local.run(`insert into t values (${i})`);
  const { records } = await noted();
  expect(records.length).toBeLessThanOrEqual(2);
});

async function noted() {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  await local.warehouse.dispose();
  const instance = await DuckDBInstance.create(join(local.folder, 'warehouse', 'database=millrace-dev.duckdb'), {
    access_mode: 'READ_ONLY',
  });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(`select name from millrace_system.objects where kind = 'done'`);
  connection.closeSync();
  instance.closeSync();
  return { records: reader.getRows() };
}
