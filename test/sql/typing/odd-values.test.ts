/**
 * Odd values of every column type go through the real landing view and merge of the local warehouse: no statement raises, and each value ends where it
 * belongs, as computed by `odd-values.ts`. Each tier has its number of values.
 */
import type { Column } from '../../../pipelines/definition';
import { createRandom } from '../../../pipelines/generator/random';
import { expectedOf, type OddColumn, type OddValue, oddColumns, oddValue } from '../../support/odd-values';
import { cases, rotation } from '../../support/tier';
import { aPipeline } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const values = cases(8000, 80_000);
const batch = 25_000;
const columns: Column[] = [
  { name: 'id', path: ['id'], type: 'bigint', required: true },
  ...Object.entries(oddColumns).map(([name, type]): Column => ({ name, path: [name], ...type })),
];

test('no value of any type stops a merge, and each is typed right', async () => {
  const warehouse = await TestWarehouse.create(aPipeline({ columns, identity: { by: 'columns', columns: ['id'] } }));
  const random = createRandom(`odd values ${rotation}`);
  try {
    for (let first = 0; first < values; first += batch) {
      const odd = Array.from({ length: Math.min(batch, values - first) }, () => oddValue(random));
      warehouse.send(...odd.map(({ column, json }, i) => `{"id":${first + i},"${column}":${json}}`));
      await warehouse.refresh();
      expect(await differences(warehouse, odd, first)).toEqual([]);
    }
    const { events, duplicates, rejects } = await warehouse.counts();
    expect([events + rejects, duplicates]).toEqual([values, 0]);
    expect(events).toBeGreaterThan(values / 5);
    expect(rejects).toBeGreaterThan(values / 5);
  } finally {
    warehouse.dispose();
  }
}, 3_600_000);

const isText = (name: OddColumn) => oddColumns[name].type === 'varchar';
const declaredAsSuper = ({ column }: OddValue) => oddColumns[column].type === 'super';
/** Compares JSON by value, since SUPER may write a value in another form. */
const sameJson = (found: unknown, expected: unknown) =>
  typeof found === 'string' && typeof expected === 'string'
    ? JSON.stringify(JSON.parse(found)) === JSON.stringify(JSON.parse(expected))
    : Object.is(found ?? null, expected ?? null);

/** Up to ten values that are not what was expected of them. */
async function differences(warehouse: TestWarehouse, odd: readonly OddValue[], first: number): Promise<unknown[]> {
  const names = Object.keys(oddColumns);
  const { records } = await warehouse.result(
    // The client takes a byte order mark from the front of a text, so texts come in hexadecimal.
    `select id, ${names.map((name) => (isText(name as OddColumn) ? `from_varbyte(to_varbyte(${name}, 'utf8'), 'hex')` : name)).join(', ')} from shop.events where id between ${first} and ${first + odd.length - 1}`,
  );
  const stored = new Map(records.map(([id, ...cells]) => [Number(id), cells]));
  const wrong: unknown[] = [];
  for (const [i, value] of odd.entries()) {
    const text = expectedOf(value);
    const expected =
      typeof text === 'string' && isText(value.column) && text ? Buffer.from(text).toString('hex') : text;
    const cell = stored.get(first + i)?.[names.indexOf(value.column)];
    const found =
      (typeof cell === 'number' || typeof cell === 'bigint') && oddColumns[value.column].type !== 'double'
        ? String(cell)
        : cell;
    if (
      declaredAsSuper(value)
        ? !sameJson(found, expected)
        : !Object.is(found, expected) && !(found === 0 && expected === 0)
    )
      wrong.push({ ...value, expected, found });
    if (wrong.length === 10) break;
  }
  return wrong;
}
