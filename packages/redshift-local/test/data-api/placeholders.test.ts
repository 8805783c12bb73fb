import { executeInput } from '../../src/data-api/input';
import { placeholders } from '../../src/data-api/placeholders';

test.each([
  ['select :a, :b_2', ['a', 'b_2']],
  ['select x::varchar, :a::int', ['a']],
  ["select ':a', 'it''s :b', :c", ['c']],
  ["select '\\' :a', :b", ['b']],
  ['select ":a", $$ :b $$, :c', ['c']],
  ['select 1 -- :a\n, :b /* :c */', ['b']],
  ["select '2026-01-01 10:30', :A", ['a']],
])('%s has the placeholders %j', (sql, names) => {
  expect([...placeholders(sql)]).toEqual(names);
});

const submit = (Sql: string) =>
  executeInput({
    Sql,
    Database: 'dev',
    ClusterIdentifier: 'demo',
    Parameters: [{ name: 'id', value: '1' }],
  });

// aws-samples/getting-started-with-amazon-redshift-data-api#4
test.each(["select ':id'", "unload ('select :id') to 's3://bucket/prefix' iam_role default", 'select 1 -- :id'])(
  '%s uses no parameter',
  (sql) => {
    expect(() => submit(sql)).toThrow(
      'Parameter id is used by no statement. :id is inside quotes or a comment, where a placeholder is text and no parameter.',
    );
  },
);

test('a placeholder beside quotes is used', () => {
  expect(submit("select ':id', :id").sqls).toHaveLength(1);
  expect(() => submit('select id::int')).toThrow(/^Parameter id is used by no statement\.$/);
});
