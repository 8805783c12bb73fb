import { reservedWords } from '../../src/reserved-words';
import { SqlError } from '../../src/statement';
import { type Database, openDatabase } from './database';

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run(
    `create schema s; create table s.t (a int, ${[...reservedWords].map((word) => `"${word}" int`).join(', ')})`,
  );
});
afterAll(() => database.dispose());

function outcome(sql: string): string {
  try {
    database.translate(sql);
    return 'accepted';
  } catch (error) {
    if (error instanceof SqlError) return error.message;
    throw error;
  }
}

/** Words that are something else where a column may stand. */
const expressions = [
  ...['null', 'true', 'false', 'user', 'session_user', 'current_user'],
  ...['current_date', 'current_timestamp', 'localtimestamp', 'sysdate'],
];

const places: [place: string, sql: (word: string) => string, not?: readonly string[]][] = [
  ['column of a new table', (word) => `create table s.n (${word} int)`],
  ['column of a view', (word) => `create view s.v (${word}) as select 1`],
  ['added column', (word) => `alter table s.t add column ${word} int`],
  ['column of an insert', (word) => `insert into s.t (${word}) values (1)`],
  ['column of an update', (word) => `update s.t set ${word} = 1`],
  ['selected column', (word) => `select ${word} from s.t`, expressions],
  ['compared column', (word) => `select a from s.t where ${word} = 1`, expressions],
  ['grouped column', (word) => `select count(*) from s.t group by ${word}`, [...expressions, 'all']],
  ['column before a dot', (word) => `select ${word}.a from s.t`],
  ['new table', (word) => `create table ${word} (a int)`],
  ['new table of a schema', (word) => `create table s.${word} (a int)`],
  ['table', (word) => `select a from ${word}`],
  ['table of a schema', (word) => `select a from s.${word}`],
  ['joined table', (word) => `select t.a from s.t as t cross join ${word}`],
  ['deleted from', (word) => `delete from ${word}`, ['using']],
  ['schema', (word) => `create schema ${word}`, ['authorization']],
  ['alias of a result without AS', (word) => `select a ${word} from s.t`, ['isnull', 'notnull']],
  ['alias of a table without AS', (word) => `select a from s.t ${word}`],
  ['alias of a table after AS', (word) => `select a from s.t as ${word}`],
  ['alias of a query', (word) => `select a from (select a from s.t) as ${word}`],
  ['alias of a column of a query', (word) => `select 1 from (select a from s.t) as q (${word})`],
  ['alias of a deleted table', (word) => `delete from s.t as ${word} where 1 = 1`],
  ['alias of an updated table', (word) => `update s.t as ${word} set a = 1`],
  ['common table expression', (word) => `with ${word} as (select 1 as a) select 2 as b`],
  ['column of a common table expression', (word) => `with q (${word}) as (select 1) select 2 as b`],
];

test('the list is that of the guide', () => {
  expect(reservedWords.size).toBe(156);
});

describe.each(places)('%s', (_, sql, not = []) => {
  test('no reserved word without quotes', () => {
    const words = [...reservedWords].filter((word) => !not.includes(word));
    expect(words.filter((word) => outcome(sql(word)) === 'accepted')).toEqual([]);
    expect(words.filter((word) => outcome(sql(word.toUpperCase())) === 'accepted')).toEqual([]);
  });

  test('any other word', () => {
    expect(outcome(sql('identity_version'))).toMatch(/^accepted$|does not exist/);
  });
});

test.each([
  ['output name after AS', (word: string) => `select a as ${word} from s.t`],
  ['column of a table that is named', (word: string) => `select t.${word} from s.t as t`],
  ['delimited column', (word: string) => `select "${word}" from s.t`],
  ['delimited alias', (word: string) => `select a "${word}" from s.t as "${word}"`],
  ['delimited common table expression', (word: string) => `with "${word}" as (select 1 as a) select a from "${word}"`],
])('%s: every reserved word', (_, sql) => {
  expect(
    [...reservedWords].map((word) => [word, outcome(sql(word))]).filter(([, result]) => result !== 'accepted'),
  ).toEqual([]);
});

test.each(['start', 'connect'])('%s is the alias of a table after AS or in double quotes', (word) => {
  expect(outcome(`select a from s.t ${word}`)).toMatch(/expected AS or double quotes for the alias/);
  for (const sql of [`select a from s.t as ${word}`, `select a from s.t "${word}"`, `select 1 as a, 2 ${word}`])
    expect(outcome(sql)).toBe('accepted');
});

test('QUALIFY directly after FROM needs an alias before it', () => {
  const rows = 'qualify row_number() over (order by a) = 1';
  expect(outcome(`select a from s.t ${rows}`)).toMatch(/QUALIFY behind a relation needs an alias/);
  expect(outcome(`select a from s.t as x ${rows}`)).toBe('accepted');
  expect(outcome(`select a from s.t where a > 1 ${rows}`)).toBe('accepted');
});

test('the message says what to do', () => {
  expect(outcome('create table s.n (identity int)')).toBe(
    'line 1, column 19: syntax error at or near "identity", expected a column: reserved words need double quotes',
  );
});
