import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { AwsError } from 'aws-local-kit';
import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const someone = rolePrincipal('someone');

/** Rows that have every difficulty of a text: the delimiters, quotes, line ends, a comment sign, nothing, NULL. */
const rows = `
  create table s.odd (id integer, name varchar(50), day date, amount decimal(12, 2), fine boolean, at timestamp, more super, bytes varbyte(10), wide double precision);
  insert into s.odd select 1, 'a|b,c"d', '2026-02-28'::date, 1.50, true, '2026-02-28 10:00:00.5'::timestamp, json_parse('{"k": [1, "x"]}'), to_varbyte('00ff', 'hex'), 0.1::double precision;
  insert into s.odd select 2, 'two\nlines\\\\', '2026-03-01'::date, 0, false, '2026-03-01 00:00:00'::timestamp, json_parse('null'), to_varbyte('', 'hex'), 2::double precision;
  insert into s.odd select 3, '', '2026-03-01'::date, null, null, null, json_parse('"t"'), null, null;
  insert into s.odd (id) values (4)`;

describe('UNLOAD', () => {
  let local: TestWarehouse;
  beforeAll(async () => {
    local = await startWarehouse(translate, ownerStatements);
    for (const sql of ['create schema s', ...rows.split(/;\n/)]) {
      const done = await local.run(sql);
      if (done.Status !== 'FINISHED') throw new Error(`${sql}: ${done.Error}`);
    }
  });
  afterAll(() => local.dispose());
  beforeEach(() => local.s3.objects.clear());
  afterEach(() => jest.restoreAllMocks());

  const unload = (query: string, options: string, to = 's3://exports/run/') =>
    local.run(`unload ($$${query}$$) to '${to}' iam_role '${roles.unload}' ${options}`);
  const keys = () => [...local.s3.objects.keys()].map((key) => key.replace('exports/', ''));
  const bytes = (key: string) => local.s3.get(someone, 'exports', key);
  const text = async (key: string) => (await bytes(key)).toString();
  const manifest = async (key = 'run/manifest') => JSON.parse(await text(key));
  const parquet = async (key: string, columns = '*') => {
    const connection = await (await DuckDBInstance.create()).connect();
    const read = await connection.runAndReadAll(
      `select ${columns} from read_parquet('${local.s3.pathOf('exports', key).replaceAll("'", "''")}', hive_partitioning = false)`,
    );
    return read.getRowsJson();
  };

  test('Parquet, and a manifest that tells its rows, bytes and columns', async () => {
    const done = await unload('select id, name, amount, more from s.odd order by id', 'parquet manifest verbose');
    expect([done.Status, done.Error, done.ResultRows]).toEqual(['FINISHED', undefined, 4]);
    expect(keys()).toEqual(['run/0000_part_00.parquet', 'run/manifest']);
    const size = local.s3.objects.get('exports/run/0000_part_00.parquet')!.size;
    expect(await manifest()).toEqual({
      entries: [{ url: 's3://exports/run/0000_part_00.parquet', meta: { content_length: size, record_count: 4 } }],
      schema: {
        elements: [
          { name: 'id', type: { base: 'integer' } },
          { name: 'name', type: { base: 'character varying', max_length: 50 } },
          { name: 'amount', type: { base: 'numeric', precision: 12, scale: 2 } },
          { name: 'more', type: { base: 'super' } },
        ],
      },
      meta: { content_length: size, record_count: 4 },
      author: { name: 'Amazon Redshift', version: '1.0.0' },
    });
    expect(await parquet('run/0000_part_00.parquet')).toEqual([
      [1, 'a|b,c"d', '1.50', '{"k": [1, "x"]}'],
      [2, 'two\nlines\\', '0.00', 'null'],
      [3, '', null, '"t"'],
      [4, null, null, null],
    ]);
    expect([...local.s3.callers].filter((caller) => caller !== someone.roleArn)).toEqual([roles.unload]);
  });

  test('CSV with a header, which the manifest counts', async () => {
    await unload('select id, name, fine, at, more, bytes from s.odd order by id', 'csv gzip header manifest verbose');
    expect(keys()).toEqual(['run/0000_part_00.gz', 'run/manifest']);
    expect(gunzipSync(await bytes('run/0000_part_00.gz')).toString()).toBe(
      [
        'id,name,fine,at,more,bytes',
        '1,"a|b,c""d",t,2026-02-28 10:00:00.5,"{""k"": [1, ""x""]}",00ff',
        '2,"two\nlines\\",f,2026-03-01 00:00:00,null,""',
        '3,"",,,"""t""",',
        '4,,,,null,',
        '',
      ].join('\n'),
    );
    expect((await manifest()).meta.record_count).toBe(5);
  });

  test('delimited text is the default; ESCAPE marks what would part a record, NULL AS stands for NULL but not for SUPER', async () => {
    await unload('select id, name, more from s.odd order by id', `header escape null as '@'`);
    expect(await text('run/0000_part_00')).toBe(
      ['id|name|more', '1|a\\|b,c"d|{"k": [1, "x"]}', '2|two\\\nlines\\\\|null', '3||"t"', '4|@|null', ''].join('\n'),
    );
    await unload('select id, name from s.odd order by id', `delimiter '\\t' allowoverwrite`);
    expect(await text('run/0000_part_00')).toBe('1\ta|b,c"d\n2\ttwo\nlines\\\n3\t\n4\t\n');
  });

  test('JSON: an object a line, SUPER nested', async () => {
    await unload('select id, name, day, amount, more, wide from s.odd order by id', 'json gzip');
    const lines = gunzipSync(await bytes('run/0000_part_00.gz'))
      .toString()
      .split('\n');
    expect(lines).toEqual([
      '{"id":1,"name":"a|b,c\\"d","day":"2026-02-28","amount":1.50,"more":{"k":[1,"x"]},"wide":0.1}',
      '{"id":2,"name":"two\\nlines\\\\","day":"2026-03-01","amount":0.00,"more":null,"wide":2}',
      '{"id":3,"name":"","day":"2026-03-01","amount":null,"more":"t","wide":null}',
      '{"id":4,"name":null,"day":null,"amount":null,"more":null,"wide":null}',
      '',
    ]);
  });

  test('a SUPER of several lines stays on the line of its object', async () => {
    await unload(`select json_parse('{"a":\n 1}') as v`, 'json');
    expect(await text('run/0000_part_00')).toBe('{"v":{"a":1}}\n');
  });

  test.each([
    ['parquet', '0000_part_00.parquet'],
    ['csv', '0000_part_00'],
    ['csv zstd', '0000_part_00.zst'],
    [`csv gzip extension 'csv.gz'`, '0000_part_00.csv.gz'],
    ['csv parallel off', '000'],
    ['parquet parallel off', '000.parquet'],
  ])('with %s a file is named %s', async (options, name) => {
    await unload('select id from s.odd', options, 's3://exports/venue_');
    expect(keys()).toEqual([`venue_${name}`]);
  });

  test('no rows, no files, but a manifest', async () => {
    for (const options of ['csv header', 'json', 'parquet', 'parquet partition by (id)'])
      expect(
        await unload('select id, name from s.odd where id > 9', `${options} manifest verbose allowoverwrite`),
      ).toMatchObject({ Status: 'FINISHED', ResultRows: 0 });
    expect(keys()).toEqual(['run/manifest']);
    expect(await manifest()).toMatchObject({ entries: [], meta: { content_length: 0, record_count: 0 } });
  });

  describe('PARTITION BY', () => {
    test('a folder for each value and one for NULL, one manifest at the root, the columns only with INCLUDE', async () => {
      await unload(
        'select * from (select id, day, name from s.odd) x order by id',
        'parquet manifest verbose partition by (day)',
        's3://exports/run',
      );
      expect(keys()).toEqual([
        'run/day=2026-02-28/0000_part_00.parquet',
        'run/day=2026-03-01/0000_part_00.parquet',
        'run/day=__HIVE_DEFAULT_PARTITION__/0000_part_00.parquet',
        'run/manifest',
      ]);
      expect(await parquet('run/day=2026-03-01/0000_part_00.parquet')).toEqual([
        [2, 'two\nlines\\'],
        [3, ''],
      ]);
      const { entries, meta, schema } = await manifest();
      expect(
        (entries as { url: string; meta: { record_count: number } }[]).map((entry) => [
          entry.url.split('/').slice(3).join('/'),
          entry.meta.record_count,
        ]),
      ).toEqual([
        ['run/day=2026-02-28/0000_part_00.parquet', 1],
        ['run/day=2026-03-01/0000_part_00.parquet', 2],
        ['run/day=__HIVE_DEFAULT_PARTITION__/0000_part_00.parquet', 1],
      ]);
      expect(meta.record_count).toBe(4);
      expect(schema.elements.map(({ name }: { name: string }) => name)).toEqual(['id', 'name']);

      local.s3.objects.clear();
      await unload('select id, day, amount from s.odd where id < 3', 'csv header partition by (amount, day) include');
      expect(keys()).toEqual([
        'run/amount=0.00/day=2026-03-01/0000_part_00',
        'run/amount=1.50/day=2026-02-28/0000_part_00',
      ]);
      expect(await text(keys()[0]!)).toBe('id,day,amount\n2,2026-03-01,0.00\n');
    });

    test('CLEANPATH empties only the folders that receive files', async () => {
      for (const key of ['run/day=2026-02-28/old', 'run/day=2025-01-01/old', 'run/other'])
        await local.s3.put(someone, 'exports', key, Buffer.from('old'));
      expect((await unload('select id, day from s.odd where id = 1', 'csv partition by (day)')).Error).toMatch(
        /is not empty/,
      );
      await unload('select id, day from s.odd where id = 1', 'csv cleanpath partition by (day)');
      expect(keys().sort()).toEqual(['run/day=2025-01-01/old', 'run/day=2026-02-28/0000_part_00', 'run/other']);
    });

    test('a value that a folder does not show as it is, is refused', async () => {
      for (const value of ['a/b', '', 'x=y', '..?', 'ü:'])
        expect((await unload(`select 1 as id, '${value}' as name`, 'csv partition by (name)')).Error).toMatch(
          /^line 1, column 1: UNLOAD partition value ".*" of column "name" is not modelled/,
        );
      await unload(`select 1 as id, 'Köln am Rhein' as name`, 'csv partition by (name)');
      expect(keys()).toEqual(['run/name=Köln am Rhein/0000_part_00']);
    });
  });

  test('MAXFILESIZE parts the rows in their order, and the counts of the manifest add up', async () => {
    const digits = 'select 0 as n union all select 1 union all select 2 union all select 3 union all select 4';
    const powers = [1, 5, 25, 125, 625, 3125, 15_625];
    const id = powers.map((power, index) => `${power} * d${index}.n`).join(' + ');
    const from = powers.map((_, index) => `(${digits}) d${index}`).join(' cross join ');
    const made = await local.run(
      `create table s.many as select id, sha2(id::varchar(10), 256) || sha2(id::varchar(9), 256) as hash from (select ${id} as id from ${from}) x`,
    );
    expect(made.Error).toBeUndefined();
    const done = await unload(
      'select id, hash from s.many order by id',
      'csv header parallel off maxfilesize 5 mb manifest verbose',
    );
    expect([done.Error, done.ResultRows]).toEqual([undefined, 78_125]);
    expect(keys()).toEqual(['run/000', 'run/001', 'run/002', 'run/manifest']);
    const { entries, meta } = await manifest();
    expect(meta.record_count).toBe(78_128);
    const ids: number[] = [];
    for (const { url, meta } of entries) {
      expect(meta.content_length).toBeLessThanOrEqual(5 * 2 ** 20);
      const [head, ...lines] = (await text(url.replace('s3://exports/', ''))).trimEnd().split('\n');
      expect([head, lines.length + 1]).toEqual(['id,hash', meta.record_count]);
      ids.push(...lines.map((line) => Number(line.split(',')[0])));
    }
    expect(ids).toEqual(Array.from({ length: 78_125 }, (_, id) => id));
  });

  test('fails over existing objects, unless they may be overwritten or cleaned', async () => {
    await local.s3.put(someone, 'exports', 'run/old', Buffer.from('old'));
    expect((await unload('select id from s.odd', 'parquet')).Error).toMatch(
      /^ERROR: Specified unload destination on S3 is not empty/,
    );
    expect(keys()).toEqual(['run/old']);
    await unload('select id from s.odd', 'parquet allowoverwrite');
    expect(keys()).toEqual(['run/old', 'run/0000_part_00.parquet']);
    await unload('select id from s.odd where id > 9', 'parquet cleanpath');
    expect(keys()).toEqual([]);
  });

  test('ROWGROUPSIZE only on the node types that have it', async () => {
    expect((await unload('select id from s.odd', 'parquet rowgroupsize 64 mb')).Error).toMatch(
      /^ERROR: ROWGROUPSIZE is not supported on nodes of type ra3.large, only on ra3.4xlarge/,
    );
  });

  test.each([
    ['', { algorithm: 'AES256' }],
    ['encrypted auto', undefined],
    [`encrypted kms_key_id 'abc'`, { algorithm: 'aws:kms', kmsKey: 'abc' }],
  ])('with "%s" objects and manifest are put with the encryption %p', async (options, encryption) => {
    const put = jest.spyOn(local.s3, 'put');
    const putFile = jest.spyOn(local.s3, 'putFile');
    await unload('select id from s.odd', `csv manifest ${options}`);
    expect([put.mock.calls[0]!.at(4), putFile.mock.calls[0]!.at(4)]).toEqual([encryption, encryption]);
  });

  test('what was written before it failed stays, also when the transaction is undone', async () => {
    const putFile = jest.spyOn(local.s3, 'putFile');
    const original = Object.getPrototypeOf(local.s3).putFile.bind(local.s3);
    putFile.mockImplementation(async (principal, bucket, key, file) => {
      if (key.includes('2026-03-01')) throw new AwsError('AccessDenied', 'Access Denied', 403);
      return original(principal, bucket, key, file);
    });
    const failed = await unload('select id, day from s.odd where id < 4', 'csv manifest partition by (day)');
    expect([failed.Status, failed.Error]).toEqual(['FAILED', 'ERROR: Access Denied']);
    expect(keys()).toEqual(['run/day=2026-02-28/0000_part_00']);
    jest.restoreAllMocks();
    const statement = `unload ('select id from s.odd') to 's3://exports/other/' iam_role '${roles.unload}' csv`;
    expect((await local.run([statement, 'select 1 / 0'])).Status).toBe('FAILED');
    expect(keys()).toContain('other/0000_part_00');
    expect(
      await local.rows(`select status, unloaded_rows from sys_unload_history where unloaded_location like '%other%'`),
    ).toEqual([['completed', 4]]);
  });

  test('what was unloaded can be copied back', async () => {
    await local.run('create table s.back (id integer, name varchar(50), amount decimal(12, 2))');
    for (const options of ['parquet', 'json gzip', 'json zstd']) {
      local.s3.objects.clear();
      await unload('select id, name, amount from s.odd', `${options} manifest verbose`);
      const format = options.startsWith('json') ? `json 'auto' ${options.slice(5)}` : options;
      const done = await local.run(
        `copy s.back from 's3://exports/run/manifest' iam_role '${roles.load}' manifest ${format}`,
      );
      expect([done.Error, done.ResultRows]).toEqual([undefined, 4]);
    }
    expect(
      await local.rows(
        'select count(*) from (select id, name, amount from s.odd union select id, name, amount from s.back) x',
      ),
    ).toEqual([[4]]);
    expect(await local.rows('select count(*) from s.back')).toEqual([[12]]);
  });

  test('SUPER comes back from Parquet with SERIALIZETOJSON alone, bytes from CSV', async () => {
    await local.run('create table s.kinds (id integer, more super)');
    await unload('select id, more from s.odd', 'parquet manifest verbose');
    const load = (options: string) =>
      local.run(`copy s.kinds from 's3://exports/run/manifest' iam_role '${roles.load}' manifest ${options}`);
    expect((await load('parquet')).Error).toMatch(/SUPER column "more" needs the option SERIALIZETOJSON/);
    expect((await load('parquet serializetojson')).Error).toBeUndefined();
    const kinds = (table: string) =>
      local.rows(`select id, json_typeof(more), json_serialize(more) from ${table} order by id`);
    expect(await kinds('s.kinds')).toEqual(await kinds('s.odd'));
    expect((await load("json 'auto' serializetojson")).Error).toMatch(/SERIALIZETOJSON is not supported with JSON/);

    local.s3.objects.clear();
    await local.run('create table s.bytes (id integer, bytes varbyte(10))');
    await unload('select id, bytes from s.odd', "csv null as 'none' manifest");
    const copied = await local.run(
      `copy s.bytes from 's3://exports/run/manifest' iam_role '${roles.load}' manifest csv null as 'none'`,
    );
    expect(copied.Error).toBeUndefined();
    const bytes = (table: string) =>
      local.rows(
        // What COPY makes of an empty field is not documented for bytes.
        `select id, octet_length(bytes), from_varbyte(bytes, 'hex') from ${table} where id <> 2 order by id`,
      );
    expect(await bytes('s.bytes')).toEqual(await bytes('s.odd'));
  });
});
