import { gzipSync } from 'node:zlib';
import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const someone = rolePrincipal('someone');

describe.each([
  ['plain', '', (text: string) => Buffer.from(text)],
  ['gzip', 'gzip', (text: string) => gzipSync(text)],
])('COPY of JSON reads objects, not lines: %s', (_, compression, packed) => {
  let local: TestWarehouse;
  const put = (key: string, text: string) => local.s3.put(someone, 'history', key, packed(text));
  const copy = (format = 'noshred', options = '', table = 's.staged') =>
    local.run(
      `copy ${table} from 's3://history/in/' iam_role '${roles.load}' json '${format}' ${compression} ${options}`,
    );
  const staged = async () =>
    (await local.rows('select json_serialize(payload) from s.staged')).flat().sort() as string[];
  const scanned = () => local.rows('select trim(file_name), lines_scanned from sys_load_detail order by 1');
  const errors = () => local.rows('select line_number, trim(error_message) from sys_load_error_detail order by 1');
  beforeEach(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await local.run([
      'create schema s',
      'create table s.staged (payload super)',
      'create table s.typed (a int, b super)',
    ]);
  });
  afterEach(() => local.dispose());

  test.each([
    ['over several lines', '{\n  "a": 1,\n  "b": [\n    {"a": 9},\n    2\n  ]\n}\n{\n"a":2\n}', 10],
    ['without indentation', '{\n"b":\n{\n"a":1\n}\n}\n{"a":2}\n', 7],
    ['with a blank between', '{"a":1} {"a":2}\t{"a":3}', 1],
    ['with nothing between', '{"a":1}{"a":2}{"a":3}', 1],
    ['on lines and over lines', '{"a":1}\n\n{"a":2} {\n"a":3}{"a":4}\r\n{"a":5}\r\n', 4],
  ])('objects %s', async (_name, text, lines) => {
    await put('in/1', text);
    expect((await copy()).Error).toBeUndefined();
    const values = text.includes('"b"') ? 2 : text.match(/"a"/g)!.length;
    expect(await staged()).toHaveLength(values);
    expect(await scanned()).toEqual([['s3://history/in/1', lines]]);
  });

  test('objects over several lines become columns, and keep their numbers', async () => {
    await put('in/1', '{\n  "a": 1,\n  "b": {\n    "x": 1.10\n  }\n}\n{"a": 2, "b": "\\u00e9"}');
    expect((await copy('auto', '', 's.typed')).Error).toBeUndefined();
    expect(await local.rows('select a, json_serialize(b) from s.typed order by a')).toEqual([
      [1, '{"x":1.10}'],
      [2, '"é"'],
    ]);
  });

  test('a line that is no JSON spoils no object after it, and is named by its last line', async () => {
    await put('in/1', '{"a":1}\n{"a": 2\n{"a":3}\nGET /\n{\n"a":\n4}\n{"a":5},\n{"a":\n');
    expect((await copy('noshred', 'maxerror 10')).Error).toBeUndefined();
    expect(await staged()).toEqual(['{"a":1}', '{"a":3}', '{"a":4}']);
    expect(await errors()).toEqual([2, 4, 8, 9].map((line) => [line, 'Invalid JSON format']));
  });

  test('what SUPER does not take is named by the last line of its object', async () => {
    await put('in/1', '{"a":1}\n{\n"a":2,\n"a":3\n}\n{"a":4}\n');
    expect((await copy('noshred', 'maxerror 10')).Error).toBeUndefined();
    expect(await staged()).toEqual(['{"a":1}', '{"a":4}']);
    expect(await errors()).toEqual([[5, 'Invalid JSON format']]);
  });

  test('a file of opening brackets is many lines that are no JSON, in time', async () => {
    await put('in/1', '[\n'.repeat(3000));
    expect((await copy('noshred', 'maxerror 100000')).Error).toBeUndefined();
    expect(await local.rows('select count(*) from sys_load_error_detail')).toEqual([[3000]]);
  });
});
