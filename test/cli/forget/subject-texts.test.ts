import { subjectTexts } from '../../../cli/forget/subject-texts';
import type { Column } from '../../../pipelines/definition';
import { payloadText } from '../../../sql/merge/forgotten';
import { aPipeline } from '../../sql/fixtures';
import { TestWarehouse } from '../../sql/warehouse';

const who: Column[] = [
  { name: 'plain', path: ['user', 'id'], type: 'varchar', maxBytes: 16 },
  { name: 'trimmed', path: ['user', 'id'], type: 'varchar', maxBytes: 16, trim: true, emptyAsNull: true },
  { name: 'spelled', path: ['user', 'id'], type: 'varchar', maxBytes: 16, convert: 'text' },
  { name: 'given', path: ['user', 'id'], type: 'varchar', maxBytes: 16, default: 'none' },
  { name: 'whole', path: ['user', 'id'], type: 'bigint' },
  { name: 'small', path: ['user', 'id'], type: 'integer' },
  { name: 'read', path: ['user', 'id'], type: 'bigint', convert: 'text', trim: true },
];

const tokens = [
  ...[
    '"ann"',
    '" ann "',
    '"\\tann\\n"',
    '""',
    '" "',
    '"a\\u0041\\"\\\\\\/"',
    '"Ünïcödé €"',
    '"\\ud83d\\ude00"',
    '"a=b"',
  ],
  ...['"longer than the column by far"', '"o\'hara"', '":forget"', '"\\u00a0x\\u00a0"', '"\\u000bx"', '"\\u2028"'],
  ...['"70"', '"0070"', '"70.0"', '"-0"', '"1e2"', '"9223372036854775807"', '"9223372036854775808"', '" 7 "'],
  ...['70', '70.0', '70.00', '-3', '0', '-0', '1.5', '1e2', '1E+2', '15e-1', '1.50', '1.5e3', '2147483648'],
  ...['9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808'],
  ...['12345678901234567890', '0.1', '1e15', '999999999999999999'],
  ...['true', 'false', 'null', '{}', '{"id":1}', '["ann"]'],
];

describe.each(who)('the text of a subject in $name, of type $type', (column) => {
  let warehouse: TestWarehouse;
  beforeAll(async () => {
    warehouse = await TestWarehouse.create(
      aPipeline({
        columns: [{ name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true }, column],
      }),
    );
    warehouse.send(
      ...tokens.map((token, n) => `{"messageId":"${n}","user":{"id":${token}}}`),
      '{"messageId":"absent"}',
      '{"messageId":"scalar","user":"ann"}',
    );
    await warehouse.refresh();
  });
  afterAll(() => warehouse.dispose());

  test('is the one that the merge computes, or a spelling of it', async () => {
    const resolved = { ...column, sql: { name: column.name } } as never as Parameters<typeof payloadText>[0];
    const rows = await warehouse.query(
      `select id, coalesce(${column.name}::varchar(65535), ${payloadText(resolved)}) from shop.events
union all
select payload."messageId"::varchar(16), ${payloadText(resolved)} from shop.rejects`,
    );
    expect(rows).toHaveLength(tokens.length + 2);
    const found = new Map(rows.map(([id, text]) => [String(id), text === true ? null : text]));
    const wrong = [...tokens.entries()].flatMap(([n, token]) => {
      const isScalar = !/^[{[]/.test(token);
      const [first = null, ...others] = subjectTexts(column, isScalar ? token : undefined);
      const expected = found.get(String(n)) as string | null;
      // An object or array is a value, which no default replaces.
      return first === expected || (!isScalar && expected === null) ? [] : [{ token, expected, first, others }];
    });
    expect(wrong).toEqual([]);
    expect(subjectTexts(column, undefined)).toEqual([found.get('absent')].filter((text) => text !== null));
  });
});
