import type { Context } from '../../cli/commands/context';
import { rejects } from '../../cli/commands/rejects';
import { headOf } from '../../cli/commands/rejects/bytes';
import { styleFor } from '../../cli/terminal';
import type { Row, StatementState, Submission } from '../../lambda/shared/warehouse';
import type { Column, Pipeline } from '../../pipelines/definition';
import { retryStatements } from '../../sql';
import { aPipeline } from '../sql/fixtures';
import { TestWarehouse } from '../sql/warehouse';

const columns: Column[] = [
  { name: 'id', path: ['orderId'], type: 'varchar', maxBytes: 16, required: true },
  { name: 'ordered_on', path: ['ordered', 'on'], type: 'timestamp', required: true },
  { name: 'tax', path: ['tax'], type: 'decimal', precision: 8, scale: 2 },
  { name: 'gift', path: ['gift'], type: 'boolean' },
];

let warehouse: TestWarehouse;
afterEach(() => warehouse.dispose());

/** Runs the command over the test's warehouse. */
async function listed(pipeline: Pipeline, json: boolean): Promise<string> {
  let out = '';
  const results = new Map<string, Row[]>();
  const context = {
    cloud: {
      warehouse: {
        async submit({ statements }: Submission) {
          const { columns: names, records } = await warehouse.result(statements[0]!);
          const id = `statement-${results.size}`;
          results.set(
            id,
            records.map((record) => Object.fromEntries(record.map((cell, i) => [names[i]!.name, cell])) as Row),
          );
          return { id };
        },
        describe: async (id: string) =>
          ({ id, status: 'FINISHED', parts: [], createdAt: 0, updatedAt: 0 }) as unknown as StatementState,
        rows: async (id: string) => results.get(id)!,
      },
    },
    stdout: { write: (text: string) => (out += text) },
    style: styleFor({ isTTY: false } as never, {}),
    json,
    remainingMs: () => 60_000,
    sleep: async () => undefined,
  } as unknown as Context;
  await rejects(context, [pipeline], { limit: 3 });
  return out;
}

test('1,500 records with three faults cost one round: all reasons, their samples, and the declarations that accept them', async () => {
  const pipeline = aPipeline({ columns });
  warehouse = await TestWarehouse.create(pipeline);
  const total = 1500;
  warehouse.send(
    ...Array.from({ length: total }, (_, n) => ({
      orderId: `o${n}`,
      ordered: { on: `2026-01-${String((n % 28) + 1).padStart(2, '0')}` },
      tax: `${n % 90}.50`,
      gift: n % 2,
    })),
  );
  await warehouse.refresh();
  expect(await warehouse.counts()).toMatchObject({ events: 0, rejects: total });
  const { reasons, rejects: records } = JSON.parse(await listed(pipeline, true));
  expect(records).toBe(total);
  expect(reasons).toEqual([
    expect.objectContaining({
      reason: 'gift: expected a boolean, got a number',
      column: 'gift',
      path: ['gift'],
      records: total,
      advice: [{ declare: "declare `gift` with convert: 'flag'", accepts: total, of: total }],
    }),
    expect.objectContaining({
      reason: 'ordered_on: not an ISO 8601 timestamp',
      path: ['ordered', 'on'],
      advice: [{ declare: "declare `ordered_on` with convert: 'iso'", accepts: total, of: total }],
    }),
    expect.objectContaining({
      reason: 'tax: expected a number, got a string',
      advice: [{ declare: "declare `tax` with convert: 'text'", accepts: total, of: total }],
    }),
  ]);
  for (const { samples } of reasons) {
    expect(samples).toHaveLength(3);
    for (const sample of samples) {
      expect(sample.from).toMatch(/^stream, shardId-000000000000, 4\d+$/);
      expect(JSON.parse(sample.payload)).toHaveProperty('orderId');
    }
  }
  expect(reasons[2].samples[0].found).toMatch(/^"\d+\.50"$/);
  const text = await listed(pipeline, false);
  expect(text).toMatch(/ordered\.on: "2026-01-\d\d"/);
  expect(text).toContain('with all of these, 1,500 of 1,500 records would be accepted');
  // The advice is right: with it, the retry accepts the rejects.
  const better: Pipeline = {
    ...pipeline,
    columns: [
      columns[0]!,
      { ...columns[1]!, convert: 'iso' } as Column,
      { ...columns[2]!, convert: 'text' } as Column,
      { ...columns[3]!, convert: 'flag' } as Column,
    ],
  };
  warehouse.pipeline = better;
  await warehouse.execute(retryStatements(better), { run_id: 'retry' });
  expect(await warehouse.counts()).toMatchObject({ events: total, rejects: 0 });
});

test('advice names what the values need: another size, a custom format, an optional column, trimming', async () => {
  const pipeline = aPipeline({
    columns: [
      columns[0]!,
      { name: 'day', path: ['day'], type: 'date', required: true },
      { name: 'price', path: ['price'], type: 'decimal', precision: 4, scale: 1 },
      { name: 'code', path: ['code'], type: 'varchar', maxBytes: 4, oneOf: ['A', 'B'] },
    ],
  });
  warehouse = await TestWarehouse.create(pipeline);
  warehouse.send(
    { orderId: '1', day: '12/31/2026', price: 1234.5678, code: ' A ' },
    { orderId: '2', day: '1/2/2026', price: 2.5, code: 'B ' },
    { orderId: '3', price: 2.25, code: 'C' },
  );
  await warehouse.refresh();
  const { reasons } = JSON.parse(await listed(pipeline, true)) as {
    reasons: { reason: string; advice?: { declare: string; accepts: number; of: number }[] }[];
  };
  const told = Object.fromEntries(reasons.map(({ reason, advice }) => [reason, advice?.[0]]));
  expect(told['day: not a date as 2026-11-21']).toEqual({
    declare: "declare `day` with convert: { format: 'FMMM/FMDD/YYYY' }",
    accepts: 2,
    of: 3,
  });
  expect(told['price: does not fit decimal(4,1)']).toEqual({
    declare: 'declare `price` as decimal(8,4)',
    accepts: 2,
    of: 2,
  });
  expect(told['code: not one of A, B']).toEqual({ declare: 'declare `code` with trim: true', accepts: 1, of: 2 });
});

test.each<[string, Buffer, string | undefined]>([
  ['gzip', Buffer.from('1f8b0800', 'hex'), 'gzip'],
  ['zlib', Buffer.from('789c0102', 'hex'), 'zlib'],
  ['an aggregate', Buffer.from('f3899ac20a01', 'hex'), 'Kinesis Producer Library'],
  ['a byte order mark', Buffer.from('\ufeff{"a":1}'), 'byte order mark'],
  ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'UTF-16'],
  ['Avro', Buffer.from('Obj\u0001abc'), 'Avro'],
  ['Avro of a registry', Buffer.from([0, 0, 0, 1, 2, 3, 4, 5]), 'schema registry'],
  ['base64 of JSON', Buffer.from(Buffer.from('{"orderId":"o1","tax":1}').toString('base64')), 'base64 of JSON'],
  [
    'base64 of gzip',
    Buffer.from(Buffer.from('1f8b080000000000000000ffabcd', 'hex').toString('base64')),
    'base64 of gzip',
  ],
  ['two objects', Buffer.from('{"a":"}{"}{"a":2}'), 'several JSON objects'],
  ['two objects with a comma', Buffer.from('{"a":1},{"a":2}'), 'with commas'],
  ['Python', Buffer.from("{'a': 1}"), 'json.dumps'],
  ['NaN', Buffer.from('{"a": NaN}'), 'NaN'],
  ['a comma too many', Buffer.from('{"a": [1,],}'), 'comma before'],
  ['a cut record', Buffer.from('{"a": {"b": 1}'), 'ends too early'],
  ['XML', Buffer.from('<a/>'), 'XML'],
  ['nothing', Buffer.alloc(0), 'empty'],
  ['a word', Buffer.from('nonsense'), undefined],
  ['a long word', Buffer.from('thisisaverylongword'), undefined],
])('bytes that are %s are named', (_, bytes, hint) => {
  const head = headOf(bytes.toString('hex'), bytes.length);
  if (hint === undefined) expect(head.hint).toBeUndefined();
  else expect(head.hint).toContain(hint);
  expect(bytes.toString('hex')).toContain(head.hex.replace('…', ''));
});

test('bytes of a record that is not JSON are shown in hexadecimal and as text', async () => {
  const pipeline = aPipeline({ columns });
  warehouse = await TestWarehouse.create(pipeline);
  warehouse.send('{"orderId":"1"}{"orderId":"2"}');
  await warehouse.refresh();
  const text = await listed(pipeline, false);
  expect(text).toContain('30 bytes: {"orderId":"1"}{"orderId":"2"}  7b226f7264');
  expect(text).toContain('looks like several JSON objects in one record');
});
