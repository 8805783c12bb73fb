import fc from 'fast-check';
import { redshiftWords } from '../../src/sql/failure';
import { SqlError } from '../../src/statement';
import { cases, seedOf } from '../support/tier';
import { type Database, openDatabase } from './database';
import { grammar } from './grammar';

const runs = cases(200, 1000);

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run(
    `
    create schema shop;
    create table shop.t (id bigint, small smallint, name varchar(8), price decimal(10,2), at timestamp, ratio double precision, bytes varbyte, payload super);
    create table shop.u (k int, label varchar(10), code char(3), day date, opened boolean);
    insert into shop.t (id, small, name, price, at, ratio, payload) values
      (1, 2, 'abc', 1.25, '2026-01-01', 0.5, json_parse('{"a":{"b":"x"},"x":[1],"list":[1,"b",{"c":2}]}')),
      (2, -32768, 'é ', 99999999.99, '2028-02-29 23:59:59.999999', 1e0::float, json_parse('[1,2]')),
      (0, null, null, null, null, null, null)`.replace('1e0::float', "'1e300'::float8"),
  );
  await database.run(
    `insert into shop.u values (1, 'a ', 'x', '2024-02-29', true), (2, '', 'é'::varchar::varchar(1) || '', null, false)`.replace(
      `'é'::varchar::varchar(1) || ''`,
      `'yz'`,
    ),
  );
  await database.run(`insert into shop.u values (0, null, null, '0001-01-01', null)`);
});
afterAll(() => database.dispose());

const known =
  /^(?:division by zero|Numeric data overflow|Value out of range|value out of range|timestamp out of range|date\/time field|invalid input syntax|not a text that|value too long|negative substring|invalid JSON|invalid json|String contains invalid|cannot take|single-row subquery|a negative number raised|multibyte character|the key of an object|Result size exceeds|invalid (?:hex|base64) text|.* (?:is|are) not supported by the local warehouse)/;

/** Runs what is accepted; what then fails has to be in Redshift's words. */
async function check(sql: string): Promise<boolean> {
  try {
    database.translate(sql, { p: '1' });
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw new Error(`${sql}\n${(error as Error).stack}`);
  }
  try {
    await database.run(sql, { p: '1' });
  } catch (error) {
    const words = redshiftWords((error as Error).message);
    if (!known.test(words)) throw new Error(`${sql}\n${(error as Error).message}\n${words}`);
  }
  return true;
}

const statements = {
  expressions: grammar.v.map((value) => `select ${value} as v from shop.t t join shop.u u on u.k = t.id`),
  queries: grammar.q,
};

test.each(Object.keys(statements) as (keyof typeof statements)[])(
  'no accepted statement of %s fails in the words of the engine',
  async (name) => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(statements[name], async (sql) => {
        if (await check(sql)) accepted++;
      }),
      { numRuns: runs, seed: seedOf(7) },
    );
    expect(accepted).toBeGreaterThan(runs / 20);
  },
  // Of a busy machine; a fifth of a minute alone.
  600_000,
);
