import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Statement } from '../../src/statement';
import { rolePrincipal } from '../support/fakes';
import { say, translateJson } from '../support/json-translate';
import * as sql from '../support/statements';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

type Copy = Extract<Statement, { kind: 'copy' }>;

const copy = (of: Partial<Copy>) =>
  say({
    kind: 'copy',
    table: { schema: 's', name: 'staged' },
    from: 's3://history/in/',
    roleArn: roles.load,
    manifest: false,
    format: 'json-noshred',
    compression: 'gzip',
    maxErrors: 0,
    options: {},
    ...of,
  });
const someone = rolePrincipal('someone');

describe('COPY', () => {
  let local: TestWarehouse;
  const object = (key: string, content: string | Buffer) => local.s3.put(someone, 'history', key, gzipSync(content));
  const staged = () =>
    local.rows(sql.query('select payload from s.staged order by payload::varchar', { payload: 'super' }, ['s.staged']));
  const errors = () =>
    local.rows(
      sql.query('select file_name, line_number, error_code from millrace_system.sys_load_error_detail order by 1, 2', {
        file: 'text',
        line: 'bigint',
        code: 'bigint',
      }),
    );
  beforeEach(async () => {
    local = await startWarehouse(translateJson, sql.ownerStatements);
    await local.run([sql.createSchema('s'), sql.createTable('s.staged', { payload: 'super' }, 'payload json')]);
  });
  afterEach(() => local.dispose());

  test('loads a line a row from every object of a prefix, as the load role', async () => {
    await object('in/1', '{"a": 1.50}\n\n[2]\r\n');
    await object('in/2', '"three"');
    await object('other/3', '{"a":4}');
    const done = await local.run(copy({}));
    expect([done.Status, done.ResultRows]).toEqual(['FINISHED', 3]);
    expect(await staged()).toEqual([['"three"'], ['[2]'], ['{"a":1.50}']]);
    expect(local.s3.callers).toContain(roles.load);
  });

  test('a manifest names the objects; what is mandatory must be there', async () => {
    await object('in/1', '{"a":1}');
    const manifest = (mandatory: boolean) =>
      local.s3.put(
        someone,
        'work',
        'm',
        Buffer.from(
          JSON.stringify({
            entries: [
              { url: 's3://history/in/1', mandatory: true },
              { url: 's3://history/in/gone', mandatory },
            ],
          }),
        ),
      );
    await manifest(true);
    expect((await local.run(copy({ from: 's3://work/m', manifest: true }))).Error).toBe(
      'ERROR: mandatory object s3://history/in/gone of manifest s3://work/m does not exist',
    );
    await manifest(false);
    expect(await local.run(copy({ from: 's3://work/m', manifest: true }))).toMatchObject({
      Status: 'FINISHED',
      ResultRows: 1,
    });
  });

  test('lines that are not JSON or not UTF-8 are counted, by their number in the file', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":1}\nbroken\n'),
      Buffer.from([0xff, 0x0a]),
      Buffer.from([0xfe, 0x0a]),
      Buffer.from('{"a":5}\n\n{"a":\n'),
      Buffer.from([0xff, 0x0a]),
      Buffer.from('nope\n{"a":10}\n'),
    ]);
    await object('in/1', bytes);
    await object('in/2', '{"a":11}\nx\n[1,]\n{"a": NaN}\n{"b":", NaN, ]"}\n');
    const expected = [
      ['s3://history/in/1', 2, 1216],
      ['s3://history/in/1', 3, 1220],
      ['s3://history/in/1', 4, 1220],
      ['s3://history/in/1', 7, 1216],
      ['s3://history/in/1', 8, 1220],
      ['s3://history/in/1', 9, 1216],
      ['s3://history/in/2', 2, 1216],
      ['s3://history/in/2', 3, 1216],
      ['s3://history/in/2', 4, 1216],
    ];
    expect((await local.run(copy({ maxErrors: 9 }))).Error).toBe(
      `ERROR: Load into table 'staged' failed. Check 'sys_load_error_detail' system table for details`,
    );
    expect(await staged()).toEqual([]);
    expect(await errors()).toEqual(expected);
    const done = await local.run([
      copy({ maxErrors: 10 }),
      sql.query(
        `select getvariable('millrace_last_copy_id')::bigint - max(query_id) from millrace_system.sys_load_error_detail`,
        { same: 'bigint' },
      ),
    ]);
    expect(done.Status).toBe('FINISHED');
    expect(await staged()).toEqual([['{"a":10}'], ['{"a":11}'], ['{"a":1}'], ['{"a":5}'], ['{"b":", NaN, ]"}']]);
    expect((await local.call('GetStatementResult', { Id: `${done.Id}:2` })).Records).toEqual([[{ longValue: 0 }]]);
  });

  test(`JSON 'auto' takes attributes by name and refuses values that do not fit`, async () => {
    await local.run(
      sql.createTable(
        's.typed',
        { id: 'text', n: 'bigint', stamp: 'timestamp', more: 'super' },
        'id varchar, n bigint, stamp timestamp, more json',
      ),
    );
    await object(
      'in/1',
      '{"id":"x","n":"7","stamp":"2026-02-28T10:00:00.5Z","more":{"k":[1]},"unknown":1}\n{"id":"y","n":"seven"}\n{"n":null}\n',
    );
    const load = copy({
      table: { schema: 's', name: 'typed' },
      format: 'json-auto',
      maxErrors: 2,
      options: { timeformat: 'auto' },
    });
    expect(await local.run(load)).toMatchObject({ Status: 'FINISHED', ResultRows: 2 });
    expect(
      await local.rows(
        sql.query('select id, n, stamp, more from s.typed order by id', {
          id: 'text',
          n: 'bigint',
          stamp: 'timestamp',
          more: 'super',
        }),
      ),
    ).toEqual([
      ['x', 7, '2026-02-28 10:00:00.5', '{"k":[1]}'],
      [null, null, null, null],
    ]);
    expect(
      await local.rows(
        sql.query('select line_number, column_name from millrace_system.sys_load_error_detail', {
          line: 'bigint',
          column: 'text',
        }),
      ),
    ).toEqual([[2, 'n']]);
  });

  test('tells within the transaction which version of which file it read', async () => {
    await object('in/1', '{"a":1}\n\n[2]\nbroken');
    await object('in/2', '[3]');
    const files = sql.query(
      `select file_name, lines_scanned::bigint, file_etag from millrace_system.sys_load_detail where query_id = getvariable('millrace_last_copy_id') order by 1`,
      { file: 'text', lines: 'bigint', etag: 'text' },
    );
    const done = await local.run([copy({ maxErrors: 10 }), files]);
    const { Records } = await local.call('GetStatementResult', { Id: `${done.Id}:2` });
    const etag = (key: string) => local.s3.objects.get(`history/${key}`)!.etag.replaceAll('"', '');
    expect(Records).toEqual([
      [{ stringValue: 's3://history/in/1' }, { longValue: 3 }, { stringValue: etag('in/1') }],
      [{ stringValue: 's3://history/in/2' }, { longValue: 1 }, { stringValue: etag('in/2') }],
    ]);
  });

  test('reads the version that it tells of, though the object is overwritten meanwhile', async () => {
    await object('in/1', '[1]');
    const { s3 } = local;
    const link = s3.linkForRead.bind(s3);
    s3.linkForRead = async (...input) => {
      const info = await link(...input);
      await object('in/1', '[2]');
      return info;
    };
    const before = s3.objects.get('history/in/1')!.etag;
    await local.run(copy({}));
    expect(await staged()).toEqual([['[1]']]);
    expect(s3.objects.get('history/in/1')!.etag).not.toBe(before);
    const told = sql.query('select file_etag from millrace_system.sys_load_detail', { etag: 'text' });
    expect(await local.rows(told)).toEqual([[before.replaceAll('"', '')]]);
  });

  test('says which object is not of the named compression', async () => {
    await object('in/1', '[1]');
    await local.s3.put(someone, 'history', 'in/2', Buffer.from('[2]'));
    expect((await local.run(copy({}))).Error).toBe(
      'ERROR: s3://history/in/2 cannot be read: gzip: incorrect header check',
    );
    expect(await staged()).toEqual([]);
  });

  test('says which line is longer than any value may be', async () => {
    await object('in/1', `[1]\n"${'x'.repeat(45_000_000)}"\n`);
    expect((await local.run(copy({ maxErrors: 10 }))).Error).toBe(
      'ERROR: line 2 of s3://history/in/1 is longer than 20000000 bytes',
    );
  });

  test('ZSTD is read as GZIP is', async () => {
    const file = join(local.folder, 'lines.zst');
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(
      `copy (select * from (values ('{"a":1}'), ('[2]'))) to '${file}' (format csv, header false, quote '', escape '', delimiter '\t', compression zstd)`,
    );
    await local.s3.put(someone, 'history', 'in/1', readFileSync(file));
    await local.run(copy({ compression: 'zstd' }));
    expect(await staged()).toEqual([['[2]'], ['{"a":1}']]);
  });

  describe('into columns', () => {
    const shape = { id: 'text', n: 'bigint', amount: 'decimal', stamp: 'timestamp', more: 'super' } as const;
    const into = { table: { schema: 's', name: 'typed' }, maxErrors: 100 };
    const typed = () => local.rows(sql.query('select * from s.typed order by id, n', shape));
    const badLines = () =>
      local.rows(
        sql.query('select line_number, error_code, column_name from millrace_system.sys_load_error_detail order by 1', {
          line: 'bigint',
          code: 'bigint',
          column: 'text',
        }),
      );
    beforeEach(() =>
      local.run(
        sql.createTable('s.typed', shape, 'id varchar, n bigint, amount decimal(12, 2), stamp timestamp, more json'),
      ),
    );

    test('CSV: quotes, a header, NULL and empty fields, and a line for each record that does not fit', async () => {
      const lines = [
        'id,n,amount,stamp,more',
        '"a ""quoted"", b\nand more",1,2.349,2026-02-28 10:00:00,"{""k"": 1.50}"',
        '',
        'b,,,,',
        '\\N,2,,,[]',
        'short,1',
        'long,1,1,2026-02-28 10:00:00,[],x',
        'c,1.5,,,',
        'd,3,x,,',
        'e,3,,,"[1,]"',
        'f,3,,2026-02-30 10:00:00,',
        'g"x,3,,,',
        '',
      ];
      await object('in/1', lines.join('\r\n'));
      const load = copy({ ...into, format: 'csv', options: { ignoreheader: 1, ignoreblanklines: true } });
      expect(await local.run(load)).toMatchObject({ Status: 'FINISHED', ResultRows: 3 });
      expect(await typed()).toEqual([
        ['a "quoted", b\nand more', 1, '2.34', '2026-02-28 10:00:00', '{"k":1.50}'],
        ['b', null, null, null, null],
        [null, 2, null, null, '[]'],
      ]);
      expect(await badLines()).toEqual([
        [7, 1214, ''],
        [8, 1202, ''],
        [9, 1207, 'n'],
        [10, 1209, 'amount'],
        [11, 1224, 'more'],
        [12, 1206, 'stamp'],
        [13, 1216, ''],
      ]);
    });

    test('CSV without a mistake is read in one go, header by header', async () => {
      await object('in/1', 'h,h,h,h,h\na,1,1.5,2026-02-28 10:00:00,[1]\n');
      await object('in/2', 'h,h,h,h,h\nb,,,,\n');
      const options = { ignoreheader: 1, ignoreblanklines: true, emptyasnull: true };
      await local.run(copy({ ...into, format: 'csv', options, maxErrors: 0 }));
      expect(await typed()).toEqual([
        ['a', 1, '1.50', '2026-02-28 10:00:00', '[1]'],
        ['b', null, null, null, null],
      ]);
    });

    test(`JSON 'auto' neither rounds nor cuts whole numbers`, async () => {
      await object('in/1', '{"id":"a","n":1.5}\n{"id":"b","amount":0.129}\n{"id":"c","n":12}\n');
      await local.run(copy({ ...into, format: 'json-auto' }));
      expect(await typed()).toEqual([
        ['b', null, '0.12', null, null],
        ['c', 12, null, null, null],
      ]);
      expect(await badLines()).toEqual([[1, 1207, 'n']]);
    });

    describe('of PARQUET', () => {
      const parquet = async (key: string, query: string) => {
        const file = join(local.folder, 'file.parquet');
        const connection = await (await DuckDBInstance.create()).connect();
        await connection.run(`copy (${query}) to '${file}' (format parquet)`);
        await local.s3.put(someone, 'history', key, readFileSync(file));
      };
      const load = () => copy({ table: { schema: 's', name: 'flat' }, format: 'parquet', compression: 'none' });
      beforeEach(() =>
        local.run(
          sql.createTable(
            's.flat',
            { id: 'text', n: 'bigint', amount: 'decimal', stamp: 'timestamp' },
            'id varchar, n bigint, amount decimal(12, 2), stamp timestamp',
          ),
        ),
      );
      const row = `select 'a' as x, 1::bigint as y, 2.5::decimal(12, 2) as z, timestamp '2026-02-28 10:00:00' as t`;

      test('columns are taken by position', async () => {
        await parquet('in/1', row);
        await parquet('in/2', row.replace('as x', 'as other').replace("'a'", "'b'"));
        expect(await local.run(load())).toMatchObject({ Status: 'FINISHED', ResultRows: 2 });
        expect(
          await local.rows(
            sql.query('select id, n, amount, stamp from s.flat order by id', {
              id: 'text',
              n: 'bigint',
              amount: 'decimal',
              stamp: 'timestamp',
            }),
          ),
        ).toEqual([
          ['a', 1, '2.50', '2026-02-28 10:00:00'],
          ['b', 1, '2.50', '2026-02-28 10:00:00'],
        ]);
      });

      test.each([
        ['another number of columns', `${row}, 1 as more`, /Table columns: 4, Data columns: 5/],
        [
          'another integer',
          row.replace('1::bigint', '1::integer'),
          /column y. Column type: BIGINT, Parquet type: INTEGER/,
        ],
        ['another scale', row.replace('(12, 2)', '(12, 3)'), /incompatible Parquet schema for column z/],
        ['a text that is too long', row.replace("'a'", `repeat('a', 300)`), /data column id is longer than/],
      ])('refuses %s', async (_, query, message) => {
        await parquet('in/1', query);
        expect((await local.run(load())).Error).toMatch(message);
      });
    });
  });

  test('refuses what it does not model by name', async () => {
    expect((await local.run(copy({ options: { removequotes: true } }))).Error).toBe(
      'ERROR: COPY option REMOVEQUOTES is not modelled by the local warehouse',
    );
    await object('in/1', '{"a":1}\n\n{"a":2}\n');
    expect((await local.run(copy({ format: 'csv', compression: 'gzip' }))).Error).toBe(
      'ERROR: line 2 of s3://history/in/1 is blank: without IGNOREBLANKLINES that is not modelled by the local warehouse',
    );
  });
});
