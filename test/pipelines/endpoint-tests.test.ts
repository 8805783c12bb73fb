import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpointOutcome } from '../../cli/trial/outcome';
import { pipelines } from '../../pipelines';
import { type EndpointTest, readEndpointTests } from '../../pipelines/endpoint-tests';
import { endpointsPlan } from '../../sql';
import { TestWarehouse } from '../sql/warehouse';
import { testedBy } from './tested';

const folderOf = (pipeline: string) => join(__dirname, '../../pipelines', pipeline);

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
          const { held, wanted } = await endpointOutcome(testedBy(warehouse!), item, each);
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
