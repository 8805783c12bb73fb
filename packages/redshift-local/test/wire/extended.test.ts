import type { Client } from 'pg';
import type { PromptPort } from '../../src/compose';
import type { TestWarehouse } from '../support/warehouse';
import { errorOf, logIn, logInRaw, startPrompt, valuesOf } from './clients';

describe('prepared statements of the PostgreSQL port', () => {
  let local: TestWarehouse;
  let port: PromptPort;
  let client: Client;
  beforeAll(async () => {
    ({ local, port } = await startPrompt());
    client = await logIn(port);
    await client.query(`create schema s; create table s.t (a int, b varchar(20), c decimal(10,2), d date, e timestamp, f boolean,
      g float, h timestamptz, i bigint, j super)`);
  });
  afterAll(async () => {
    await client.end();
    await local.dispose();
  });
  beforeEach(() => client.query('truncate s.t'));

  test('parameters take the type of their use', async () => {
    const values = [
      1,
      "it's \\ ok",
      '1.50',
      '2024-02-29',
      '2024-02-29 10:11:12.5',
      true,
      2.5,
      '2024-02-29T00:00:00Z',
      '9007199254740993',
    ];
    await client.query('insert into s.t values ($1, $2, $3, $4, $5, $6, $7, $8, $9, null)', values);
    expect(
      await valuesOf(
        client,
        'select a, b, c, d::varchar, e::varchar, f, g, i from s.t where a = $1 and b = $2',
        values.slice(0, 2),
      ),
    ).toEqual([[1, "it's \\ ok", '1.50', '2024-02-29', '2024-02-29 10:11:12.5', true, 2.5, '9007199254740993']]);
    expect(
      await valuesOf(client, 'select a from s.t where b like $1 and c between $2 and $3 limit $4', ["it's%", 1, 2, 5]),
    ).toEqual([[1]]);
    expect(await valuesOf(client, 'select coalesce($1, 7), $2::int + 1', [null, '4'])).toEqual([[7, 5]]);
  });

  test('a time without time zone ignores the offset of a parameter', async () => {
    await client.query('insert into s.t (d, e) values ($1, $2)', ['2024-02-29 +02', '2024-02-29 10:11:12.5+02']);
    expect(
      await valuesOf(client, 'select d::varchar, e::varchar, $1::time::varchar from s.t', ['10:11:12+02']),
    ).toEqual([['2024-02-29', '2024-02-29 10:11:12.5', '10:11:12']]);
    expect(await errorOf(client.query("select '2024-02-29 10:11:12+02'::timestamp"))).toMatchObject({ code: '0A000' });
  });

  test('values are never read as SQL', async () => {
    const nasty = "'; drop table s.t; -- \\' $1 \" \u{1f600}";
    expect(await valuesOf(client, 'select $1::varchar(100)', [nasty])).toEqual([[nasty]]);
    expect(await valuesOf(client, 'select count(*) from s.t')).toEqual([['0']]);
  });

  test('a named statement is parsed once and runs on the catalog of its execution', async () => {
    const named = (values: unknown[]) =>
      client.query({ name: 'count', text: 'select count(*) from s.t where a > $1', values });
    expect((await named([0])).rows).toEqual([{ count: '0' }]);
    await client.query('insert into s.t(a) values (1), (2)');
    expect((await named([1])).rows).toEqual([{ count: '1' }]);
    await client.query('deallocate count');
    expect(await errorOf(client.query('deallocate count'))).toMatchObject({ code: '26000' });
  });

  test('types have the numbers and modifiers of Redshift', async () => {
    const { fields } = await client.query('select * from s.t');
    expect(fields.map(({ dataTypeID, dataTypeModifier }) => [dataTypeID, dataTypeModifier])).toEqual([
      [23, -1],
      [1043, 24],
      [1700, 655_366],
      [1082, -1],
      [1114, -1],
      [16, -1],
      [701, -1],
      [1184, -1],
      [20, -1],
      [4000, -1],
    ]);
  });

  test('the binary format of results is that of PostgreSQL', async () => {
    const raw = await logInRaw(port);
    const sql =
      "select 7::int, 9007199254740993::bigint, -12345.67::decimal(12,4), true, 1.5::float, 'é', '2024-02-29'::date, '2000-01-01 00:00:01'::timestamp, 0.0001::decimal(5,4), 0::decimal(5,2)";
    raw.send('P', '', sql, int16(0));
    raw.send('B', '', '', int16(0), int16(0), int16(1), int16(1));
    raw.send('E', '', 0);
    raw.send('S');
    await raw.until('Z');
    const row = Buffer.from((await raw.until('D')).body, 'latin1');
    const values: string[] = [];
    for (let at = 2; at < row.length; at += 4 + row.readInt32BE(at))
      values.push(row.subarray(at + 4, at + 4 + row.readInt32BE(at)).toString('hex'));
    expect(values).toEqual([
      '00000007',
      '0020000000000001',
      '0003000140000004' + '0001' + '0929' + '1a2c',
      '01',
      '3ff8000000000000',
      'c3a9',
      '00002279',
      '00000000000f4240',
      '0001ffff00000004' + '0001',
      '0000000000000002',
    ]);
    raw.socket.destroy();
  });

  test('rows arrive in parts, and the portal ends with its transaction', async () => {
    await client.query('insert into s.t(a) values (1), (2), (3)');
    const raw = await logInRaw(port);
    raw.send('P', '', 'select a from s.t order by a', int16(0));
    raw.send('B', 'p', '', int16(0), int16(0), int16(0));
    for (let i = 0; i < 2; i += 1) raw.send('E', 'p', 2);
    raw.send('S');
    await raw.until('Z');
    expect(raw.received.map(({ type }) => type).join('')).toBe('12DDsDCZ');
    raw.forget();
    raw.send('E', 'p', 0);
    raw.send('S');
    expect((await raw.until('E')).body).toContain('C34000');
    raw.socket.destroy();
  });

  test('after an error, messages are skipped up to Sync', async () => {
    const raw = await logInRaw(port);
    raw.send('P', '', 'insert into s.t(a) values (1)', int16(0));
    raw.send('B', '', '', int16(0), int16(0), int16(0));
    raw.send('E', '', 0);
    raw.send('P', '', 'select nothing', int16(0));
    raw.send('E', '', 0);
    raw.send('S');
    await raw.until('Z');
    expect((await raw.until('E')).body).toMatch(/C42703.*P8/s);
    expect(raw.received.map(({ type }) => type).join('')).toBe('12CEZ');
    expect(await valuesOf(client, 'select count(*) from s.t')).toEqual([['0']]);
    raw.socket.destroy();
  });

  test('Describe infers types before any value is known', async () => {
    const raw = await logInRaw(port);
    raw.send('P', 's', 'select a from s.t where c = $1 and b = $2 and i > $3 limit $4', int16(0));
    raw.send('D', Buffer.from('S'), 's');
    raw.send('S');
    const oids = Buffer.from((await raw.until('t')).body.slice(2), 'latin1');
    expect([0, 4, 8, 12].map((at) => oids.readInt32BE(at))).toEqual([1700, 1043, 20, 20]);
    raw.socket.destroy();
  });

  test('a mistake is refused with its SQLSTATE and place', async () => {
    expect(await errorOf(client.query('select $1 + nothing', [1]))).toMatchObject({ code: '42703', position: '13' });
    expect(await errorOf(client.query('select 1; select 2 where 1 = $1', [1]))).toMatchObject({ code: '42601' });
    expect(await errorOf(client.query('select a from s.t where a = $1', ['x']))).toMatchObject({ code: '22P02' });
    expect(await errorOf(client.query('select $2::int', [1, 2, 3] as never))).toMatchObject({ code: '08P01' });
    expect(await errorOf(client.query('select $1::int', [Buffer.from([0xff])]))).toMatchObject({
      code: expect.any(String),
    });
    expect(await valuesOf(client, 'select 1')).toEqual([[1]]);
  });
});

const int16 = (value: number) => Buffer.from([value >> 8, value & 255]);
