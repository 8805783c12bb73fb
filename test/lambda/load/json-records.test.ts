import fc from 'fast-check';
import { jsonRecords } from '../../../lambda/load/json-records';
import { recordsOf } from '../../../lambda/load/records';

async function read(text: string, maxBytes = 1_000_000) {
  const body = (async function* () {
    yield Buffer.from(text);
  })();
  const lines = recordsOf(body, { compression: 'none', quoted: false, maxBytes });
  const found: [line: number, lastLine: number, text: string][] = [];
  for await (const { line, lastLine, bytes } of jsonRecords(lines, maxBytes))
    found.push([line, lastLine, bytes.toString()]);
  return found;
}

test.each([
  [
    '{"a":1}\n{"a":2}',
    [
      [1, 1, '{"a":1}'],
      [2, 2, '{"a":2}'],
    ],
  ],
  [
    '{"a":1}{"a":2} [3]\n',
    [
      [1, 1, '{"a":1}'],
      [1, 1, '{"a":2}'],
      [1, 1, '[3]'],
    ],
  ],
  [
    '\n{\n"a": [\n{"b":"}"}\n]\n}\n\n{"a":2}',
    [
      [2, 6, '{\n"a": [\n{"b":"}"}\n]\n}'],
      [8, 8, '{"a":2}'],
    ],
  ],
  [
    '{"a":1} {\n"a":2}{"a":3}\n',
    [
      [1, 1, '{"a":1}'],
      [1, 2, '{\n"a":2}'],
      [2, 2, '{"a":3}'],
    ],
  ],
])('reads the objects of %j', async (text, expected) => {
  expect(await read(text)).toEqual(expected);
});

test.each([
  [
    'a line that was cut off',
    '{"a": 1\n{"a":2}\n',
    [
      [1, 1, '{"a": 1'],
      [2, 2, '{"a":2}'],
    ],
  ],
  [
    'a line that ends in a string',
    '{"a": "x\n{"a":2}\n',
    [
      [1, 1, '{"a": "x'],
      [2, 2, '{"a":2}'],
    ],
  ],
  [
    'a line that ends before a value',
    '{"a":\n{"a":2}\n{"a":3}\n',
    [
      [1, 1, '{"a":'],
      [2, 2, '{"a":2}'],
      [3, 3, '{"a":3}'],
    ],
  ],
  [
    'lines of text',
    'GET /\nPUT /\n{"a":1}',
    [
      [1, 1, 'GET /'],
      [2, 2, 'PUT /'],
      [3, 3, '{"a":1}'],
    ],
  ],
  [
    'scalars',
    '1\n"x"\nnull',
    [
      [1, 1, '1'],
      [2, 2, '"x"'],
      [3, 3, 'null'],
    ],
  ],
  [
    'an object and text',
    '{"a":1},\n{"a":2} x\n{"a":3}',
    [
      [1, 1, '{"a":1},'],
      [2, 2, '{"a":2} x'],
      [3, 3, '{"a":3}'],
    ],
  ],
  [
    'an object over lines, with an error',
    '{\n  "a": nope,\n  "b": 1\n}\n{\n  "a": 2\n}\n',
    [
      [1, 4, '{\n  "a": nope,\n  "b": 1\n}'],
      [5, 7, '{\n  "a": 2\n}'],
    ],
  ],
  [
    'the last object cut off',
    '{"a":1}\n{\n  "a":\n',
    [
      [1, 1, '{"a":1}'],
      [2, 3, '{\n  "a":'],
    ],
  ],
  [
    'a byte order mark',
    '\ufeff{"a":1}\n{"a":2}',
    [
      [1, 1, '\ufeff{"a":1}'],
      [2, 2, '{"a":2}'],
    ],
  ],
])('%s spoils no other record', async (_, text, expected) => {
  expect(await read(text)).toEqual(expected);
});

test('objects come back as they were written, whatever stands between them and how they are laid out', async () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(object, fc.constantFrom(undefined, 1, 2), fc.constantFrom('', ' ', '\n', '\r\n', '\n\n')), {
        maxLength: 6,
      }),
      async (written) => {
        const text = written.map(([value, indent, after]) => JSON.stringify(value, null, indent) + after).join('');
        const found = await read(text);
        expect(found.map(([, , record]) => JSON.parse(record))).toEqual(
          written.map(([value]) => JSON.parse(JSON.stringify(value))),
        );
        for (const [line, lastLine, record] of found)
          expect(
            text
              .split(/\r?\n/)
              .slice(line - 1, lastLine)
              .join('\n'),
          ).toContain(record);
      },
    ),
    { numRuns: 300 },
  );
});

test('every byte of what is no JSON is kept, in order', async () => {
  const piece = fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '1', '{"a":1}', '\\', ' ', '\n', '{\n', 'x');
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const text = pieces.join('');
      const without = (value: string) => value.replace(/[ \n]/g, '');
      expect(without((await read(text)).map(([, , record]) => record).join(''))).toBe(without(text));
    }),
    { numRuns: 1000 },
  );
});

test('refuses a record of too many bytes, and reads many opening brackets in time', async () => {
  await expect(read(`{"a":\n${'1,\n'.repeat(10)}`, 1000)).resolves.toHaveLength(1);
  await expect(read(`[\n${'1,\n'.repeat(1000)}`, 1000)).rejects.toThrow(
    'the record at line 1 is longer than 1000 bytes',
  );
  const found = await read('[\n'.repeat(20_000));
  expect(found.at(-1)![1]).toBe(20_000);
  expect(found.map(([, , record]) => record).join('\n')).toBe('[\n'.repeat(20_000).trimEnd());
});
