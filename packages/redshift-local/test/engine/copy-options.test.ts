import { gzipSync } from 'node:zlib';
import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const someone = rolePrincipal('someone');

describe('options of COPY', () => {
  let local: TestWarehouse;
  beforeAll(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await local.run('create schema s');
  });
  afterAll(() => local.dispose());
  beforeEach(async () => {
    local.s3.objects.clear();
    await local.run('drop table if exists s.t');
    const made = await local.run(
      `create table s.t (id integer not null, name varchar(5), code varchar(3), day date, made varchar(10) default 'here', more super)`,
    );
    expect(made.Error).toBeUndefined();
  });

  const csv = (lines: readonly string[]) => local.s3.put(someone, 'history', 'in/1', Buffer.from(lines.join('\n')));
  const json = (lines: readonly string[]) => local.s3.put(someone, 'history', 'in/1', gzipSync(lines.join('\n')));
  const copy = (options: string, into = 's.t') =>
    local.run(
      `copy ${into} from 's3://history/in/' ${options.startsWith('credentials') ? '' : `iam_role '${roles.load}'`} ${options}`,
    );
  const rows = () => local.rows('select id, name, code, day, made from s.t order by id');
  const errors = () =>
    local.rows(
      'select line_number, trim(colname), err_code, trim(err_reason) from stl_load_errors where query = (select max(query) from stl_load_errors) order by 1',
    );

  test('CSV: NULL AS, BLANKSASNULL, EMPTYASNULL, TRIMBLANKS and a list of columns', async () => {
    await csv(['1,@,   ', '2,ab  ,x', '3,,']);
    const options = `csv ignoreblanklines null as '@'`;
    expect((await copy(`${options} blanksasnull trimblanks`, 's.t (id, name, code)')).Error).toBeUndefined();
    expect(await rows()).toEqual([
      [1, null, null, null, 'here'],
      [2, 'ab', 'x', null, 'here'],
      [3, '', '', null, 'here'],
    ]);
    await local.run('delete from s.t');
    await copy(`${options} emptyasnull`, 's.t (id, name, code)');
    expect(await rows()).toEqual([
      [1, null, '   ', null, 'here'],
      [2, 'ab  ', 'x', null, 'here'],
      [3, null, null, null, 'here'],
    ]);
  });

  test('TRUNCATECOLUMNS cuts between characters; without it a text that is too long is an error', async () => {
    await json([
      '{"id":1,"name":"abcdefg","code":"€uro"}',
      '{"id":2,"name":"abc€","code":"a€"}',
      '{"id":3,"name":"€€"}',
    ]);
    expect((await copy(`json 'auto' gzip truncatecolumns`)).ResultRows).toBe(3);
    expect(await rows()).toEqual([
      [1, 'abcde', '€', null, 'here'],
      [2, 'abc', 'a', null, 'here'],
      [3, '€', null, null, 'here'],
    ]);
    await local.run('delete from s.t');
    expect((await copy(`json 'auto' gzip`)).Error).toMatch(/^ERROR: Load into table 't' failed/);
    expect(await errors()).toEqual([
      [1, 'name', 1204, 'String length exceeds DDL length'],
      [2, 'name', 1204, 'String length exceeds DDL length'],
      [3, 'name', 1204, 'String length exceeds DDL length'],
    ]);
    expect(await rows()).toEqual([]);
  });

  test(`JSON 'auto': a missing attribute is its column's DEFAULT, null is NULL, and a NOT NULL column needs a value`, async () => {
    await json([
      '{"id":1}',
      '{"id":2,"made":null}',
      '{"name":"x"}',
      '{"id":null}',
      '{"id":3,"made":"far","more":{"a":[1.5]}}',
    ]);
    expect((await copy(`json 'auto' gzip maxerror 3`)).ResultRows).toBe(3);
    expect(await rows()).toEqual([
      [1, null, null, null, 'here'],
      [2, null, null, null, null],
      [3, null, null, null, 'far'],
    ]);
    expect(await local.rows('select json_serialize(more) from s.t where id = 3')).toEqual([['{"a":[1.5]}']]);
    expect(await errors()).toEqual([
      [3, 'id', 1213, 'Missing data for not-null field'],
      [4, 'id', 1213, 'Missing data for not-null field'],
    ]);
  });

  test('a quotation mark in the header opens no value', async () => {
    await csv(['id,"name', '1,a', '2,"b', 'c"']);
    expect((await copy('csv ignoreheader 1', 's.t (id, name)')).ResultRows).toBe(2);
    expect(await rows()).toEqual([
      [1, 'a', null, null, 'here'],
      [2, 'b\nc', null, null, 'here'],
    ]);
  });

  test('ACCEPTINVCHARS replaces each byte that is no part of a character', async () => {
    const lines = Buffer.concat([
      Buffer.from('1|a'),
      Buffer.from([0xff]),
      Buffer.from('é|x\n2|'),
      Buffer.from([0xe2, 0x82]),
      Buffer.from('b|y\n'),
    ]);
    await local.s3.put(someone, 'history', 'in/1', gzipSync(lines));
    expect((await copy(`gzip acceptinvchars as '^'`, 's.t (id, name, code)')).Error).toBeUndefined();
    expect(await rows()).toEqual([
      [1, 'a^é', 'x', null, 'here'],
      [2, '^^b', 'y', null, 'here'],
    ]);
  });

  test.each([
    [`json 'auto' null as 'x'`, '', 'NULL is not supported with JSON in COPY'],
    [`json 'auto' delimiter '|'`, '', 'DELIMITER is not supported with JSON in COPY'],
    ['parquet truncatecolumns', '', 'TRUNCATECOLUMNS is not supported with PARQUET in COPY'],
    [`json 'gz'`, '', `JSON 'gz' in COPY is not supported by the local warehouse`],
    [`json 'auto' acceptinvchars`, '', 'ACCEPTINVCHARS with JSON in COPY is not supported by the local warehouse'],
    ['csv removequotes', '', 'REMOVEQUOTES is not supported with CSV in COPY'],
    [`json 'auto' escape`, '', 'ESCAPE is not supported with JSON in COPY'],
    [`encoding utf16`, '', 'ENCODING UTF16 of COPY is not supported by the local warehouse'],
    [`credentials 'aws_access_key_id=a;aws_secret_access_key=b'`, '', 'CREDENTIALS other than aws_iam_role=… in COPY'],
    [`quote '%'`, '', 'QUOTE is not supported with delimited text in COPY'],
    [`csv ignoreblanklines dateformat 'auto'`, '', `DATEFORMAT 'auto' is not supported by the local warehouse`],
    [
      `csv ignoreblanklines null as 'a,b'`,
      '',
      'NULL AS with a delimiter, quotation mark or line end, "a,b", is not supported',
    ],
    [`json 'auto'`, '(id, nope)', 'column "nope" of COPY is not in the table'],
    [`json 'auto'`, '(id, id)', 'column "id" is listed twice'],
    [`json 'auto'`, '(name)', 'column "id" is NOT NULL without a DEFAULT, but COPY does not list it'],
    ['csv bzip2', '', 'COPY BZIP2 is not modelled by the local warehouse'],
  ])('%s %s is refused', async (options, list, message) => {
    await csv(['1']);
    expect((await copy(options, `s.t ${list}`)).Error).toContain(message);
  });
});
