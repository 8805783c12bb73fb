import type { Client } from 'pg';
import type { PromptPort } from '../../src/compose';
import { admin, type TestWarehouse } from '../support/warehouse';
import { errorOf, logIn, startPrompt, valuesOf } from './clients';

describe('the catalog that tools read', () => {
  let local: TestWarehouse;
  let port: PromptPort;
  let client: Client;
  const values = (sql: string) => valuesOf(client, sql);
  beforeAll(async () => {
    ({ local, port } = await startPrompt());
    client = await logIn(port);
    await client.query(`create schema s;
      create table s.parent (a int primary key, b varchar(20) not null, unique (b));
      create table s.child (id int, "Parent" int, b varchar(20), constraint child_key primary key (id, b), foreign key ("Parent") references s.parent,
        constraint by_b foreign key (b) references s.parent (b)) diststyle all;
      create table s.plain (a int encode zstd, b int) distkey (b) sortkey (b);
      create view s.v as select a from s.plain`);
  });
  afterAll(async () => {
    await client.end();
    await local.dispose();
  });

  const constraints = `select t.relname, c.conname, c.contype, c.conkey, f.relname, c.confkey, pg_get_constraintdef(c.oid) from pg_constraint c
    join pg_class t on t.oid = c.conrelid left join pg_class f on f.oid = c.confrelid`;

  test('pg_constraint has the keys that tables declare', async () => {
    expect(await values(`${constraints} order by 1, 2`)).toEqual([
      ['child', 'by_b', 'f', '{3}', 'parent', '{2}', 'FOREIGN KEY (b) REFERENCES s.parent(b)'],
      ['child', 'child_Parent_fkey', 'f', '{2}', 'parent', '{1}', 'FOREIGN KEY ("Parent") REFERENCES s.parent(a)'],
      ['child', 'child_key', 'p', '{1,3}', null, null, 'PRIMARY KEY (id, b)'],
      ['parent', 'parent_b_key', 'u', '{2}', null, null, 'UNIQUE (b)'],
      ['parent', 'parent_pkey', 'p', '{1}', null, null, 'PRIMARY KEY (a)'],
    ]);
  });

  test('pg_index, pg_class and pg_attribute have the indexes of primary and unique keys', async () => {
    expect(
      await values(`select t.relname, n.relname, n.relkind, i.indkey, i.indisprimary, i.indisunique, m.amname, a.attnum, a.attname, pg_get_indexdef(n.oid, a.attnum, false)
        from pg_index i join pg_class t on t.oid = i.indrelid join pg_class n on n.oid = i.indexrelid join pg_attribute a on a.attrelid = n.oid join pg_am m on m.oid = n.relam
        order by 1, 2, 8`),
    ).toEqual([
      ['child', 'child_key', 'i', '1 3', true, true, 'btree', 1, 'id', 'id'],
      ['child', 'child_key', 'i', '1 3', true, true, 'btree', 2, 'b', 'b'],
      ['parent', 'parent_b_key', 'i', '2', false, true, 'btree', 1, 'b', 'b'],
      ['parent', 'parent_pkey', 'i', '1', true, true, 'btree', 1, 'a', 'a'],
    ]);
    expect(
      await values("select relname, relhaspkey, reldiststyle from pg_class where relkind = 'r' order by 1"),
    ).toEqual([
      ['child', true, 8],
      ['parent', true, 9],
      ['plain', false, 1],
    ]);
    // Views of tables do not list indexes.
    expect(await values("select count(*) from svv_tables where table_schema = 's'")).toEqual([['4']]);
  });

  test('pg_depend leads from a foreign key to the index that it refers to', async () => {
    expect(
      await values(`select c.conname, n.relname from pg_constraint c join pg_depend d on d.objid = c.oid and d.classid = 'pg_constraint'::regclass::oid
        join pg_class n on n.oid = d.refobjid and d.refclassid = 'pg_class'::regclass::oid order by 1`),
    ).toEqual([
      ['by_b', 'parent_b_key'],
      ['child_Parent_fkey', 'parent_pkey'],
    ]);
  });

  test('keys follow ALTER TABLE', async () => {
    await client.query(`create table s.one (k int not null, u int, l int); create table s.two (k int);
      alter table s.one add primary key (k); alter table s.one add constraint mine unique (u);
      alter table s.two add foreign key (k) references s.one (k)`);
    expect(await errorOf(client.query('alter table s.one add primary key (k)'))).toMatchObject({
      message: 'multiple primary keys for table "one" are not allowed',
    });
    expect(await errorOf(client.query('alter table s.one add constraint mine unique (k)'))).toMatchObject({
      message: 'constraint "mine" for relation "one" already exists',
    });
    expect(await errorOf(client.query('alter table s.two add foreign key (k) references s.nowhere'))).toMatchObject({
      code: '42P01',
    });
    await client.query('alter table s.one rename column k to key; alter table s.one drop column u');
    await client.query('alter table s.one rename to uno');
    const ours = `${constraints} where t.relname in ('uno', 'two') order by 1, 2`;
    expect(await values(ours)).toEqual([
      ['two', 'two_k_fkey', 'f', '{1}', 'uno', '{1}', 'FOREIGN KEY (k) REFERENCES s.uno(key)'],
      ['uno', 'one_pkey', 'p', '{1}', null, null, 'PRIMARY KEY (key)'],
    ]);
    await client.query('alter table s.uno drop column key');
    expect(await values(ours)).toEqual([]);
    await client.query('drop table s.uno; drop table s.two');
    await client.query('create table s.one (k int primary key); create table s.two (k int references s.one)');
    expect(await errorOf(client.query('drop table s.one'))).toMatchObject({
      message: 'cannot drop one because other objects depend on it: constraint two_k_fkey on table two',
    });
    await client.query('drop table s.one cascade; create table s.one (k int primary key)');
    expect(await values(`${constraints} where t.relname = 'two'`)).toEqual([]);
    await client.query('drop table s.one; drop table s.two');
  });

  test('arrays of the catalog have items, and no others have', async () => {
    expect(
      await values(
        `select c.conname, s.n, c.conkey[s.n] from pg_constraint c, generate_series(1, 3) s(n) where c.conkey[s.n] is not null and c.contype = 'p' order by 1, 2`,
      ),
    ).toEqual([
      ['child_key', 1, 1],
      ['child_key', 2, 3],
      ['parent_pkey', 1, 1],
    ]);
    expect(await values("select conname, conkey[2] from pg_constraint where contype = 'p' order by 1")).toEqual([
      ['child_key', 3],
      ['parent_pkey', null],
    ]);
    expect(
      await values(`select indkey[0], indkey[s.n] from pg_index, generate_series(1, 1) s(n) where indnatts = 2`),
    ).toEqual([[1, 3]]);
    expect(
      await values(`select nspname from pg_namespace where nspname = any (current_schemas(true)) order by 1`),
    ).toEqual([['pg_catalog'], ['public']]);
    expect(
      await values(
        `select (current_schemas(true))[s.r], array_upper(current_schemas(true), 1) from generate_series(1, array_upper(current_schemas(true), 1)) as s(r) order by s.r`,
      ),
    ).toEqual([
      ['pg_catalog', 2],
      ['public', 2],
    ]);
    expect(
      await errorOf(client.query('select (information_schema._pg_expandarray(indkey)).n from pg_index')),
    ).toMatchObject({
      code: '0A000',
      message: expect.stringContaining('function INFORMATION_SCHEMA._PG_EXPANDARRAY'),
    });
    for (const sql of [
      "select 'a' = any ('{a}')",
      'select b[a] from s.parent',
      'select a from s.plain where a = any (b)',
      "select array_upper('{a}', 1)",
    ])
      expect([sql, (await errorOf(client.query(sql))).code]).toEqual([sql, '0A000']);
  });

  test('generate_series counts, on the leader node only', async () => {
    expect(await values('select * from generate_series(1, 3) n')).toEqual([[1], [2], [3]]);
    expect(await values('select s.i from pg_catalog.generate_series(7, 1, -3) as s(i)')).toEqual([[7], [4], [1]]);
    expect(await errorOf(client.query('select n from generate_series(1, 3) n, s.plain'))).toMatchObject({
      message: 'Specified types or functions not supported on Redshift tables',
    });
    expect(await errorOf(client.query("select * from generate_series('a', 3)"))).toMatchObject({ code: '22P02' });
    expect((await errorOf(client.query('select * from generate_series(1)'))).message).toContain(
      'takes 2 to 3 arguments',
    );
    expect(await errorOf(client.query('select * from json_each(1)'))).toMatchObject({
      code: '0A000',
      message: expect.stringContaining('function JSON_EACH in FROM'),
    });
  });

  test('types say how they are read, and encodings have names', async () => {
    expect(await values("select typname from pg_type where typinput = 'pg_catalog.array_in'::regproc")).toEqual([]);
    expect(await values("select typname from pg_type where typinput = 'int4in'::regproc")).toEqual([['int4']]);
    expect(await values('select format_type(nullif(typbasetype, 0), typtypmod) from pg_type limit 1')).toEqual([
      [null],
    ]);
    expect(
      await values(
        `select a.attname, format_encoding(a.attencodingtype::integer) from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relname = 'plain' order by 1`,
      ),
    ).toEqual([
      ['a', 'zstd'],
      ['b', 'none'],
    ]);
  });

  test('the tools of AWS add texts, and name functions in quotes', async () => {
    expect(
      await values(
        `select 'a ' + quote_ident(nspname) + '.', "left"(nspname, 1) from pg_namespace where nspname = 's'`,
      ),
    ).toEqual([['a s.', 's']]);
    expect(
      await values("select count(*) from pg_class where oid = split_part('x_' || oid, '_', 2) and relname = 'plain'"),
    ).toEqual([['1']]);
    expect(await values('select count(*) from pg_constraint where oid < 100000000')).toEqual([['5']]);
    expect(await errorOf(client.query('select a from s.parent where a = b'))).toMatchObject({
      code: '0A000',
      message: expect.stringContaining('operator = between integer and character varying(20)'),
    });
    expect(await errorOf(client.query("select b + 'x' from s.parent"))).toMatchObject({
      code: '0A000',
      message: expect.stringContaining('operator +'),
    });
  });

  test('ISNULL is for the catalog', async () => {
    expect(await values("select isnull(nullif(nspname, 'x'), 'none') from pg_namespace where nspname = 's'")).toEqual([
      ['s'],
    ]);
    expect(await errorOf(client.query('select isnull(a, 0) from s.plain'))).toMatchObject({ code: '0A000' });
  });

  test('what no table here has is empty, and has its documented columns', async () => {
    for (const sql of [
      "select proname, prooid, prokind, proargmodes from pg_catalog.pg_proc_info where prokind = 'p' or proargmodes is not null",
      'select routine_catalog, routine_schema, routine_name, specific_name, data_type from information_schema.routines',
      'select key, value from pg_conf',
    ])
      expect([sql, await values(sql)]).toEqual([sql, []]);
    for (const name of ['pg_timezone_names', 'pg_enum', 'stl_vacuum'])
      expect(await errorOf(client.query(`select * from ${name}`))).toMatchObject({
        code: '0A000',
        message: expect.stringContaining(name),
      });
  });

  test('sessions and recent statements are those of the user, or all for a superuser', async () => {
    await local.run("create user looker password 'Looker1pw'", { user: admin });
    const other = await logIn(port, { user: 'looker', password: 'Looker1pw' });
    await other.query('select 17');
    const sessions = 'select user_name, db_name from stv_sessions order by 1';
    const trimmed = (rows: unknown[][]) => rows.map((row) => row.map((value) => String(value).trim()));
    expect(trimmed(await valuesOf(other, sessions))).toEqual([['looker', 'millrace']]);
    expect(trimmed(await valuesOf(other, 'select status, query from stv_recents order by starttime desc'))).toEqual(
      expect.arrayContaining([
        ['Done', 'select 17'],
        ['Running', 'select status, query from stv_recents order by starttime desc'],
      ]),
    );
    expect(await valuesOf(other, 'select usename, current_query from pg_stat_activity order by 1')).toEqual([
      ['looker', 'select usename, current_query from pg_stat_activity order by 1'],
      ['millrace_owner', null],
    ]);
    await other.end();
  });

  test('a session that only reads writes nothing', async () => {
    await client.query('set readonly = 1');
    expect(await values('show readonly')).toEqual([['on']]);
    expect(await values('select count(*) from s.plain')).toEqual([['0']]);
    expect(await errorOf(client.query('insert into s.plain values (1, 1)'))).toMatchObject({
      code: '25006',
      message: 'transaction is read-only',
    });
    await client.query('begin');
    expect(await errorOf(client.query('create table s.more (a int)'))).toMatchObject({ code: '25006' });
    await client.query('rollback; set readonly = 0; insert into s.plain values (1, 1)');
    expect(await values('select count(*) from s.plain')).toEqual([['1']]);
  });
});
