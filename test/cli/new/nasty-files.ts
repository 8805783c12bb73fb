/** What a column of a file is. `payload` is a field that no column of one type holds. */
export type Family =
  | 'text'
  | 'integer'
  | 'decimal'
  | 'double'
  | 'boolean'
  | 'timestamp'
  | 'timestamptz'
  | 'date'
  | 'time'
  | 'payload'
  | 'missing';

export interface ExpectedColumn {
  /** Path of the field, joined by points. */
  readonly path: string;
  /** Families in which no value is lost or changed. The first one is what Millrace decides. */
  readonly right: readonly Family[];
  /** Families in which values change without a word. */
  readonly wrong: readonly Family[];
  /** Name of the column in Millrace. @default - not checked */
  readonly column?: string;
}

/** A file that readers of samples get wrong. */
export interface NastyFile {
  readonly name: string;
  readonly file: string;
  readonly content: () => Buffer;
  readonly columns: readonly ExpectedColumn[];
  /** Sentence that the report must have. */
  readonly says?: RegExp;
  /** Sentence with which the command must fail. */
  readonly fails?: RegExp;
  /** Records that are rejects. @default 0 */
  readonly rejects?: number;
}

const lines = (...records: unknown[]) =>
  Buffer.from(records.map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`).join(''));
const column = (
  path: string,
  right: Family | readonly Family[],
  wrong: Family | readonly Family[] = [],
  name?: string,
): ExpectedColumn => ({ path, right: [right].flat(), wrong: [wrong].flat(), ...(name && { column: name }) });

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const numbers: readonly Family[] = ['integer', 'decimal', 'double'];

export const nastyFiles: readonly NastyFile[] = [
  {
    name: 'a number becomes a fraction and a boolean after 20,480 rows',
    file: 'late.ndjson',
    content: () => lines(...Array.from({ length: 20_480 }, () => '{"a":7}'), '{"a":1.5}', '{"a":true}'),
    columns: [column('a', ['payload', 'text'], [...numbers, 'boolean'])],
    says: /mixed: a number in line 1 and a boolean in line 20482/,
  },
  {
    name: 'ids of 23 digits',
    file: 'long-numbers.ndjson',
    content: () => lines('{"id":12345678901234567890123}', '{"id":12345678901234567890124}'),
    columns: [column('id', ['decimal', 'text', 'payload'], ['double', 'integer'])],
    says: /too large for bigint in line 1: 23 digits/,
  },
  {
    name: 'ids of 23 digits in a CSV',
    file: 'long-numbers.csv',
    content: () => lines('id,n', '12345678901234567890123,1', '12345678901234567890124,2'),
    columns: [column('id', ['text', 'decimal'], ['double', 'integer']), column('n', 'integer')],
  },
  {
    name: 'numbers with leading zeros',
    file: 'zeros.csv',
    content: () => lines('zip,n', '01234,1', '98765,2'),
    columns: [column('zip', 'text', numbers), column('n', 'integer')],
  },
  {
    name: 'objects and scalars at one place',
    file: 'mixed.ndjson',
    content: () => lines({ a: { b: 1 } }, { a: 5 }, { a: 'x' }),
    columns: [column('a', ['payload', 'text'], numbers)],
    says: /mixed: a string in line 3, a number in line 2 and an object in line 1/,
  },
  {
    name: 'a byte order mark before JSON',
    file: 'bom.ndjson',
    content: () => Buffer.concat([Buffer.from('\ufeff'), lines({ a: 1 }, { a: 2 })]),
    columns: [column('a', 'integer')],
    says: /begins with a byte order mark/,
  },
  {
    name: 'a byte order mark before CSV, and CR LF',
    file: 'bom.csv',
    content: () => Buffer.from('\ufeffid,name\r\n1,Ann\r\n2,Bob\r\n'),
    columns: [column('id', 'integer', [], 'id'), column('name', 'text', [], 'name')],
    says: /CR LF/,
  },
  {
    name: 'bytes that are not UTF-8',
    file: 'latin1.ndjson',
    content: () => Buffer.concat([lines({ a: 'b' }), Buffer.from('{"a":"caf\xe9"}\n', 'latin1'), lines({ a: 'c' })]),
    columns: [column('a', 'text')],
    says: /1 record can be no event: not UTF-8 \(line 2\)/,
    rejects: 1,
  },
  {
    name: 'an attribute twice in an object',
    file: 'twice.ndjson',
    content: () =>
      lines('{"a":1,"b":2}', '{"a":1,"a":2}', '{"a":1,"b":{"c":1,"c":2}}', '{"a":3,"b":4,"l":[{"x":1,"x":2}]}'),
    columns: [column('a', 'integer'), column('b', 'integer')],
    says: /3 records can be no event: an attribute twice in an object \(lines 2, 3, 4\)/,
    rejects: 3,
  },
  {
    name: 'a record of more than 1 MiB',
    file: 'large.ndjson',
    content: () => lines({ a: 1 }, { a: 2, text: 'x'.repeat(1_100_000) }, { a: 3 }),
    columns: [column('a', 'integer')],
    says: /longer than 1 MiB, which a stream refuses \(line 2\)/,
  },
  {
    name: 'names that are the same in snake case',
    file: 'collide.ndjson',
    content: () => lines({ userId: 1, user_id: 'a', 'user id': true }),
    columns: [
      column('userId', 'integer', [], 'user_id'),
      column('user_id', 'text', [], 'user_id_2'),
      column('user id', 'boolean', [], 'user_id_3'),
    ],
    says: /userId has the name user_id/,
  },
  {
    name: 'reserved words and names of Millrace',
    file: 'reserved.ndjson',
    content: () => lines({ user: 'a', order: 1, event_id: 'x', payload: 2, user_part: 3, Table: true }),
    columns: [
      column('user', 'text', [], 'user_value'),
      column('order', 'integer', [], 'order_value'),
      column('event_id', 'text', [], 'event_id_value'),
      column('payload', 'integer', [], 'payload_value'),
      column('user_part', 'integer'),
      column('Table', 'boolean', [], 'table_value'),
    ],
    says: /order is a reserved word of Redshift/,
  },
  {
    name: '5,000 fields',
    file: 'wide.ndjson',
    content: () =>
      lines(
        ...[1, 2].map((row) => Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`field_${n}`, n * row]))),
      ),
    columns: [column('field_0', 'integer'), column('field_4999', ['payload', 'integer'])],
    says: /the table has the \d+ fields that are filled most often/,
  },
  {
    name: 'an empty file',
    file: 'empty.ndjson',
    content: () => Buffer.alloc(0),
    columns: [],
    fails: /empty\.ndjson is empty/,
  },
  {
    name: 'a CSV of a header alone',
    file: 'header.csv',
    content: () => lines('id,name,at'),
    columns: [],
    fails: /has a header of 3 columns \(id, name, at\) and no rows/,
  },
  {
    name: 'quotation marks, delimiters and line breaks in cells',
    file: 'quoted.csv',
    content: () => Buffer.from('id,note,n\n1,"said ""no"", twice",1\n2,"two\nlines",2\n3,,3\n4,plain,4\n'),
    columns: [column('id', 'integer'), column('note', 'text'), column('n', 'integer')],
  },
  {
    name: 'days, times with and without a zone, and other forms',
    file: 'times.ndjson',
    content: () =>
      lines(
        {
          d: '2026-02-28',
          l: '2026-11-21T10:00:00',
          z: '2026-11-21T10:00:00Z',
          o: '2026-11-21 10:00',
          m: '2026-11-21T10:00:00Z',
          no: '2026-02-28',
          c: '10:00:00',
        },
        {
          d: '2024-02-29',
          l: '2026-11-21 10:00:00.123',
          z: '2026-11-21T10:00:00.5+01:00',
          o: '2026-11-21T10:00:00+0100',
          m: '2026-11-21T10:00:00',
          no: '2026-02-30',
          c: '23:59:59.5',
        },
      ),
    columns: [
      column('d', 'date', ['timestamp', 'timestamptz']),
      column('l', 'timestamp', 'timestamptz'),
      column('z', 'timestamptz', 'timestamp'),
      column('o', ['timestamp', 'timestamptz', 'text']),
      column('m', ['timestamp', 'text'], []),
      column('no', 'text', ['date', 'timestamp']),
      column('c', ['time', 'text']),
    ],
    says: /times, some without a zone: those are read as UTC/,
  },
  {
    name: 'booleans as text',
    file: 'booleans.csv',
    content: () => lines('a,b,c,d', 'true,yes,1,TRUE', 'false,no,0,False'),
    columns: [
      column('a', 'boolean'),
      column('b', ['boolean', 'text']),
      column('c', 'integer', []),
      column('d', ['boolean', 'text']),
    ],
  },
  {
    name: 'numbers with exponents',
    file: 'exponents.ndjson',
    content: () => lines('{"a":1,"b":1e3}', '{"a":2.5e-2,"b":2E5}'),
    columns: [column('a', ['double', 'decimal'], 'integer'), column('b', ['double', 'decimal', 'integer'])],
    says: /a number with an exponent in line 2/,
  },
  {
    name: 'negative zero, and whole numbers with a point',
    file: 'minus-zero.ndjson',
    content: () => lines('{"a":-0,"b":7.0}', '{"a":3,"b":8}'),
    columns: [column('a', ['integer', 'double']), column('b', ['decimal', 'integer', 'double'])],
    says: /-0 becomes 0/,
  },
  {
    name: 'nulls only',
    file: 'nulls.ndjson',
    content: () => lines({ a: null, b: 1 }, { a: null, b: 2 }),
    columns: [column('a', ['payload', 'text', 'missing'], numbers), column('b', 'integer')],
    says: /only null so far/,
  },
  {
    name: 'arrays',
    file: 'arrays.ndjson',
    content: () => lines({ a: [1, 2], b: 1 }, { a: [{ x: [] }], b: 2 }, { a: [], b: 3 }),
    columns: [column('a', ['payload', 'text']), column('b', 'integer')],
  },
  {
    name: 'a map of more than 100 names',
    file: 'map.ndjson',
    content: () => lines(...Array.from({ length: 60 }, (_, n) => ({ id: n, m: { [`k${n}`]: n, [`l${n}`]: 'x' } }))),
    columns: [column('id', 'integer'), column('m', ['payload', 'text'])],
    says: /a map: an object with more than 100 different names/,
  },
  {
    name: 'nesting of 12 and of 1,001 levels',
    file: 'deep.ndjson',
    content: () => lines(`{"id":1,"deep":${deep(12)}}`, `{"id":2,"deep":${deep(1000)}}`, '{"id":3}'),
    columns: [column('id', 'integer')],
    says: /nested deeper than 1,000 levels \(line 2\)/,
    rejects: 1,
  },
  {
    name: 'names that look alike',
    file: 'alike.ndjson',
    content: () => lines({ name: 'a', nаme: 1, Ｎame: true, été: 2, '': 3, '1st': 4 }),
    columns: [
      column('name', 'text', [], 'name'),
      column('nаme', 'integer'),
      column('Ｎame', 'boolean'),
      column('été', 'integer', [], 'ete'),
      column('', ['payload', 'integer']),
      column('1st', 'integer', [], 'n_1st'),
    ],
  },
  {
    name: 'signs in names',
    file: 'signs.ndjson',
    content: () =>
      lines('{"__proto__":1,"a*/b":2,"q\\"x":3,"new\\nline":4,"it\'s `$x`":5,"{{x}}":6,"a.b":{"c":7},"a":{"b.c":8}}'),
    columns: [
      column('__proto__', 'integer', [], 'proto'),
      column('a*/b', ['payload', 'integer']),
      column('q"x', ['payload', 'integer']),
      column('new\nline', ['payload', 'integer']),
      column("it's `$x`", 'integer', [], 'it_s_x'),
      column('{{x}}', ['payload', 'integer']),
    ],
    says: /its name has a quotation mark, an asterisk/,
  },
  {
    name: 'more than 20,000 different names',
    file: 'names.ndjson',
    content: () =>
      lines(
        ...Array.from({ length: 2100 }, (_, row) =>
          Object.fromEntries(Array.from({ length: 10 }, (__, n) => [`k${row * 10 + n}`, 1])),
        ),
      ),
    columns: [],
    fails: /have more than 20,000 different names/,
  },
  {
    name: 'a quotation mark that is never closed',
    file: 'unclosed.csv',
    content: () => lines('a,b', '1,"x', '2,y'),
    columns: [],
    fails: /no rows: types cannot be known\na quotation mark in the row of line 2 is not closed/,
  },
  {
    name: 'decimals of 38 digits, and of more',
    file: 'decimals.ndjson',
    content: () =>
      lines(
        '{"a":0.1,"b":12345678901234567890123456.123456789012,"c":12345678901234567890123456789.1234567890123}',
        '{"a":100.25,"b":1,"c":1}',
      ),
    columns: [
      column('a', ['decimal', 'double']),
      column('b', ['decimal', 'text'], 'double'),
      column('c', ['payload', 'text'], ['double', 'decimal']),
    ],
  },
  {
    name: 'a number, then a word for none',
    file: 'none.csv',
    content: () => lines('n,at', '1,2026-11-21', '2,2026-11-22', '3,n/a', 'n/a,2026-11-24', '5,2026-11-25'),
    columns: [column('n', 'text', numbers), column('at', 'text', ['date', 'timestamp'])],
    says: /most are numbers, but line 5 has "n\/a"/,
  },
  {
    name: 'a line that is cut off, text, and values that are no objects',
    file: 'broken.ndjson',
    content: () => Buffer.from('{"a":1}\nhello\n[1]\n\n{"a":2}\n"x"\n{"a":3,}\n{"a":4'),
    columns: [column('a', 'integer')],
    says: /3 records can be no event: not JSON \(lines 2, 7, 8\)/,
    rejects: 5,
  },
  {
    name: 'escapes, half a surrogate pair, and the character U+0000',
    file: 'escapes.ndjson',
    content: () =>
      lines('{"a":"\\u00e9\\n","z":"a\\u0000b"}', '{"a":"\\ud83d\\ude00","z":"c"}', '{"a":"\\ud83d","z":"d"}'),
    columns: [column('a', 'text'), column('z', ['payload', 'text'])],
    says: /half a surrogate pair \(line 3\)/,
    rejects: 1,
  },
  {
    name: 'rows with other cells than the header',
    file: 'ragged.csv',
    content: () => lines('a;b', '1;2', '1;2;3', '4', '5;6'),
    columns: [column('a', 'integer'), column('b', 'integer')],
    says: /1 record can be no event: 3 cells where the header has 2 \(line 3\)/,
  },
  {
    name: 'a JSON array',
    file: 'array.json',
    content: () => Buffer.from('[{"a":1},{"a":2}]\n'),
    columns: [],
    fails: /array\.json is a JSON array; write one object a line: jq/,
  },
  {
    name: 'UTF-16',
    file: 'utf16.csv',
    content: () => Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'),
    columns: [],
    fails: /utf16\.csv is UTF-16/,
  },
];
