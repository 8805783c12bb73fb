import { reservedWords } from 'redshift-local/reserved-words';
import type { Column, Pipeline } from '../../pipelines/definition';
import { mergeStatements } from '../../sql/merge/merge';
import { resolvePipeline } from '../../sql/resolve';
import { tableShapes } from '../../sql/tables/columns';
import { tableNames } from '../../sql/tables/names';
import { problemsOf } from '../support/problems';
import { aPipeline, aView } from './fixtures';

const problems = (overrides: Partial<Pipeline>) => problemsOf(aPipeline(overrides));
const withColumn = (column: Partial<Column>) => [
  ...aPipeline().columns,
  { path: ['x'], type: 'bigint', ...column } as Column,
];
const words = [...reservedWords];

test.each<[string, (word: string) => Partial<Pipeline>, string]>([
  ['the name of a pipeline', (name) => ({ name }), '.name'],
  ['the name of a column', (name) => ({ columns: withColumn({ name }) }), '.name'],
  ['where a column is stored', (stored) => ({ columns: withColumn({ name: 'x', stored }) }), '.stored'],
  ['the name of a view', (name) => ({ views: [aView(name, 'select id from shop.events')] }), '.name'],
  [
    'a column of a view',
    (name) => ({ views: [aView('v', `select id as "${name}" from shop.events`)] }),
    ': the name of a column',
  ],
])('%s is no reserved word', (_, overrides, field) => {
  for (const word of words)
    expect(problems(overrides(word))).toContainEqual(
      expect.stringMatching(`${field} must not be a reserved word of Redshift, got "${word}": choose another name`),
    );
  expect(problems(overrides('identity_version'))).toEqual([]);
});

test("no column of Millrace's own tables has a reserved word for a name", () => {
  const shapes = tableShapes(aPipeline());
  const names = [...tableNames, ...Object.values(shapes).flatMap((columns) => columns.map(({ name }) => name))];
  expect(names.filter((name) => reservedWords.has(name))).toEqual([]);
});

test('a column whose name has a reserved word in it stands without quotes', () => {
  const statements = mergeStatements(resolvePipeline(aPipeline({ columns: withColumn({ name: 'user_id' }) }))).join(
    '\n',
  );
  expect(statements).toContain('user_id');
  expect(statements).not.toContain('"user_id"');
});
