import { Readable } from 'node:stream';
import { blocksOf, decide, profile } from '../../../cli/profile';

async function shapeOf(...values: string[]) {
  const lines = values.map((value) => `{"a":${value}}\n`).join('');
  const { root } = await profile(
    blocksOf(Readable.from([Buffer.from(lines)]) as AsyncIterable<Buffer>, () => {}),
    {
      format: 'ndjson',
    },
  );
  const { shape, why } = decide(root.children.get('a')!, false);
  return shape?.type === 'decimal' ? `${shape.precision},${shape.scale}` : why;
}

test.each([
  [['0.1', '0.5'], '18,4'],
  [['12.50', '3'], '18,4'],
  [['21.537'], '18,6'],
  [['-123.1234567'], '21,14'],
  [['12345678901234.5'], '22,4'],
  [[`1.${'1'.repeat(20)}`], '38,33'],
  [[`${'1'.repeat(36)}.1`], '38,1'],
  [[`${'1'.repeat(37)}.1`], '38,1'],
  [[`${'1'.repeat(38)}.1`], 'numbers of 39 digits, before and after the point: decimal has 38'],
])('a decimal has room for later values: %j is decimal(%s)', async (values, expected) => {
  expect(await shapeOf(...values)).toBe(expected);
});
