import { gzipSync } from 'node:zlib';
import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const someone = rolePrincipal('someone');
const failed = /^ERROR: Load into table 't' failed/;

describe('what COPY makes of a value', () => {
  let local: TestWarehouse;
  beforeAll(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await local.run('create schema s');
  });
  afterAll(() => local.dispose());

  const copy = async (type: string, content: string | Buffer, format: string) => {
    local.s3.objects.clear();
    await local.run('drop table if exists s.t');
    expect((await local.run(`create table s.t (a ${type}, b varchar(9))`)).Error).toBeUndefined();
    await local.s3.put(someone, 'history', 'in/1', format.includes('gzip') ? gzipSync(content) : Buffer.from(content));
    const { Error: error } = await local.run(`copy s.t from 's3://history/in/' iam_role '${roles.load}' ${format}`);
    if (error !== undefined) {
      expect(await local.rows('select count(*) from s.t')).toEqual([[0]]);
      return error;
    }
    const plain = ['super', 'boolean', 'real', 'double precision'].includes(type);
    return (await local.rows(`select ${plain ? 'a' : 'a::varchar'} from s.t`)).map(([value]) => value);
  };
  const code = async () =>
    (
      await local.rows('select err_code from stl_load_errors where query = (select max(query) from stl_load_errors)')
    )[0];
  const json = (type: string, value: string, options = '') =>
    copy(type, `{"b":"x", "a": ${value}}\n`, `json 'auto' gzip ${options}`);
  const csv = (type: string, value: string | Buffer, options = '') =>
    copy(type, Buffer.concat([Buffer.from(value), Buffer.from(',x\n')]), `csv ignoreblanklines ${options}`);

  test.each([
    ['decimal(38, 18)', '"12345678901234567890.123456789012345678"', '12345678901234567890.123456789012345678'],
    ['decimal(18, 5)', '1234567890.12345', '1234567890.12345'],
    ['decimal(19, 0)', '"9223372036854775807"', '9223372036854775807'],
    ['decimal(19, 19)', '"-0.9223372036854775807"', '-0.9223372036854775807'],
    ['decimal(12, 2)', '-19.99', '-19.99'],
    ['decimal(12, 0)', '".5"', '0'],
    ['bigint', '9007199254740993', '9007199254740993'],
    ['bigint', '-9223372036854775808', '-9223372036854775808'],
    ['bigint', '"0042"', '42'],
    ['varchar(30)', '12345678901234567890', '12345678901234567890'],
    ['varchar(30)', '0.1', '0.1'],
    ['varchar(30)', 'true', 'true'],
    ['varchar(30)', '"{not an object}"', '{not an object}'],
    ['varchar(30)', '"1.50"', '1.50'],
    ['boolean', '1', true],
    ['boolean', '"f"', false],
    ['boolean', '"yes"', true],
    ['date', '"2024-02-29"', '2024-02-29'],
    [
      'super',
      '{"n": 12345678901234567890.123, "m": [0.0999999999999999999999, "7"]}',
      '{"n":12345678901234567890.123,"m":[0.0999999999999999999999,"7"]}',
    ],
  ])('JSON into %s: %s is %s', async (type, value, expected) => {
    expect(await json(type, value)).toEqual([expected]);
  });

  test.each([
    ['double precision', '1e3', 1000],
    ['double precision', '0.30000000000000004', 0.30000000000000004],
    ['real', '1.5', 1.5],
  ])('JSON into %s: %s is %d', async (type, value, expected) => {
    expect(await json(type, value)).toEqual([expected]);
  });

  test.each(['[{"a":"1"}]', '"a"', ' 7', 'null'])('a line of JSON %s is refused', async (line) => {
    const error = await copy('varchar(9)', `{"a":"1"}\n${line}\n`, `json 'auto'`);
    expect(error).toContain('line 2 of s3://history/in/1: a line that is no JSON object');
  });

  test('times have microseconds', async () => {
    expect(await json('timestamp', '"2026-02-28T10:00:00.123456Z"', "timeformat 'auto'")).toEqual([
      '2026-02-28 10:00:00.123456',
    ]);
    expect(await json('timestamp', '"2026-02-28 10:00:00.123456"')).toEqual(['2026-02-28 10:00:00.123456']);
    expect(await json('timestamp', '1772272800123', "timeformat 'epochmillisecs'")).toEqual([
      '2026-02-28 10:00:00.123',
    ]);
  });

  test.each([
    ['bigint', '9223372036854775808', 1207],
    ['bigint', '1e3', 1207],
    ['bigint', '1.0', 1207],
    ['bigint', '"1_000"', 1207],
    ['double precision', '1e400', 1208],
    ['double precision', '"1e-400"', 1208],
    ['double precision', '"1_000"', 1208],
    ['real', '1e39', 1208],
    ['decimal(5, 2)', '1000', 1209],
    ['decimal(19, 0)', '"9223372036854775808"', 1209],
    ['decimal(19, 4)', '"-922337203685477.5808"', 1209],
    ['decimal(5, 2)', '"1_0"', 1209],
    ['boolean', '2', 1210],
    ['boolean', '"on"', 1210],
    ['date', '"2026-02-29"', 1205],
    ['date', '"0000-01-01"', 1205],
    ['date', '"soon"', 1205],
    ['timestamp', '"2026-02-29 10:00:00"', 1206],
    ['timestamp', '"soon"', 1206],
  ])('JSON into %s: %s is load error %d', async (type, value, expected) => {
    expect(await json(type, value)).toMatch(failed);
    expect(await code()).toEqual([expected]);
  });

  test.each([
    [
      'decimal(38, 18)',
      '12345678901234567890.123456789012345678',
      'more than 15 digits, and not in quotation marks, into DECIMAL',
    ],
    ['decimal(38, 30)', '0.0999999999999999999999', 'more than 15 digits, and not in quotation marks, into DECIMAL'],
    ['decimal(38, 0)', '1234567890123456789', 'more than 15 digits, and not in quotation marks, into DECIMAL'],
    ['decimal(12, 2)', '1e3', 'with an exponent'],
    ['decimal(12, 2)', '"1e3"', 'a number with an exponent into DECIMAL'],
    ['varchar(30)', '1.50', 'closing zeros'],
    ['varchar(30)', '1e3', 'with an exponent'],
    ['varchar(30)', '-0', 'into VARCHAR'],
    ['varchar(30)', '0.00000001', 'into VARCHAR'],
    ['varchar(30)', '123456789012345.12345', 'into VARCHAR'],
    ['varchar(30)', '{"k": 1}', 'a JSON object or array into VARCHAR'],
    ['varchar(30)', '[1]', 'a JSON object or array into VARCHAR'],
    ['varchar(30)', '"x\\u0000y"', 'the character U+0000'],
    ['varchar(30)', '1, "a": 2', 'an attribute that is there twice'],
    ['varchar(30)', '1, "\\u0061": 2', 'an escaped ASCII character'],
    ['double precision', '1e-400', 'close to zero'],
    ['bigint', '""', 'an empty text into BIGINT'],
    ['boolean', '""', 'an empty text into BOOLEAN'],
    ['real', '"nan"', 'NaN or Infinity'],
    ['double precision', '"-Infinity"', 'NaN or Infinity'],
    ['date', '"2026-02-28T10:00:00"', 'not written YYYY-MM-DD'],
    ['date', '"01/02/2026"', 'not written YYYY-MM-DD'],
    ['date', '"10000-01-01"', 'not written YYYY-MM-DD'],
    ['timestamp', '"2026-02-28T10:00:00Z"', "without TIMEFORMAT 'auto'"],
    ['timestamp', '"2026-02-28 24:00:00"', "without TIMEFORMAT 'auto'"],
    ['timestamp', '"infinity"', "without TIMEFORMAT 'auto'"],
  ])('JSON into %s: %s is refused by name, whatever MAXERROR says', async (type, value, expected) => {
    const error = await json(type, value, 'maxerror 10');
    expect(error).toContain(expected);
    expect(error).toMatch(
      /^line 1, column 1: line 1 of s3:\/\/history\/in\/1: .* column "a" is not modelled by the local warehouse$/,
    );
  });

  test.each([
    '2026-02-28T10:00:00.1234567',
    '2026-02-28T10:00:00+02:00',
    '2026-02-28T24:00:00.000',
    '2026-02-28T10:00:60',
    '20260228 100000',
  ])("TIMEFORMAT 'auto' refuses %s", async (value) => {
    expect(await json('timestamp', `"${value}"`, "timeformat 'auto'")).toContain('not ISO 8601 in UTC');
  });

  test('an attribute of a nested object is none of the record', async () => {
    expect(await json('varchar(5)', '"x", "c": {"a": {"a": 1.50}}')).toEqual(['x']);
  });

  test.each([
    ['varchar(30)', '1.50', '1.50'],
    ['varchar(30)', '""', ''],
    ['varchar(30)', '', ''],
    ['varchar(30)', '\\N', null],
    ['bigint', '""', null],
    ['bigint', '', null],
    ['bigint', '007', '7'],
    ['decimal(38, 18)', '12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'],
    ['boolean', 't', true],
  ])('CSV into %s: %s is %s', async (type, value, expected) => {
    expect(await csv(type, value)).toEqual([expected]);
  });

  test.each([
    ['varchar(30)', '"\\N"', 'the text of NULL in quotation marks'],
    ['varchar(30)', 'x\0y', 'the character U+0000'],
    ['bigint', '\0', 'the character U+0000'],
    ['decimal(12, 2)', '1e3', 'a number with an exponent into DECIMAL'],
    ['date', '2026-2-8', 'not written YYYY-MM-DD'],
  ])('CSV into %s: %j is refused by name', async (type, value, expected) => {
    expect(await csv(type, value, 'maxerror 10')).toContain(expected);
  });

  test('bytes that are not UTF-8 are a load error', async () => {
    const bytes = Buffer.from([0x61, 0xed, 0xa0, 0x80]);
    expect(await csv('varchar(30)', bytes)).toMatch(failed);
    expect(await code()).toEqual([1220]);
    const line = Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}\n')]);
    expect(await copy('varchar(30)', line, `json 'auto' gzip`)).toMatch(failed);
    expect(await code()).toEqual([1220]);
  });

  test('a table of many columns is loaded as one of few, and a doubled attribute is found in it', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `c${index}`);
    const line = (row: number) => JSON.stringify(Object.fromEntries(names.map((name) => [name, row])));
    const load = async (lines: readonly string[]) => {
      local.s3.objects.clear();
      await local.run('drop table if exists s.t');
      await local.run(`create table s.t (${names.map((name) => `${name} bigint`).join(', ')})`);
      await local.s3.put(someone, 'history', 'in/1', gzipSync(`${lines.join('\n')}\n`));
      return (await local.run(`copy s.t from 's3://history/in/' iam_role '${roles.load}' json 'auto' gzip`)).Error;
    };
    const lines = Array.from({ length: 500 }, (_, row) => line(row));
    expect(await load(lines)).toBeUndefined();
    expect(await local.rows('select count(*), sum(c0), sum(c199) from s.t')).toEqual([[500, '124750', '124750']]);
    expect(await load([...lines, line(1).replace('{', '{"c7":1,')])).toMatch(/line 501 .* twice, for column "c7"/);
  });
});
