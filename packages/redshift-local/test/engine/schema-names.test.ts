import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { cluster, startWarehouse, type TestWarehouse } from '../support/warehouse';

let local: TestWarehouse;
beforeEach(async () => {
  local = await startWarehouse(translate, ownerStatements);
});
afterEach(() => local.dispose());

test.each([cluster, 'millrace', 'dev'])('a schema may be called %s, as its cluster or its database', async (name) => {
  for (const sql of [
    `create schema "${name}"`,
    `create table "${name}".t (a integer)`,
    `insert into "${name}".t values (7)`,
    `create materialized view "${name}".m as select a from "${name}".t`,
  ])
    expect((await local.run(sql)).Error).toBeUndefined();
  expect(await local.rows(`select a from "${name}".m`)).toEqual([[7]]);
});

test.each(['main', 'temp', 'memory', 'system', `database=${cluster}`])(
  'a schema called %s is refused by name',
  async (name) => {
    expect(await local.run(`create schema "${name}"`)).toMatchObject({
      Status: 'FAILED',
      Error: expect.stringContaining(`a schema with the name "${name}" is not supported by the local warehouse`),
    });
  },
);
