import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { literal } from '../../src/engine/database';
import { KnownShapes, shapesOf } from '../../src/engine/json-shapes';
import { jsonFault } from '../../src/json-fault';

type Row = { text: string; fits: boolean; good: boolean };

/** Of each text whether it matches the samples' shapes, and whether the long way finds it good. */
async function judged(samples: readonly string[], texts: readonly string[]): Promise<Row[]> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const shapes = shapesOf(samples);
  const fits = shapes === undefined ? 'false' : `regexp_full_match(text, ${literal(shapes)})`;
  try {
    const reader = await connection.runAndReadAll(
      `select text, try_cast(text as json) is not null and ${fits} as fits from (values ${texts.map((text) => `(${literal(text)})`).join(', ')}) as t(text)`,
    );
    const rows = reader.getRowObjectsJS() as Omit<Row, 'good'>[];
    return rows.map((row) => ({ ...row, good: jsonFault(row.text) === undefined }));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const usual = [
  '{"id":1,"customer":{"name":"Ångström \\"A\\"","tags":["a","b"]},"lines":[{"sku":"x","n":1},{"sku":"y","n":2.5}],"gone":null}',
  '{ "id": 2, "customer": {"name": "b", "tags": []}, "lines": [], "gone": true }',
];

test('records like the samples are known whatever their values are', async () => {
  const texts = [
    ...usual,
    '{"id":"three","customer":{"name":null,"tags":[1,"two",false]},"lines":[{"sku":"z","n":-1e5}],"gone":"{[,]}"}',
    '{"id":1, "customer":{"name":"nan, inf: ,]","tags":["x"]}, "lines":[{"sku":"\\\\","n":0}], "gone":""}',
  ];
  for (const row of await judged(usual, texts)) expect(row).toEqual({ ...row, fits: true, good: true });
});

test.each([
  ['an attribute twice', '{"id":1,"id":2}'],
  ['below another too', '{"id":1,"customer":{"name":"a","name":"a"}}'],
  ['in an array', '{"lines":[{"sku":1,"sku":2}]}'],
  ['a name that is written in two ways', '{"id":1,"i\\u0064":2}'],
  ['a trailing comma', '{"id":1,}'],
  ['a trailing comma in an array', '{"tags":["a",]}'],
  ['NaN', '{"id":NaN}'],
  ['-Infinity in an array', '{"tags":[-Infinity]}'],
])('%s is no shape, not even its own', async (_, text) => {
  const neighbours = ['{"id":1}', '{"tags":["a"]}', '{"id":1,"customer":{"name":"a"}}', '{"lines":[{"sku":1}]}'];
  expect((await judged([text, ...neighbours], [text]))[0]).toEqual({ text, fits: false, good: false });
});

test.each(['', 'x', '1', 'null', '[]', '"text"', '{', '{"a"', '{"a":}', '{"a" 1}', '{"a":1]', '{"a":[1}', '{}{}'])(
  'of %j nothing is learnt',
  (text) => {
    expect(shapesOf([text])).toBeUndefined();
  },
);

test('an expression of many or long shapes stays one that the engine takes', async () => {
  const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`attribute ${i}`, i])));
  const vast = JSON.stringify(Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`attribute ${i}`, i])));
  const others = Array.from({ length: 500 }, (_, i) => `{"a${i}":${i}}`);
  const deep = `{"a":${'['.repeat(8000)}${']'.repeat(8000)}}`;
  const rows = await judged([wide, wide, vast, vast, vast, deep, deep, ...others], [wide, vast]);
  expect(rows.map(({ fits }) => fits)).toEqual([true, false]);
  expect(shapesOf([deep])).toBeUndefined();
});

test('shapes of other texts stay known until there is no room', () => {
  const known = new KnownShapes();
  known.learn(['{"a":1}']);
  known.learn(['{"b":1}']);
  expect(known.pattern).toMatch(/^\(\?:.*"b".*"a".*\)$/);
  known.learn(Array.from({ length: 16 }, (_, i) => `{"c${i}":1}`));
  expect(known.pattern).not.toContain('"a"');
});

test('whatever fits is what the long way finds good', async () => {
  const names = fc.constantFrom('a', 'b', "it's", 'x.y', '€', '');
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom('1', '-0.5', '1e3', 'null', 'true', 'NaN', '-inf', '"a,]"', '"\\""', '"nan"', '" "'),
      tie('object'),
      tie('array'),
    ),
    object: fc
      .tuple(fc.array(fc.tuple(names, tie('value')), { maxLength: 3 }), fc.constantFrom('', ',', ' '))
      .map(([pairs, end]) => `{${pairs.map(([name, value]) => `"${name}":${value}`).join(', ')}${end}}`),
    array: fc
      .tuple(fc.array(tie('value'), { maxLength: 3 }), fc.constantFrom('', ',', ' '))
      .map(([items, end]) => `[${items.join(',')}${end}]`),
  }));
  const texts = fc.sample(values['object'] as fc.Arbitrary<string>, { numRuns: 2000, seed: 7 });
  const rows = await judged(texts.slice(0, 400), texts);
  expect(rows.filter(({ fits, good }) => fits && !good)).toEqual([]);
  expect(rows.filter(({ fits }) => fits).length).toBeGreaterThan(100);
});
