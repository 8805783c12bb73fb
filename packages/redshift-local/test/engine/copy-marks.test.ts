import { gzipSync } from 'node:zlib';
import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const someone = rolePrincipal('someone');
let local: TestWarehouse;
beforeAll(async () => {
  local = await startWarehouse(translate, ownerStatements);
  await local.run('create schema s');
});
afterAll(() => local.dispose());
beforeEach(async () => {
  local.s3.objects.clear();
  await local.run('drop table if exists s.t');
  await local.run(`create table s.t (id integer, name varchar(60), more varchar(20) default 'here', big super)`);
});

const put = (body: string, key = 'in/1') => local.s3.put(someone, 'history', key, Buffer.from(body));
const copy = (options: string, into = 's.t (id, name)') =>
  local.run(`copy ${into} from 's3://history/in/' iam_role '${roles.load}' ${options}`);
const rows = (columns = 'id, name') => local.rows(`select ${columns} from s.t order by id`);
const errors = () =>
  local.rows(
    'select line_number, err_code, trim(err_reason) from stl_load_errors where query = (select max(query) from stl_load_errors) order by 1',
  );

describe('ESCAPE and REMOVEQUOTES', () => {
  test("the page's example of ESCAPE", async () => {
    await put(
      String.raw`1|The quick brown fox\
jumped over the lazy dog.
2|A\\B\\C
3|A \| B \| C
4|'A Midsummer Night\'s Dream'
5|\N
6|\\N
7|\012
`,
    );
    expect((await copy('escape removequotes')).Error).toBeUndefined();
    expect(await rows()).toEqual([
      [1, 'The quick brown fox\njumped over the lazy dog.'],
      [2, String.raw`A\B\C`],
      [3, 'A | B | C'],
      [4, "A Midsummer Night's Dream"],
      [5, null],
      [6, null],
      [7, '012'],
    ]);
  });

  test("the page's table of REMOVEQUOTES", async () => {
    await put(`1|"The delimiter is a pipe (|) character"
2|'Black'
3|"White"
4|Blue'
5|' '
6|' 'Black' '
7|'Blue
8|"Blue
`);
    expect((await copy('removequotes maxerror 5')).Error).toBeUndefined();
    expect(await rows()).toEqual([
      [1, 'The delimiter is a pipe (|) character'],
      [2, 'Black'],
      [3, 'White'],
      [4, "Blue'"],
      [5, ' '],
      [6, " 'Black' "],
    ]);
    expect(await errors()).toEqual([7, 8].map((line) => [line, 1214, 'Delimited value missing end quote']));
  });

  test('errors name the line of the object, below a header, after values of several lines and in gzip', async () => {
    const text = 'id,"name\n1,a\\\nb\n\nx,c\n3,d,e\n4,\\"f"\n';
    await local.s3.put(someone, 'history', 'in/1', gzipSync(text));
    const options = `gzip escape delimiter ',' ignoreheader 1 ignoreblanklines maxerror 9`;
    expect((await copy(options)).Error).toBeUndefined();
    expect(await rows()).toEqual([
      [1, 'a\nb'],
      [4, '"f"'],
    ]);
    expect(await errors()).toEqual([
      [5, 1207, 'Invalid digit'],
      [6, 1202, 'Extra column(s) found'],
    ]);
  });

  test.each([
    ['escape', '1|a\\', 'the last line of s3://history/in/1 ends with a backslash'],
    [
      'removequotes',
      '1| "a"',
      'line 1 of s3://history/in/1: blanks before a quotation mark with REMOVEQUOTES are not modelled',
    ],
    [
      'removequotes',
      '1|"\\N"',
      'the text of NULL in quotation marks or with escapes, for column "name" is not modelled',
    ],
  ])('%s refuses what AWS leaves open: %j', async (options, text, message) => {
    await put(text);
    expect((await copy(options)).Error).toContain(message);
  });

  test('ROUNDEC rounds what COPY otherwise cuts, as the page says', async () => {
    await local.run('create table s.money (amount decimal(8,2))');
    await put('20.259\n');
    await copy('', 's.money');
    await copy('roundec', 's.money');
    expect(await local.rows('select amount from s.money order by 1')).toEqual([['20.25'], ['20.26']]);
  });
});

describe('JSONPaths', () => {
  const paths = (list: unknown, key = 'paths.json') => put(JSON.stringify(list), key);
  const load = (into = 's.t', options = '') => copy(`json 's3://history/paths.json' ${options}`, into);
  const all = 'id, name, more, json_serialize(big)';

  test.each([
    ['brackets', ["$['id']", "$['store']['book']['title']", "$['location'][0]", "$['tags']"]],
    ['dots', ['$.id', '$.store.book.title', '$.location[0]', '$.tags']],
  ])('paths with %s', async (_, jsonpaths) => {
    await paths({ jsonpaths });
    const body = { id: 1, store: { book: { title: 'Ä' } }, location: [1.5, 2], tags: ['x', { y: 1.5 }] };
    await put(
      `${JSON.stringify(body)}\n${JSON.stringify({ ...body, id: 2 }, undefined, 2)}{"id":"3","location":[null]}`,
    );
    expect((await load()).Error).toBeUndefined();
    expect(await rows(all)).toEqual([
      [1, 'Ä', '1.5', '["x",{"y":1.5}]'],
      [2, 'Ä', '1.5', '["x",{"y":1.5}]'],
      [3, null, null, null],
    ]);
  });

  test('records may be arrays; an object or array is a text, as it is written', async () => {
    await paths({ jsonpaths: ['$[0]', '$[1]'] });
    await local.s3.put(someone, 'history', 'in/1', gzipSync('[1,{"a":[1.50,"b"]}][2,["x"]]\n[\n3,\ntrue\n]'));
    expect((await load('s.t (id, name)', 'gzip')).Error).toBeUndefined();
    expect(await rows()).toEqual([
      [1, '{"a":[1.50,"b"]}'],
      [2, '["x"]'],
      [3, 'true'],
    ]);
  });

  test('a file without "jsonpaths" is ignored', async () => {
    await paths({ paths: ['$.name'] });
    await put('{"id":1,"name":"x"}');
    await load('s.t');
    expect(await rows()).toEqual([[1, 'x']]);
  });

  test.each([
    [{ jsonpaths: ['$.id'] }, '{}', 'it has 1 paths for 2 columns'],
    [{ jsonpaths: ['$.id', ''] }, '{}', 'path 2 is not a text, or is empty'],
    [{ jsonpaths: ['$.id', "$['a']"] }, '{}', 'it mixes dots and brackets for names'],
    [{ jsonpaths: ['$.id', '$.a[*]'] }, '{}', 'path $.a[*] of JSONPaths file s3://history/paths.json is not modelled'],
    [['$.id', '$.a'], '{}', 'it is not one JSON object'],
    [
      { jsonpaths: ['$.id', '$.a[1]'] },
      '{"a":[1]}',
      'line 1 of s3://history/in/1: Invalid JSONPath format: Not an array or index out of range.',
    ],
    [
      { jsonpaths: ['$.id', '$.a'] },
      '{"a":{"b": 1}}',
      'a JSON object or array with blanks or escapes into VARCHAR column "name"',
    ],
    [
      { jsonpaths: ['$.id', '$.a'] },
      '{"a":1.50}',
      'a JSON number with an exponent, closing zeros or more than 15 digits into VARCHAR',
    ],
    [{ jsonpaths: ['$.id', '$.a'] }, '{"a":1,"a":2}', 'SUPER would refuse an attribute'],
  ])('%j is refused for %s', async (file, record, message) => {
    await paths(file);
    await put(record);
    expect((await load('s.t (id, name)', 'maxerror 5')).Error).toContain(message);
  });
});

describe(`JSON 'auto ignorecase'`, () => {
  test('attributes are found in any case, a missing one is the DEFAULT', async () => {
    await put('{"ID":1,"Name":"x"}\n{"id":"","NAME":"","more":null,"Big":{"A":1.0}}');
    expect((await copy(`json 'auto ignorecase'`, 's.t')).Error).toBeUndefined();
    expect(await rows('id, name, more, json_serialize(big)')).toEqual([
      [1, 'x', 'here', null],
      [null, '', null, '{"A":1.0}'],
    ]);
  });

  test('two spellings of one name are refused', async () => {
    await put('{"ID":1,"id":2}');
    expect((await copy(`json 'auto ignorecase'`, 's.t')).Error).toContain(
      'several attributes whose names differ in case only, for column "id" is not modelled',
    );
  });
});
