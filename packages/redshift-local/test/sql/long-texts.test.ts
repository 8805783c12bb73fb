import { runInNewContext } from 'node:vm';
import { placeholders } from '../../src/data-api/placeholders';
import { mayStartBlock } from '../../src/engine/transaction';
import { SqlError } from '../../src/statement';
import { type Database, openDatabase } from './database';

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.run('create table t (id bigint, name varchar(65535), price decimal(10,2), code char(8))');
});
afterAll(() => database.dispose());

/** Just below the limit of a statement's text. */
const bytes = 204_000;
const repeated = (text: string) => text.repeat(Math.floor(bytes / text.length));

/**
 * Texts on which expressions that go back would be busy for a minute, or for years.
 */
const texts: readonly (readonly [what: string, sql: string])[] = [
  ['comments without an end', `select 1 ${repeated('/*')}`],
  ['comments', `${repeated('/**/')} x`],
  ['quotes without an end', `select ${repeated("'a' ")}'`],
  ['dollars', `select ${repeated('$$ $')}`],
  ['parentheses', `select ${repeated('(')}1`],
  ['operators', `select ${repeated('- ')}1`],
  ['NOT', `select ${repeated('not ')}true`],
  ['terms', `select 1${repeated('+1')}`],
  ['conditions', `select id from t where ${repeated('id = 1 or ')}true`],
  ['list', `select id from t where id in (${repeated('1,')}1)`],
  ['CASE', `select ${repeated('case when true then 1 else ')}1`],
  ['casts', `select 1${repeated('::int')}`],
  ['path', `select payload${repeated('.a')} from t`],
  ['indices', `select name${repeated('[0]')} from t`],
  ['subqueries', `${repeated('select * from (')}select 1`],
  ['joins', `select 1 from t ${repeated('join t on true ')}`],
  ['UNION', `select 1 ${repeated('union all select 1 ')}`],
  ['name', `select ${repeated('a')} from t`],
  ['quoted name', `select "${repeated('a')}" from t`],
  ['digits', `select id from t where price = '${repeated('0')}x'`],
  ['zeros in a decimal', `select id from t where price = '${repeated('0')}.5x'`],
  ['number', `select ${repeated('9')}`],
  ['blanks', `select id from t where name = '${repeated(' ')}x'`],
  ['blanks of a char', `insert into t (code) values ('${repeated(' ')}x')`],
  ['blanks of an interval', `select timestamp '2026-01-01' + interval '${repeated(' ')}x'`],
  ['date', `select '${repeated('1')}'::date`],
  ['brackets of an expression', `select id from t where name ~ '${repeated('[')}'`],
  ['braces of an expression', `select id from t where name ~ 'a{${repeated('1')}'`],
  ['LIKE', `select id from t where name like '${repeated('%a')}'`],
  ['JSON', `select json_parse('${repeated('[')}')`],
];

/** Accepted, or refused with a message that a person can read. */
function outcome(sql: string): string {
  try {
    placeholders(sql);
    mayStartBlock([sql]);
    database.translate(sql);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return error.message;
  }
}

test.each(texts)('200 kB of %s are translated or refused', (_, sql) => {
  expect(runInNewContext('outcome(sql)', { outcome, sql }, { timeout: 20_000 })).toMatch(/./);
});

test('a longer text is refused with both sizes', () => {
  expect(outcome(`select '${'x'.repeat(204_800)}'`)).toBe('statement text must be at most 204800 bytes, got 204809');
});
