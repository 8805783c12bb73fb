import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';
import cases from './everyday.json';

/** SQL as people write it, with what Redshift answers to its last statement, and where that is said. */
interface Everyday {
  readonly case: string;
  readonly sql: readonly string[];
  readonly rows?: readonly (readonly unknown[])[];
  /** Redshift refuses the last statement. */
  readonly error?: string;
  readonly source: string;
  /** How the local warehouse refuses it so far. */
  readonly refused?: string;
}

const tables = [
  'create table public.su (id int, payload super)',
  `insert into public.su select 1, json_parse('{"user":{"name":"Ann","age":30}}')`,
  'create table public.w1 (g int, x int)',
  'insert into public.w1 values (1, 10), (1, 20), (1, 30), (2, 5)',
  'create table public.orders_d (category varchar(20), product varchar(20), cost bigint)',
  `insert into public.orders_d values ('computers', 'laptop', 2050), ('computers', 'mouse', 50), ('cellphones', 'smartphone', 1610)`,
  'create table public.co (a int)',
];
const objects: Readonly<Record<string, string | Buffer>> = {
  'h.csv': 'id,name,amount\n1,"Smith, J",10.50\n2,Bob,7.00\n',
  'p.txt': '1|Smith|10.50\n2|Bob|7.00\n',
  'tfa.txt': '1|2024-05-01T10:00:00\n',
  'df.txt': '05/31/2024\n',
  'tb.txt': '1|ab   \n',
  'en.txt': '1||x\n',
  'inv.txt': Buffer.from('1|a\xffb\n', 'latin1'),
  'js.json': '{"id":1,"p":{"a":1}}\n',
  'me.txt': '1|a\nx|b\n2|c\n',
};

describe('everyday SQL', () => {
  let local: TestWarehouse;
  beforeAll(async () => {
    local = await startWarehouse(translate, [...ownerStatements, 'grant create on schema public to millrace_owner']);
    for (const sql of tables) expect((await local.run(sql)).Error).toBeUndefined();
    for (const [key, body] of Object.entries(objects))
      await local.s3.put(rolePrincipal('someone'), 'bkt', key, Buffer.from(body));
  });
  afterAll(() => local.dispose());

  const answer = async ({ sql }: Everyday) => {
    for (const text of sql.slice(0, -1)) {
      const done = await local.run(text.replace('{role}', roles.load));
      if (done.Error) return { error: done.Error as string };
    }
    const done = await local.run(sql.at(-1)!.replace('{role}', roles.load));
    if (done.Error) return { error: done.Error as string };
    if (!done.HasResultSet) return { rows: [] };
    const { Records } = await local.call('GetStatementResult', { Id: done.Id });
    return {
      rows: Records.map((record: object[]) =>
        record.map((field) => ('isNull' in field ? null : Object.values(field)[0])),
      ),
    };
  };

  test.each((cases as Everyday[]).map((each) => [each.case, each] as const))('%s', async (_, each) => {
    const got = await answer(each);
    if (each.refused !== undefined) expect(got).toEqual({ error: expect.stringContaining(each.refused) });
    else if (each.rows === undefined) expect(got).toEqual({ error: expect.any(String) });
    else expect(got).toEqual({ rows: each.rows });
  });
});
