import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { linesOf, UnreadableError } from '../../cli/commands/why/lines';
import { eventIdOf, matches, parseQuestion, timestampText } from '../../cli/commands/why/question';
import { type FileShape, recordsOf } from '../../cli/commands/why/records';
import { searchHistory, searchStream } from '../../cli/commands/why/search';
import { restricted } from '../../cli/commands/why/views-and-exports';
import type { Pipeline } from '../../pipelines/definition';
import { pipeline } from '../../pipelines/estore/pipeline';
import { FakeCloud, fakeContext } from './cloud';

const payload = {
  customer_id: 'c-1',
  product: { product_id: 'p-1', price: 12.5 },
  action: 'purchase',
  timestamp: '2026-11-21T09:00:00Z',
};

describe('timestamps are written as the warehouse writes them', () => {
  test.each([
    ['2026-11-21T09:00:00', '2026-11-21 09:00:00'],
    ['2026-11-21 09:00:00.120Z', '2026-11-21 09:00:00.12'],
    ['2026-11-21T00:30:00+01:00', '2026-11-20 23:30:00'],
    ['2026-11-21T09:00:00.1234567-00:30', '2026-11-21 09:30:00.123456'],
    ['2026-04-31T09:00:00', undefined],
    ['2026-11-21', undefined],
    ['yesterday', undefined],
  ])('%s', (text, expected) => {
    expect(timestampText(text)).toBe(expected);
  });
});

describe('a question', () => {
  test('names an event by its id, or by columns; all of the identity give the id', () => {
    const id = eventIdOf(pipeline, payload)!;
    expect(parseQuestion(pipeline, [id])).toMatchObject({ id });
    const columns = ['customer_id=c-1', 'product_id=p-1', 'action=purchase', 'occurred_at=2026-11-21T10:00:00+01:00'];
    expect(parseQuestion(pipeline, columns).id).toBe(id);
    expect(parseQuestion(pipeline, columns.slice(1)).id).toBeUndefined();
  });

  test.each([
    ['abc', 'or column=value with a column of customer_id, product_id, action, price, occurred_at'],
    ['colour=red', "got 'colour=red'"],
    ['occurred_at=noon', "occurred_at must be a timestamp, got 'noon'"],
    ['price=cheap', "price must be a decimal, got 'cheap'"],
  ])('%s is refused', (arg, message) => {
    expect(() => parseQuestion(pipeline, [arg])).toThrow(message);
  });

  test('a text of 64 hexadecimal digits with an equals sign in front is a value', () => {
    expect(parseQuestion(pipeline, [`customer_id=${'a'.repeat(64)}`]).id).toBeUndefined();
  });

  test.each([
    [['customer_id=c-1'], true],
    [['customer_id=c-1', 'action=view'], false],
    [['price=12.50'], true],
    [['occurred_at=2026-11-21 09:00:00'], true],
    [['customer_id=C-1'], false],
  ])('%j matches: %s', (args, expected) => {
    expect(matches(parseQuestion(pipeline, args), payload)).toBe(expected);
  });

  test.each([[null], [[payload]], ['text'], [{}], [{ ...payload, customer_id: 7 }]])(
    '%j is nothing that is asked for',
    (other) => {
      expect(matches(parseQuestion(pipeline, [eventIdOf(pipeline, payload)!]), other)).toBe(false);
      expect(matches(parseQuestion(pipeline, ['customer_id=c-1']), other)).toBe(false);
    },
  );
});

test('two lists of values never make one id', () => {
  const two = (customer_id: string, product_id: string) =>
    eventIdOf(pipeline, { ...payload, customer_id, product: { product_id } });
  expect(two('a,1:b', 'c')).not.toBe(two('a', '1:b,c'));
});

describe('a query restricted to one event', () => {
  test('takes the events and the views before it from expressions of their names', () => {
    const sql = restricted(pipeline, pipeline.exports.find(({ name }) => name === 'hourly_revenue')!.query);
    expect(sql).toContain('events as (select * from estore.events where event_id = {{id}})');
    expect(sql.match(/estore\./g)).toHaveLength(1);
    expect(sql.indexOf('"purchases" as (')).toBeLessThan(sql.indexOf('"hourly_revenue" as ('));
  });

  test('leaves other tables alone', () => {
    const query = 'select e.event_id from estore.events e join estore.duplicates d on d.event_id = e.event_id';
    expect(restricted({ ...pipeline, views: [] } as Pipeline, query)).toContain(
      'from "events" e join estore.duplicates d',
    );
  });
});

describe('lines of an object', () => {
  const read = async (bytes: Buffer, compression: 'gzip' | 'none') => {
    const lines: [number, string][] = [];
    const chunks = (async function* () {
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    })();
    for await (const { line, text } of linesOf(chunks, compression)) lines.push([line, text]);
    return lines;
  };

  test('are numbered from one, whatever the chunks', async () => {
    const text = '{"a":"ä"}\r\n\n{"b":2}';
    const expected = [
      [1, '{"a":"ä"}'],
      [2, ''],
      [3, '{"b":2}'],
    ];
    expect(await read(Buffer.from(text), 'none')).toEqual(expected);
    expect(await read(gzipSync(text), 'gzip')).toEqual(expected);
  });

  test('of bytes that are no gzip, or cut short, are an error and no end of the file', async () => {
    await expect(read(Buffer.from('plain text'), 'gzip')).rejects.toThrow('incorrect header check');
    const whole = gzipSync('line\n'.repeat(1000));
    await expect(read(whole.subarray(0, whole.length - 9), 'gzip')).rejects.toThrow('unexpected end of file');
  });
});

describe('files with columns', () => {
  const columns = [
    { name: 'customer', path: ['customer_id'] },
    { name: 'product', path: ['product', 'product_id'] },
    { name: 'price', path: ['product', 'price'] },
    { name: 'note' },
  ];
  const readAll = async (body: Buffer, shape: Partial<FileShape> & { format: string }) => {
    const found: [number, unknown][] = [];
    const bytes = (async function* () {
      for (let at = 0; at < body.length; at += 11) yield body.subarray(at, at + 11);
    })();
    for await (const { line, value } of recordsOf(bytes, { compression: 'none', columns, ...shape }, pipeline.columns))
      found.push([line, value]);
    return found;
  };
  const record = (customer_id: unknown, product_id: unknown, price: unknown, note: unknown) => ({
    customer_id,
    product: { product_id, price },
    note,
  });

  test('CSV: quotes, line ends within them, empty fields, CRLF and a byte order mark', async () => {
    const text =
      '\uFEFFcustomer,product,price,note\r\nc-1,p-1,12.50,"two\nlines, ""both"""\r\n\r\nc-2,p-2,,\r\n"c-3","",cheap,007\r\nc-4,p-4\r\n';
    const expected = [
      [2, record('c-1', 'p-1', 12.5, 'two\nlines, "both"')],
      [5, record('c-2', 'p-2', null, null)],
      [6, record('c-3', null, 'cheap', '007')],
      [7, undefined],
    ];
    expect(await readAll(Buffer.from(text), { format: 'csv' })).toEqual(expected);
    expect(await readAll(gzipSync(text.replace(/\r/g, '')), { format: 'csv', compression: 'gzip' })).toEqual(expected);
    expect(
      await readAll(Buffer.from('customer;product;price;note\na,b;c;1;'), { format: 'csv', delimiter: ';' }),
    ).toEqual([[2, record('a,b', 'c', 1, null)]]);
  });

  test.each([
    [
      'product,customer,price,note\n',
      'its header is product, customer, price, note, the source declares customer, product, price, note',
    ],
    ['customer,product,price,note\nc,p,1,"open\n', 'the quote that opens in line 2 is never closed'],
  ])('CSV that cannot be what is declared is not guessed at: %j', async (text, message) => {
    await expect(readAll(Buffer.from(text), { format: 'csv' })).rejects.toThrow(message);
  });

  test('text: each line that is not empty', async () => {
    const body = Buffer.from('{"a":1}\r\n\n 12 \nnot \xff\n', 'latin1');
    const expected = [
      [1, { text: '{"a":1}' }],
      [3, { text: ' 12 ' }],
      [4, undefined],
    ];
    expect(await readAll(body, { format: 'text' })).toEqual(expected);
    expect(await readAll(gzipSync(body), { format: 'text', compression: 'gzip' })).toEqual(expected);
  });

  test('Parquet: rows by their number, columns at their paths', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-parquet-'));
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const path = join(folder, 'x.parquet');
    await connection.run(
      `copy (select 'c-' || i as customer, 'p' as product, (i + 0.5)::decimal(12, 2) as price, timestamp '2026-11-21 09:00:00' as note from range(1, 5001) t(i)) to '${path}' (format parquet)`,
    );
    connection.closeSync();
    instance.closeSync();
    const found = await readAll(readFileSync(path), { format: 'parquet' });
    expect(found).toHaveLength(5000);
    expect(found[4321]).toEqual([4322, record('c-4322', 'p', 4322.5, '2026-11-21 09:00:00')]);
    rmSync(folder, { recursive: true });
    await expect(readAll(Buffer.from('no parquet'), { format: 'parquet' })).rejects.toThrow(UnreadableError);
  });

  test('a format that nothing reads is told of and not guessed', async () => {
    await expect(readAll(Buffer.from('x'), { format: 'avro' })).rejects.toThrow(
      'this command cannot read the format avro',
    );
  });

  test('are looked through for the event, with the place where it is', async () => {
    const cloud = new FakeCloud();
    const header = Buffer.from('customer,product,price,note\nc-0,p,1,\nc-1,p,12.5,\n');
    cloud.put('history', 'estore/files/a.csv', { body: header });
    cloud.put('history', 'estore/files/b.csv', { body: Buffer.from('other\n'), lastModified: 1 });
    const history = [{ name: 'files', globs: ['estore/files/*.csv'], format: 'csv', compression: 'none', columns }];
    const other = { ...pipeline, history } as unknown as Pipeline;
    const bounds = { records: 1, bytes: 1e6 };
    const found = await searchHistory(
      fakeContext(cloud),
      parseQuestion(other, ['customer_id=c-1', 'price=12.5']),
      [],
      bounds,
    );
    expect(found.hits).toMatchObject([{ key: 'estore/files/a.csv', line: 3, unit: 'line' }]);
    const nowhere = await searchHistory(fakeContext(cloud), parseQuestion(other, ['customer_id=c-9']), [], bounds);
    expect(nowhere).toMatchObject({ hits: [], complete: false });
    expect(nowhere.extent).toMatch(/2 of 2 objects read, 1 cannot be \(estore\/files\/b\.csv: its header is other/);
  });
});

describe('the stream is read', () => {
  const record = (n: number, data: unknown) => ({
    sequenceNumber: String(n),
    partitionKey: 'k',
    arrivedAt: n * 1000,
    data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)),
  });
  const cloudWith = () => {
    const cloud = new FakeCloud();
    cloud.streams.shards = async () => ['s-0', 's-1'];
    cloud.streams.records = async function* (_stream, shard) {
      if (shard === 's-0') yield [record(1, 'no JSON'), record(2, { ...payload, customer_id: 'c-2' })];
      else {
        yield [record(3, payload)];
        yield [record(4, payload), record(5, 'x')];
      }
    };
    return cloud;
  };
  const question = parseQuestion(pipeline, ['customer_id=c-1']);

  test('in all shards, over what is no JSON', async () => {
    const { hits, complete } = await searchStream(fakeContext(cloudWith()), question, { records: 100, bytes: 1 });
    expect(hits.map(({ shard, sequenceNumber }) => [shard, sequenceNumber])).toEqual([
      ['s-1', '3'],
      ['s-1', '4'],
    ]);
    expect(complete).toBe(true);
  });

  test('as texts, if its records are texts', async () => {
    const column = { name: 'line', path: ['text'], type: 'varchar', maxBytes: 64, required: true } as const;
    const logs: Pipeline = {
      ...pipeline,
      stream: { ...pipeline.stream, records: { format: 'text' } },
      columns: [column],
      identity: { by: 'columns', columns: ['line'] },
    };
    const cloud = new FakeCloud();
    cloud.streams.shards = async () => ['s-0'];
    cloud.streams.records = async function* () {
      yield [record(1, '{"text":"12"}'), record(2, '12\r\n')];
    };
    const asked = parseQuestion(logs, ['line=12']);
    const { hits } = await searchStream(fakeContext(cloud), asked, { records: 100, bytes: 1 });
    expect(hits.map(({ sequenceNumber }) => sequenceNumber)).toEqual(['2']);
  });

  test('not beyond its bounds, and says so', async () => {
    const few = await searchStream(fakeContext(cloudWith()), question, { records: 2, bytes: 1 });
    expect(few).toMatchObject({ hits: [], complete: false, extent: '2 records of millrace-dev-estore read' });
    const early = await searchStream(fakeContext(cloudWith()), question, { records: 100, bytes: 1, until: 4000 });
    expect(early.hits).toHaveLength(1);
  });
});
