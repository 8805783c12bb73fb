import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { LineSorter } from '../../src/engine/copy-sort';
import { usualObjects, usualRecords } from '../../src/engine/copy-usual';
import { translate } from '../../src/sql';
import type { RedshiftType } from '../../src/statement';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { cases, seedOf } from '../support/tier';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

const column = (name: string, type: RedshiftType, more = {}) => ({ name, type, notNull: false, ...more });
const text = (length: number): RedshiftType => ({ name: 'varchar', length });
const sorted = (lines: string, usual = usualObjects) => {
  const { usual: known, others } = new LineSorter(usual).sort(Buffer.from(lines));
  return { usual: known.bytes.toString(), others: others.bytes.toString(), records: [known.records, others.records] };
};

describe('which lines are usual', () => {
  const columns = [column('id', { name: 'bigint' }), column('name', text(6)), column('day', { name: 'date' })];
  const usual = usualRecords(columns, {})!;
  const first = '{"id":1,"name":"a","day":"2026-01-31"}\n';

  test.each([
    '{"id":-9000,"name":"","day":null}',
    '{ "id": 8999999999999999999, "name": "Åäö", "day": "2024-02-28" }\r',
    '{"id":"12","name":"\\"\\\\","day":"0001-12-31"}',
    '{"day":"2026-01-31","id":1}',
    '{"id":1,"more":{"x":[1,{"y":"\\u00e9"},null]},"name":null}',
    '{}',
  ])('%s', (line) => {
    expect(sorted(`${first}${line}\n`, usual).records).toEqual([2, 0]);
  });

  test.each([
    ['a number that may be too large', '{"id":9000000000000000000,"name":"a","day":null}'],
    ['digits behind a point', '{"id":1.0,"name":"a","day":null}'],
    ['a number as a text', '{"id":1,"name":7,"day":null}'],
    ['seven bytes', '{"id":1,"name":"Åäöx","day":null}'],
    ['letters in disguise that may be too many bytes', '{"id":1,"name":"\\u00e9\\u00e9\\u00e9","day":null}'],
    ['a day that may not be', '{"id":1,"name":"a","day":"2024-02-29"}'],
    ['a day that is not', '{"id":1,"name":"a","day":"2026-04-31"}'],
    ['the character U+0000', '{"id":1,"name":"\\u0000","day":null}'],
    ['what looks like it', '{"id":1,"x":"\\\\u0000"}'],
    ['half a pair', '{"id":1,"name":"\\ud800","day":null}'],
    ['a control character', '{"id":1,"name":"\t","day":null}'],
    ['an attribute twice', '{"id":1,"id":2,"name":"a","day":null}'],
    ['one in disguise', '{"id":1,"n\\u0061me":"a","day":null}'],
    ['a column within an object', '{"id":1,"x":{"id":1}}'],
    ['an object for a text', '{"id":1,"name":{},"day":null}'],
    ['a comma too many', '{"id":1,}'],
    ['no number', '{"id":NaN}'],
    ['zeros before a number', '{"id":01}'],
    ['an exponent', '{"x":1e3}'],
    ['no object', '[1]'],
    ['more than its object', '{"id":1} x'],
    ['a long line', `{"x":"${'x'.repeat(70_000)}"}`],
  ])('not %s', (_, line) => {
    expect(sorted(`${first}${line}\n${first}`, usual)).toEqual({
      usual: first + first,
      others: `${line}\n`,
      records: [2, 1],
    });
  });

  test('two objects of a line, which are a line each', () => {
    expect(sorted(`${first}{"id":1}{"id":2}\n${first}`, usual)).toEqual({
      usual: first + first,
      others: '{"id":1}\n{"id":2}\n',
      records: [2, 2],
    });
  });

  test('a line of an object over several lines is none', () => {
    expect(sorted(`${first}[\n${first}]\n${first}`, usual)).toEqual({
      usual: first + first,
      others: `[ ${first.trimEnd()} ]\n`,
      records: [2, 1],
    });
  });

  test('a column that must be there has a value in each', () => {
    const needed = usualRecords([column('a', text(3), { notNull: true }), column('b', text(3))], {});
    expect(sorted('{"a":"x"}\n{"a":null}\n{"b":"x"}\n{"a":"y","b":null}\n', needed).records).toEqual([2, 2]);
    const filled = usualRecords([column('a', text(3), { defaultValue: "'x'" }), column('b', text(3))], {});
    expect(sorted('{"a":null}\n{"b":"x"}\n', filled).records).toEqual([1, 1]);
  });

  test('none of a table with a type, or by an option, that needs a look at each value', () => {
    expect(usualRecords([column('a', { name: 'real' })], {})).toBeUndefined();
    expect(usualRecords([column('a', text(3))], { emptyasnull: true })).toBeUndefined();
    expect(usualRecords([column('a', { name: 'timestamp' })], { timeformat: 'DD.MM.YYYY' })).toBeUndefined();
  });

  test('blank lines are no records, and no line is lost between the parts of a block', () => {
    const lines = Array.from({ length: 9000 }, (_, n) =>
      n % 97 === 0 ? ' \r' : n % 5 === 0 ? `[${n}]` : `{"n":${n}}`,
    );
    const { usual: known, others, records } = sorted(`${lines.join('\n')}\n`);
    const kept = (start: string) => lines.filter((line) => line.startsWith(start)).join('\n');
    expect([known, others]).toEqual([`${kept('{')}\n`, `${kept('[')}\n`]);
    expect(records).toEqual([kept('{').split('\n').length, kept('[').split('\n').length]);
  });

  test('bytes that are no UTF-8 make no usual lines', () => {
    const { usual: known, others } = new LineSorter(usualObjects).sort(
      Buffer.from('{"a":"\xff"}\n{"a":1}\n', 'latin1'),
    );
    expect([known.records, others.records]).toEqual([0, 2]);
  });

  test('a text that nearly matches is told apart at once, however it is made', () => {
    const values = (n: number) => Array.from({ length: 200 }, () => '"x\\n"').concat(`${n}`);
    const lines = [`{"a":[${values(1)}],"b":[${values(2)}]}`, `{"a":[${values(1)}],"b":[${values(2)}]x`];
    const began = performance.now();
    expect(sorted(`${lines.join('\n')}\n`).records).toEqual([1, 1]);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

/** The same lines compressed, so that the usual ones go their own way, and not, so that every value is looked at. */
describe('usual lines give what a look at every value gives', () => {
  let local: TestWarehouse;
  beforeAll(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await local.run('create schema s');
  });
  afterAll(() => local.dispose());

  const outcome = async (
    lines: readonly string[],
    compressed: boolean,
    format: string,
    table: string,
    read: string,
  ) => {
    const content = Buffer.from(`${lines.join('\n')}\n`);
    local.s3.objects.clear();
    await local.run(`truncate ${table}`);
    await local.s3.put(rolePrincipal('someone'), 'history', 'in/1', compressed ? gzipSync(content) : content);
    const { Error: error, ResultRows: count } = await local.run(
      `copy ${table} from 's3://history/in/' iam_role '${roles.load}' ${format} ${compressed ? 'gzip' : ''} maxerror 1000`,
    );
    return {
      error,
      count,
      rows: await local.rows(read),
      errors: await local.rows(
        'select line_number, trim(column_name), error_code from sys_load_error_detail where query_id = pg_last_copy_id() order by 1',
      ),
    };
  };
  const compare = async (
    lines: readonly string[],
    format = `json 'auto' timeformat 'auto'`,
    table = 's.t',
    read = 'select * from s.t order by n, i, b, m, q, f, o, d, t, v, c',
  ) => {
    const [usual, slow] = [
      await outcome(lines, true, format, table, read),
      await outcome(lines, false, format, table, read),
    ];
    expect(usual).toEqual(slow);
    return usual;
  };

  const number = fc.oneof(
    fc.integer(),
    fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
    fc.integer({ min: -99_999, max: 99_999 }).map((n) => n / 100),
    fc.constantFrom('-0', '0.0', '-0.5', '0.25', '123456789012.99', '1.005'),
  );
  const quoted = fc.oneof(
    fc.string({ maxLength: 12, unit: 'grapheme' }),
    number.map(String),
    fc
      .date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
      .map((at) => at.toISOString().slice(0, -1)),
    fc
      .date({ noInvalidDate: true, min: new Date('2000-01-01'), max: new Date('2030-12-31') })
      .map((at) => at.toISOString().slice(0, 10)),
    fc.constantFrom(
      '2024-02-29',
      '2023-02-29',
      '2026-01-01 24:00:00',
      '2026-01-01T10:20:30.5Z',
      '2026-01-01 10:20:30',
      '',
    ),
  );
  const value = fc.oneof(
    number.map(String),
    quoted.map((of) => JSON.stringify(of)),
    fc.constantFrom('null', 'true', 'false', '"\\u00e9\\ud83d\\ude00"', '[1]', '{"x":"y"}'),
  );
  const fitting: Record<string, fc.Arbitrary<string>> = {
    i: fc.integer({ min: -33_000, max: 33_000 }).map(String),
    b: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    m: fc.integer({ min: -1e9, max: 1e9 }).map((n) => (n % 2 === 0 ? `${n / 100}` : `"${n / 100}"`)),
    q: fc
      .bigInt({ min: -(10n ** 15n), max: 10n ** 17n })
      .map((n) => `"${n / 10_000n}.${`${n % 10_000n}`.replace('-', '').padStart(4, '0')}"`),
    f: fc.integer({ min: -1e9, max: 1e9 }).map((n) => String(n / 977)),
    o: fc.boolean().map(String),
    d: fc.integer({ min: 0, max: 9999 }).map((n) => `"${new Date(n * 86_400_000).toISOString().slice(0, 10)}"`),
    t: fc
      .integer({ min: 0, max: 2e9 })
      .map((n) => `"${new Date(n * 999).toISOString().slice(0, n % 2 === 0 ? -1 : -5)}"`),
    v: fc.string({ maxLength: 4, unit: 'grapheme' }).map((of) => JSON.stringify(of)),
    c: fc.string({ maxLength: 3 }).map((of) => JSON.stringify(of)),
  };
  const field = (fits: fc.Arbitrary<string>) =>
    fc.oneof(
      { weight: 40, arbitrary: fits },
      { weight: 1, arbitrary: value },
      { weight: 4, arbitrary: fc.constant('null') },
    );
  const record = fc.record(Object.fromEntries(Object.entries(fitting).map(([name, fits]) => [name, field(fits)])));
  /** Of some records the first attributes are missing. */
  const lineOf = (fields: Record<string, string>, n: number) =>
    `{"n":${n},${Object.entries(fields)
      .slice(n % 3)
      .map(([name, of]) => `"${name}":${of}`)}}`;

  const columns: readonly [name: string, sql: string, type: RedshiftType][] = [
    ['n', 'bigint', { name: 'bigint' }],
    ['i', 'smallint', { name: 'smallint' }],
    ['b', 'bigint', { name: 'bigint' }],
    ['m', 'decimal(12, 2)', { name: 'decimal', precision: 12, scale: 2 }],
    ['q', 'decimal(19, 4)', { name: 'decimal', precision: 19, scale: 4 }],
    ['f', 'double precision', { name: 'double precision' }],
    ['o', 'boolean', { name: 'boolean' }],
    ['d', 'date', { name: 'date' }],
    ['t', 'timestamp', { name: 'timestamp' }],
    ['v', 'varchar(9)', text(9)],
    ['c', 'char(3)', { name: 'char', length: 3 }],
  ];
  const usual = usualRecords(
    columns.map(([name, , type]) => column(name, type)),
    { timeformat: 'auto' },
  );
  const lines = fc.sample(record, { seed: seedOf(1), numRuns: cases(1500, 12_000) }).map(lineOf);
  const known = sorted(`${lines.join('\n')}\n`, usual)
    .usual.trimEnd()
    .split('\n');

  test('each by itself', async () => {
    await local.run(`create table s.t (${columns.map(([name, sql]) => `${name} ${sql}`).join(', ')})`);
    expect(known.length).toBeGreaterThan(lines.length / 4);
    const { error, count, errors } = await compare(known);
    expect({ error, count, errors }).toEqual({ error: undefined, count: known.length, errors: [] });
  });

  test('and beside lines that are none', async () => {
    const failing = [
      ...[
        '{"i":',
        '{"i":99999}',
        '{"i":"x"}',
        '{"b":9223372036854775808}',
        '{"m":"12345678901.00"}',
        '{"q":"999999999999999.9999"}',
        '{"d":"2023-02-29"}',
      ],
      ...[
        '{"t":"2026-01-01T25:00:00"}',
        '{"v":"0123456789"}',
        '{"v":"éééééé"}',
        '{"c":"abcd"}',
        '{"o":"maybe"}',
        '{"f":"x"}',
      ],
    ];
    const taken = [
      '',
      ' \r',
      '{"d":"2024-02-29"}',
      '{"v":"\\ud83d\\ude00"}',
      '{"i":" 7 "}',
      '{"m":1.239}',
      '{"v":"a\\u0062c"}',
    ];
    const mixed = known.slice(0, 400).flatMap((line, n) => {
      const odd = [...failing, ...taken][n % 29];
      return odd === undefined ? [line] : [line, odd];
    });
    const { error, count, errors } = await compare(mixed);
    expect(error).toBeUndefined();
    expect(errors.length).toBeGreaterThan(failing.length * 10);
    expect(count).toBeGreaterThan(400);
  });

  test.each([
    ["timeformat 'epochsecs'", ['0', '1790000000', '"-1"', '1790000000.25', '12345678901']],
    ["timeformat 'epochmillisecs'", ['0', '1790000000123', '"-1"', '1790000000123.25', '12345678901234']],
    ['', ['"2026-01-02 03:04:05"', '"2026-01-02 03:04:05.678901"', '"2024-02-29 00:00:00"']],
  ])('of times %s', async (format, times) => {
    await local.run(['drop table if exists s.e', 'create table s.e (n bigint, t timestamp)']);
    const rows = [...times, 'null'].map((time, n) => `{"n":${n},"t":${time}}`);
    const { count } = await compare(rows, `json 'auto' ${format}`, 's.e', 'select * from s.e order by n');
    expect(count).toBe(rows.length);
  });

  test('of whole lines, as they are written', async () => {
    await local.run('create table s.o (p super)');
    const rows = [
      ...known.slice(0, 50),
      '{"a": 1.50, "b" : [ 1,{"c":"x\\/"}]}',
      '[1]',
      '7',
      '{"a":1e5}',
      '{"a":1,"a":2}',
      '{',
    ];
    const read = `select json_serialize(p) from s.o order by 1`;
    const { count, errors } = await compare(rows, `json 'noshred'`, 's.o', read);
    // neither a line cut short nor a duplicate attribute is JSON to JSON_PARSE
    expect([count, errors.length]).toEqual([rows.length - 2, 2]);
  });
});
