import type { Client } from 'pg';
import type { PromptPort } from '../../src/compose';
import { admin, type TestWarehouse } from '../support/warehouse';
import { errorOf, logIn, RawClient, startPrompt, valuesOf } from './clients';

describe('sessions of the PostgreSQL port', () => {
  let local: TestWarehouse;
  let port: PromptPort;
  let client: Client;
  beforeAll(async () => {
    ({ local, port } = await startPrompt());
    client = await logIn(port);
    await client.query('create schema s; create table s.t (a int, b varchar(20), c decimal(10,2))');
  });
  afterAll(async () => {
    await client.end();
    await local.dispose();
  });
  beforeEach(async () => {
    await client.query('rollback');
    await client.query("truncate s.t; insert into s.t values (1, 'one', 1.50), (2, null, 2)");
  });

  test('a client learns what Redshift says of itself', async () => {
    expect(await valuesOf(client, 'show server_version')).toEqual([['8.0.2']]);
    expect(await valuesOf(client, 'select current_user, current_database()')).toEqual([['millrace_owner', 'millrace']]);
  });

  test('one message of several statements is one transaction', async () => {
    const failed = await errorOf(client.query("insert into s.t values (3, 'x', 3); insert into s.t values ('x')"));
    expect(failed).toMatchObject({ code: '22P02' });
    expect(await valuesOf(client, 'select count(*) from s.t')).toEqual([['2']]);
    const results = (await client.query("insert into s.t values (3, 'x', 3); select count(*) from s.t")) as unknown as {
      command: string;
      rowCount: number;
      rows: unknown[];
    }[];
    expect(results.map(({ command, rowCount, rows }) => [command, rowCount, rows])).toEqual([
      ['INSERT', 1, []],
      ['SELECT', null, [{ count: '3' }]],
    ]);
  });

  test('a block is open between messages, side by side with others, until its end', async () => {
    const other = await logIn(port);
    await client.query('begin');
    await client.query("insert into s.t values (9, 'nine', 9)");
    expect(await valuesOf(client, 'select count(*) from s.t')).toEqual([['3']]);
    expect(await valuesOf(other, 'select count(*) from s.t')).toEqual([['2']]);
    await client.query('commit');
    expect(await valuesOf(other, 'select count(*) from s.t')).toEqual([['3']]);
    await other.end();
  });

  test('a failed block refuses everything until its end, holds no locks, and its COMMIT undoes it', async () => {
    const other = await logIn(port);
    await client.query("begin; insert into s.t values (9, 'nine', 9)");
    expect(await errorOf(client.query('select 1/0'))).toMatchObject({ code: '22012' });
    expect(await errorOf(client.query('select 1'))).toMatchObject({ code: '25P02' });
    await other.query('begin; lock s.t; commit');
    expect((await client.query('commit')).command).toBe('ROLLBACK');
    expect(await valuesOf(client, 'select count(*) from s.t')).toEqual([['2']]);
    await other.end();
  });

  test('a client that leaves a block open undoes it and frees its locks', async () => {
    const gone = await logIn(port);
    await gone.query("begin; lock s.t; insert into s.t values (9, 'nine', 9)");
    const waiting = client.query('update s.t set a = a + 10');
    await gone.end();
    await waiting;
    expect(await valuesOf(client, 'select a from s.t order by a')).toEqual([[11], [12]]);
  });

  test('temporary tables and settings belong to one session', async () => {
    const other = await logIn(port);
    await client.query('create temp table mine as select * from s.t; set search_path to s');
    expect(await valuesOf(client, 'select count(*) from mine')).toEqual([['2']]);
    expect(await valuesOf(client, 'select count(*) from t')).toEqual([['2']]);
    expect(await errorOf(other.query('select * from mine'))).toMatchObject({ code: '42P01' });
    expect(await errorOf(other.query('select * from t'))).toMatchObject({ code: '42P01', position: '15' });
    await other.end();
    await client.query('drop table mine; reset search_path');
  });

  test('a running statement is cancelled, and the session goes on', async () => {
    const other = await logIn(port);
    await other.query('begin; lock s.t');
    const waiting = errorOf(client.query('update s.t set a = 0'));
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const wrong = await RawClient.open(port);
    wrong.send('', 80_877_102, processID, secretKey ^ 1);
    await wrong.closed();
    const right = await RawClient.open(port);
    right.send('', 80_877_102, processID, secretKey);
    expect(await waiting).toMatchObject({ code: '57014' });
    await other.query('rollback');
    expect(await valuesOf(client, 'select count(*) from s.t')).toEqual([['2']]);
    await other.end();
  });

  test('a limited user is bound by its grants', async () => {
    await local.run("create user reader password 'Reader1pw'", { user: admin });
    const reader = await logIn(port, { user: 'reader', password: 'Reader1pw' });
    expect(await errorOf(reader.query('select * from s.t'))).toMatchObject({ code: '42501' });
    await client.query('grant usage on schema s to reader; grant select on s.t to reader');
    expect(await valuesOf(reader, 'select count(*) from s.t')).toEqual([['2']]);
    expect(await errorOf(reader.query('delete from s.t'))).toMatchObject({ code: '42501' });
    expect(await errorOf(reader.query('create schema mine'))).toMatchObject({ code: '42501' });
    await reader.end();
  });

  test('what is not modelled is refused by name and position', async () => {
    for (const [sql, name, position] of [
      ['copy s.t from stdin', 'stdin', '15'],
      ['select * from pg_enum', 'pg_enum', '15'],
      ['declare c cursor for select 1', 'DECLARE', '1'],
      ['select pg_sleep(1)', 'PG_SLEEP', '8'],
      ["select 'é', pg_sleep(1)", 'PG_SLEEP', '13'],
    ] as const) {
      const { message, ...error } = await errorOf(client.query(sql));
      expect([message.includes(name), error.position]).toEqual([true, position]);
    }
  });

  test('queries of the catalog may have what only the queries of clients have', async () => {
    for (const [sql, rows] of [
      ["select nspname as x from pg_namespace where x = 's'", [['s']]],
      ["select (atttypmod - 4) >> 16, (atttypmod - 4) & 65535 from pg_attribute where attname = 'c'", [[10, 2]]],
      ["select case 1when 1then 'one' end", [['one']]],
      ['select * from current_database()', [['millrace']]],
      ["select (current_schemas(true))[1], array_to_string(current_schemas(false), '+')", [['pg_catalog', 'public']]],
      ["select 's.t'::regclass = oid, oid::regclass from pg_class where relname = 't'", [[true, 't']]],
      [
        "select has_table_privilege('s.t', 'select'), has_schema_privilege('millrace_owner', 's', 'usage')",
        [[true, true]],
      ],
      ['select format_type(1700, 655366), pg_get_userbyid(-1)', [['numeric(10,2)', 'unknown (OID=-1)']]],
      ["select setting from pg_settings where name = 'datestyle'", [['ISO, MDY']]],
    ] as const)
      expect([sql, await valuesOf(client, sql)]).toEqual([sql, rows]);
    for (const sql of [
      'select a as x from s.t where x = 1',
      'select a & 1 from s.t',
      'select 6 >> 1',
      'select oid from s.t',
      'select format_type(23, -1) from s.t',
    ])
      expect([sql, (await errorOf(client.query(sql))).code]).toEqual([
        sql,
        expect.stringMatching(/^(?:42703|0A000|42601)$/),
      ]);
  });

  test('columns of late-binding views are listed', async () => {
    await client.query('create view s.late as select a, b from s.t with no schema binding');
    const sql =
      'select c, d from pg_get_late_binding_view_cols() v(a name, b name, c name, d varchar, e int) order by e';
    expect(await valuesOf(client, sql)).toEqual([
      ['a', 'integer'],
      ['b', 'character varying(20)'],
    ]);
    await client.query('drop view s.late');
  });

  test('a view follows a relation that is renamed', async () => {
    await client.query('create view s.v as select a from s.t; create view s.w as select a from s.v');
    await client.query('alter table s.t rename to u; alter table s.v rename to x');
    expect(await valuesOf(client, 'select a from s.w order by a')).toEqual([[1], [2]]);
    await client.query("create table s.t (a int, b varchar(20), c decimal(10,2)); insert into s.t values (7, 'x', 1)");
    expect(await valuesOf(client, 'select a from s.x order by a')).toEqual([[1], [2]]);
    await client.query('drop table s.u cascade');
    expect(await errorOf(client.query('select * from s.w'))).toMatchObject({ code: '42P01' });
  });
});
