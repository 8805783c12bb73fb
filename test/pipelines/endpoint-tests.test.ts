import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointItem } from '../../lambda/endpoint/contract';
import { chooseStatement, readParams } from '../../lambda/endpoint/params';
import { pipelines } from '../../pipelines';
import { type EndpointTest, readEndpointTests } from '../../pipelines/endpoint-tests';
import { endpointsPlan } from '../../sql';
import { TestWarehouse } from '../sql/warehouse';
import { comparable } from './cells';

const folderOf = (pipeline: string) => join(__dirname, '../../pipelines', pipeline);

/** What the endpoint answers, and what the test wants: rows in the columns that the test names, or the parameters that are wrong. */
async function outcome(warehouse: TestWarehouse, item: EndpointItem, { params, expected }: EndpointTest) {
  const read = readParams(item, Object.entries(params), {});
  if ('violations' in read)
    return {
      held: { refused: read.violations.map(({ param }) => param).sort() },
      wanted: expected.kind === 'refused' ? { refused: [...expected.params].sort() } : { rows: expected.rows },
    };
  const { sql, params: names } = chooseStatement(item, read.values);
  const records = await warehouse.answer(sql, Object.fromEntries(names.map((name) => [name, read.values[name]!])));
  const rows = records.slice(0, item.maxRows);
  const held = { truncated: records.length > rows.length };
  if (expected.kind === 'refused') return { held: { ...held, rows }, wanted: { refused: expected.params } };
  const columns = Object.keys(expected.rows[0] ?? {});
  const line = (cell: (name: string) => unknown) =>
    columns.map((name) => `${name}: ${comparable(cell(name), typeOf(item, name))}`).join(', ');
  const at = (name: string) => item.columns.findIndex((column) => column.name === name);
  const ordered = (lines: string[]) => (/\border by\b/i.test(sql) ? lines : lines.sort());
  return {
    held: {
      ...held,
      rows: columns.length === 0 ? rows : ordered(rows.map((row) => line((name) => row[at(name)]))),
    },
    wanted: {
      truncated: expected.truncated,
      rows: ordered(expected.rows.map((row) => line((name) => row[name]))),
    },
  };
}

function typeOf({ name: endpoint, columns }: EndpointItem, name: string): string {
  const type = columns.find((column) => column.name === name)?.type;
  if (type === undefined)
    throw new Error(`${endpoint} has no column ${name}; it has ${columns.map((column) => column.name).join(', ')}`);
  return type.replace(/\(.*\)$/, '');
}

for (const pipeline of pipelines)
  describe(pipeline.name, () => {
    const items = endpointsPlan([pipeline]);
    for (const { name, file } of pipeline.endpoints ?? []) {
      const tests = readEndpointTests(folderOf(pipeline.name), name);
      if (!tests) {
        test.todo(`${name} has no test: write ${file.replace(/\.sql$/, '.test.yaml')}`);
        continue;
      }
      describe(name, () => {
        const item = items.find((each) => each.name === name)!;
        let warehouse: TestWarehouse | undefined;
        let sent: readonly unknown[] | undefined;
        afterAll(() => warehouse?.dispose());

        test.each(tests.map((each): [string, EndpointTest] => [each.name, each]))('%s', async (_, each) => {
          if (sent !== each.events) {
            warehouse?.dispose();
            warehouse = await TestWarehouse.create(pipeline);
            warehouse.send(...each.events);
            await warehouse.refresh();
            sent = each.events;
          }
          const { held, wanted } = await outcome(warehouse!, item, each);
          expect(held).toEqual(wanted);
        });
      });
    }
  });

describe('a file of tests', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-endpoint-tests-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const reading = (content: string) => {
    mkdirSync(join(folder, 'endpoints'), { recursive: true });
    writeFileSync(join(folder, 'endpoints', 'cart.test.yaml'), content);
    return () => readEndpointTests(folder, 'cart');
  };

  test('has the events of the test before it, if it has none', () => {
    const tests = reading(
      '- {name: x, events: [1], params: {a: 5, b: true}, rows: []}\n- {name: y, params: {a: -1}, refused: [a]}',
    )();
    expect(tests).toEqual([
      { name: 'x', events: [1], params: { a: '5', b: 'true' }, expected: { kind: 'rows', rows: [], truncated: false } },
      { name: 'y', events: [1], params: { a: '-1' }, expected: { kind: 'refused', params: ['a'] } },
    ]);
  });

  test.each([
    ['neither rows nor refused', '- {name: x}', /cart\.test\.yaml\[0\] must have rows or refused, and not both/],
    ['both', '- {name: x, rows: [], refused: [a]}', /\[0\] must have rows or refused, and not both/],
    ['no name of a parameter', '- {name: x, refused: []}', /\[0\]\.refused must be a list of the parameters/],
    [
      'a parameter that is a list',
      '- {name: x, params: {a: [1]}, rows: []}',
      /\[0\]\.params\.a must be a text, a number/,
    ],
    [
      'a field that is not known',
      '- {name: x, row: []}',
      /\[0\]\.row is not known; a test has name, events, params, rows/,
    ],
    [
      'events that are no list',
      '- {name: x, events: {}, rows: []}',
      /\[0\]\.events must be a list of payloads, got \{\}/,
    ],
    [
      'truncated that is no flag',
      '- {name: x, rows: [], truncated: 1}',
      /\[0\]\.truncated must be true or false, got 1/,
    ],
  ])('is refused: %s', (_, content, message) => {
    expect(reading(content)).toThrow(message);
  });

  test('that is not there is no error, but reported', () => {
    expect(readEndpointTests(folder, 'nothing')).toBeUndefined();
  });
});
