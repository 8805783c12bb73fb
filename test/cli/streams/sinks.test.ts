import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { copyDecoders, type Decoding } from '../../../cli/commands/streams/payload-text';
import { fileSource } from '../../../cli/commands/streams/replay-sources';
import type { CopiedRecord } from '../../../cli/commands/streams/sink';
import { openSink } from '../../../cli/commands/streams/sinks';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-sinks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string) => join(folder, name);

interface Given {
  readonly decode?: Decoding;
  readonly stream?: string;
  /** Number of the first payload. */
  readonly from?: number;
}

/** Records as `millrace read` has them: what `decode` does not take is undecodable. */
const recordsOf = (payloads: readonly (string | Buffer)[], { decode = 'json', stream = 's', from = 0 }: Given = {}) =>
  payloads.map((payload, index): CopiedRecord => {
    const bytes = Buffer.from(payload as string);
    const seq_no = String(from + index + 1);
    const envelope = {
      _kinesis: { shard_id: 'shard', seq_no, ts: new Date(1_000), partition: `k"${seq_no}`, stream_name: stream },
      _kinesis_msg_id: `id-${seq_no}`,
    };
    try {
      return { value: copyDecoders[decode](bytes), ...envelope };
    } catch {
      return { value: undefined as never, undecodable: { reason: 'not JSON', bytes }, ...envelope };
    }
  });

async function copy(out: string, records: readonly CopiedRecord[], decode: Decoding = 'json', flush = true) {
  const sink = await openSink({ out, stdout: process.stdout, revision: 0, decode });
  await sink.write(records);
  if (flush) await sink.flush(1);
  await sink.close(flush);
}

async function query(file: string, text: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(text)).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const odd = ['{"n":12345678901234567890}', '"\\ud800"', '{"a":"\\u00e4\\n"}', 'no json', '{\n"b": 1\r\n}', '\u0000'];

test('DuckDB has every record in rows that it can read, more than a data chunk of them', async () => {
  const plain = Array.from({ length: 5_000 }, (_, n) => `{"n":${n}}`);
  await copy(path('a.duckdb'), recordsOf([...odd, ...plain]));
  expect(
    await query(
      path('a.duckdb'),
      `select value, undecodable, decode(bytes), arrived_at, partition_key
      from records order by length(seq_no), seq_no limit 6`,
    ),
  ).toEqual([
    ['{"n":12345678901234567890}', null, null, '1970-01-01 00:00:01', 'k"1'],
    [null, 'DuckDB does not read JSON with a surrogate that has no pair', '"\\ud800"', expect.anything(), 'k"2'],
    ['{"a":"\\u00e4\\n"}', null, null, expect.anything(), 'k"3'],
    [null, 'not JSON', 'no json', expect.anything(), 'k"4'],
    ['{ "b": 1  }', null, null, expect.anything(), 'k"5'],
    [null, 'not JSON', '\u0000', expect.anything(), 'k"6'],
  ]);
  expect(await query(path('a.duckdb'), `select count(*), sum((value->>'n')::hugeint)::varchar from records`)).toEqual([
    ['5006', String(12345678901234567890n + (4_999n * 5_000n) / 2n)],
  ]);
});

test('a table has no record twice, whether it begins before, within or behind what is there', async () => {
  const file = path('a.duckdb');
  const all = recordsOf(Array.from({ length: 9 }, (_, n) => `${n}`));
  await copy(file, all.slice(3, 6));
  await copy(file, all.slice(4, 8));
  await copy(file, all.slice(0, 4));
  await copy(file, all.slice(8));
  await copy(file, recordsOf(['7'], { stream: 'other', from: 7 }));
  expect(
    await query(file, 'select stream_name, list(value order by seq_no) from records group by all order by 1'),
  ).toEqual([
    ['other', ['7']],
    ['s', ['0', '1', '2', '3', '4', '5', '6', '7', '8']],
  ]);
});

test('what was not flushed is not in the table, nor is a Parquet file there', async () => {
  await copy(path('a.duckdb'), recordsOf(['1']));
  await copy(path('a.duckdb'), recordsOf(['2'], { from: 1 }), 'json', false);
  expect(await query(path('a.duckdb'), 'select value from records')).toEqual([['1']]);
  await copy(path('b.parquet'), recordsOf(['1']), 'json', false);
  expect(readdirSync(folder)).toEqual(['a.duckdb']);
});

test('Parquet has the same columns and nothing is left beside it', async () => {
  await copy(path('b.parquet'), recordsOf(odd));
  expect(await query(':memory:', `select count(*), count(value), count(bytes) from '${path('b.parquet')}'`)).toEqual([
    ['6', '3', '3'],
  ]);
  expect(readdirSync(folder)).toEqual(['b.parquet']);
});

test('a table of other columns is named and kept', async () => {
  const file = path('a.duckdb');
  await query(file, 'create table records as select 1 as n');
  await expect(copy(file, recordsOf(['1']))).rejects.toThrow(
    `--out ${file} has a table records with other columns; name another file`,
  );
  expect(await query(file, 'select n from records')).toEqual([[1]]);
});

test.each<[Decoding, (string | Buffer)[]]>([
  ['json', ['{"n":12345678901234567890,"_kinesis":{"a":1}}', '"a text"', '{ "a": 1.50 }', 'no json', '\ud800']],
  ['text', ['{"n":1}', '"a text"', 'a,b\n', '']],
  ['bytes', ['{"n":1}', Buffer.of(0, 255, 10), '']],
])('a file of lines from --decode %s is replayed to the byte', async (decode, payloads) => {
  const file = path('a.ndjson');
  await copy(file, recordsOf(payloads, { decode }), decode);
  const found: string[] = [];
  for await (const { data, partitionKey } of fileSource(file, undefined))
    found.push(`${partitionKey} ${Buffer.from(data).toString('hex')}`);
  expect(found).toEqual(payloads.map((payload, n) => `k"${n + 1} ${Buffer.from(payload as string).toString('hex')}`));
  expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(payloads.length);
});

test('lines of a read that was killed before its first commit are cut off, and nothing else', async () => {
  const out = path('copy.ndjson');
  const numbers = () =>
    readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).value);
  await copy(out, recordsOf(['1', '2']));
  await copy(out, recordsOf(['3']), 'json', false);
  await copy(out, recordsOf(['3', '4'], { from: 2 }));
  expect(numbers()).toEqual([1, 2, 3, 4]);
});
