import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { comparable } from '../../cli/trial/cells';
import { viewOutcome } from '../../cli/trial/outcome';
import { pipelines } from '../../pipelines';
import { readViewTests, type ViewTest } from '../../pipelines/view-tests';
import { TestWarehouse } from '../sql/warehouse';
import { testedBy } from './tested';

const folderOf = (pipeline: string) => join(__dirname, '../../pipelines', pipeline);

for (const pipeline of pipelines)
  describe(pipeline.name, () => {
    for (const view of pipeline.views) {
      const tests = readViewTests(folderOf(pipeline.name), view.name);
      if (!tests) {
        test.todo(`${view.name} has no test: write ${view.file.replace(/\.sql$/, '.test.yaml')}`);
        continue;
      }
      test.each(tests.map((each): [string, ViewTest] => [`${view.name}: ${each.name}`, each]))(
        '%s',
        async (_, each) => {
          const warehouse = await TestWarehouse.create(pipeline);
          try {
            warehouse.send(...each.events);
            await warehouse.refresh();
            const { held, wanted } = await viewOutcome(testedBy(warehouse), `${pipeline.name}.${view.name}`, each);
            expect(held).toEqual(wanted);
          } finally {
            warehouse.dispose();
          }
        },
      );
    }
  });

describe('a file of tests', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-view-tests-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const reading = (content: string) => {
    mkdirSync(join(folder, 'views'), { recursive: true });
    writeFileSync(join(folder, 'views', 'visits.test.yaml'), content);
    return () => readViewTests(folder, 'visits');
  };

  test.each([
    [
      'anchors that explode',
      `${Array.from({ length: 12 }, (_, n) => `a${n}: &a${n} [${n === 0 ? '1' : `*a${n - 1}, `.repeat(9)}]`).join('\n')}\n`,
      /visits\.test\.yaml is not YAML: Excessive alias count/,
    ],
    ['a value too large to show', `name: ${'x'.repeat(1000)}`, /, got \{"name":"x{100,200}…$/],
    ['no YAML', 'a: [', /visits\.test\.yaml is not YAML: /],
    ['no list', 'name: x', /visits\.test\.yaml must be a list of tests with at least one, got \{"name":"x"\}/],
    [
      'a field that is not known',
      '- {name: x, events: [], rows: [], row: []}',
      /\[0\]\.row is not known; a test has name, events, rows/,
    ],
    ['no name', '- {events: [], rows: []}', /\[0\]\.name must be a text that says what the test shows, got undefined/],
    [
      'rows of different columns',
      '- {name: x, events: [], rows: [{a: 1}, {b: 1}]}',
      /\[0\]\.rows\[1\] must name the columns of the first row \(a\), got b/,
    ],
    [
      'a nested cell',
      '- {name: x, events: [], rows: [{a: [1]}]}',
      /\[0\]\.rows\[0\]\.a must be a text, a number, true, false or null, got \[1\]/,
    ],
    [
      'a name twice',
      '- {name: x, events: [], rows: []}\n- {name: x, events: [], rows: []}',
      /must have tests of different names, got "x" twice/,
    ],
  ])('is refused: %s', (_, content, message) => {
    expect(reading(content)).toThrow(message);
  });

  test('that is not there is no error, but reported', () => {
    expect(readViewTests(folder, 'nothing')).toBeUndefined();
  });
});

test.each([
  ['a decimal', 24, '24.00', 'numeric', true],
  ['another decimal', 24.01, '24.00', 'numeric', false],
  ['a timestamp in ISO 8601', '2026-11-21T10:00:00Z', '2026-11-21 10:00:00', 'timestamp', true],
  ['another timestamp', '2026-11-21T10:00:00.001', '2026-11-21 10:00:00', 'timestamp', false],
  ['a text that looks like a number', '1.0', '1', 'varchar', false],
  ['a null that is a text', null, 'null', 'varchar', false],
  ['SUPER, whatever its spaces', '{ "a": [1, 2] }', '{"a":[1,2]}', 'super', true],
  ['a boolean', true, true, 'boolean', true],
  ['a large integer', '9007199254740993', '9007199254740992', 'bigint', false],
] as const)('cells are compared by the type of their column: %s', (_, wanted, held, type, same) => {
  expect(comparable(wanted, type) === comparable(held, type)).toBe(same);
});
