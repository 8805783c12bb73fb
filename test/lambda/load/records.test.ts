import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { footerBytes, parquetColumns } from '../../../lambda/load/parquet-columns';
import { canonical, payloadOf } from '../../../lambda/load/payload';
import {
  csvFields,
  type FileRecord,
  type RecordOptions,
  recordsOf,
  UnreadableError,
} from '../../../lambda/load/records';
import { csvField, parquet } from '../../support/files';

/** The bytes in pieces of these sizes, over and over. */
async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function read(bytes: Buffer, options: Partial<RecordOptions> = {}, sizes = [7]): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  const all = { compression: 'none', quoted: true, maxBytes: 1000, ...options } as const;
  for await (const record of recordsOf(inPieces(bytes, sizes), all)) found.push(record);
  return found;
}

const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é', ' '), maxLength: 8 });

test('records come back as they were written, however the bytes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom('none' as const, 'gzip' as const),
      fc.boolean(),
      async (rows, sizes, lineEnd, compression, open) => {
        // Quoted, so that no row is a blank line.
        const lines = rows.map((row) => row.map((value) => (value === '' ? '""' : csvField(value))).join(','));
        const text = `${lines.join(lineEnd)}${open ? '' : lineEnd}`;
        const bytes = compression === 'gzip' ? gzipSync(text) : Buffer.from(text);
        const records = await read(bytes, { compression }, sizes);
        expect(records.map((record) => csvFields(record.bytes.toString(), ','))).toEqual(rows);
        let line = 1;
        for (const [index, record] of records.entries()) {
          const height = lines[index]!.split('\n').length;
          expect([record.line, record.lastLine]).toEqual([line, line + height - 1]);
          line += height;
        }
      },
    ),
    { numRuns: 300, seed: 7 },
  );
});

test.each([
  ['a,b', ['a', 'b']],
  ['', ['']],
  ['a,', ['a', '']],
  ['"a""b",""', ['a"b', '']],
  ['"a', undefined],
  ['"a"b,c', undefined],
])('%j are the fields %j', (text, fields) => {
  expect(csvFields(text, ',')).toEqual(fields);
});

test('bytes that are not of the compression, and records without an end, throw UnreadableError and no other error', async () => {
  await expect(read(Buffer.from('plain text'), { compression: 'gzip' })).rejects.toThrow(UnreadableError);
  await expect(read(gzipSync('a\nb\n').subarray(0, 15), { compression: 'gzip' })).rejects.toThrow(UnreadableError);
  await expect(read(Buffer.from('a'.repeat(1001)))).rejects.toThrow('the record at line 1 is longer than 1000 bytes');
  await expect(read(Buffer.from(`a\n"${'b\n'.repeat(600)}`))).rejects.toThrow('the record at line 2 is longer');
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from('a\n');
    throw new Error('connection reset');
  }
  const reading = async () => {
    for await (const _ of recordsOf(broken(), { compression: 'gzip', quoted: false, maxBytes: 10 }));
  };
  await expect(reading()).rejects.toThrow('connection reset');
});

test('a reader that stops closes the object', async () => {
  let closed = false;
  async function* body(): AsyncGenerator<Buffer> {
    try {
      for (;;) yield Buffer.from('line\n');
    } finally {
      closed = true;
    }
  }
  for await (const _ of recordsOf(body(), { compression: 'none', quoted: false, maxBytes: 10 })) break;
  expect(closed).toBe(true);
});

describe('the columns of a Parquet file', () => {
  const columnsOf = (file: Buffer) => parquetColumns(file.subarray(file.length - footerBytes(file), -8));

  test('are its outermost, in their order', async () => {
    const file = await parquet(
      `select 1 as "Ä, ""1""", {'x': 1, 'y': {'z': [1]}} as nested, [{'k': 'v'}] as list, map {'a': 1} as pairs, true as flag, 1.5::decimal(20,3) as d, ${Array.from({ length: 40 }, (_, n) => `${n} as c${n}`).join(', ')}`,
    );
    expect(columnsOf(file)).toEqual([
      'Ä, "1"',
      'nested',
      'list',
      'pairs',
      'flag',
      'd',
      ...Array.from({ length: 40 }, (_, n) => `c${n}`),
    ]);
  });

  test('are none where the footer was damaged: never an endless loop, never another error', async () => {
    const file = await parquet('select 1 as a, 2 as b');
    const footer = file.subarray(file.length - footerBytes(file), -8);
    fc.assert(
      fc.property(
        fc.nat(footer.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(footer.length),
        (at, byte, length) => {
          const damaged = Buffer.from(footer.subarray(0, length));
          if (at < length) damaged[at] = byte;
          try {
            expect(Array.isArray(parquetColumns(damaged))).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(UnreadableError);
          }
        },
      ),
      { numRuns: 1000, seed: 3 },
    );
  });
});

test('a record of a CSV is the payload that its columns describe', () => {
  const shape = {
    format: 'csv',
    compression: 'none',
    columns: [
      { name: 'n', path: ['o', '__proto__'], spelling: 'number' },
      { name: 'f', path: ['o', 'f'], spelling: 'flag' },
      { name: 't', path: ['t'], spelling: 'text' },
    ],
  } as const;
  const of = (text: string) => payloadOf(Buffer.from(text), shape);
  expect(canonical(of('1.50,T,x'))).toBe('{"o":{"__proto__":1.5,"f":true},"t":"x"}');
  expect(canonical(of('1e999,maybe,\\N'))).toBe('{"o":{"__proto__":Infinity,"f":"maybe"},"t":null}');
  expect(canonical(of('01,,"1"'))).toBe('{"o":{"__proto__":"01","f":null},"t":"1"}');
  expect(of('1,2')).toBeUndefined();
  expect(payloadOf(Buffer.from([0x31, 0xff]), shape)).toBeUndefined();
});
