import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { defineFunctions } from '../../src/engine/database';
import { compactJson } from '../../src/json-text';
import { navigated } from '../../src/sql/resolve/super';
import { cases, seedOf } from '../support/tier';

type Steps = readonly (string | number)[];

const mark = '\u0001';
const inStringsOrNumber = /"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*/g;

/** What stands below a path, without blanks, its numbers as they are written. */
function below(text: string, steps: Steps): string | null {
  const kept = text.replace(inStringsOrNumber, (token) => (token.startsWith('"') ? token : `"\\u0001${token}"`));
  let found: unknown = JSON.parse(kept);
  for (const step of steps) {
    const holds = typeof step === 'number' ? Array.isArray(found) : found instanceof Object && !Array.isArray(found);
    if (!holds || !Object.hasOwn(found as object, step)) return null;
    found = (found as Record<string | number, unknown>)[step];
  }
  const compact = JSON.stringify(found).replaceAll(new RegExp(`"(?:${mark}|\\\\u0001)([^"]*)"`, 'g'), '$1');
  return compact.replace(/\\(?:u[0-9a-f]{4}|.)/g, (found) => (found.length > 2 ? found.replace('f', 'F') : found));
}

const blank = fc.constantFrom('', '', '', ' ', '\t', ' \n');
const key = fc.constantFrom('"k"', '"m"', '"\\u006b"', '"x\\"k"', '"k m"', '"é"', '"\\u00e9"', '"a/b"', '"a\\/b"');
const number = fc.constantFrom('1', '-2', '1.50', '0.10', '0.1', '1e5', '1E-3', '12345678901234567890.5', '100', '7.0');
const text = fc.oneof(
  fc.constantFrom(
    '"k"',
    '"b c"',
    '"{"',
    '"}"',
    '"]["',
    '"\\""',
    '"\\\\"',
    '"é"',
    '"\\u00e9"',
    '"x\\"k\\":"',
    '":1.50"',
    '"\\u001f\\u007f\\/\\t"',
    '"\\\\u001f"',
  ),
  fc
    .string({ maxLength: 4, unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) })
    .map((of) => JSON.stringify(of)),
);
const { object } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, number, text, fc.constantFrom('null', 'true'), tie('object'), tie('array')),
  object: fc
    .uniqueArray(fc.tuple(key, tie('value'), blank, blank), { maxLength: 4, selector: ([name]) => JSON.parse(name) })
    .map(
      (members) =>
        `{${members.map(([name, value, one, other]) => `${one}${name}${one}:${other}${value}${other}`).join(',')}}`,
    ),
  array: fc
    .array(fc.tuple(tie('value'), blank), { maxLength: 3 })
    .map((of) => `[${of.map(([value, one]) => `${one}${value}${one}`).join(',')}]`),
}));

test('what is below a path keeps its spelling, whatever stands around it', async () => {
  const documents = fc.sample(object, { seed: seedOf(1), numRuns: cases(2000, 10_000) });
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    defineFunctions(connection);
    await connection.run('create table t (p json)');
    const appender = await connection.createAppender('t');
    for (const document of documents) {
      appender.appendVarchar(document);
      appender.endRow();
    }
    appender.closeSync();
    for (const steps of [['k'], ['m'], ['k', 'm'], ['k', 0], ['k', 1, 'm'], ['é'], ['a/b'], ['k m']] as Steps[]) {
      const { sql } = navigated('p', steps);
      const reader = await connection.runAndReadAll(
        `select ${compactJson('found')} from (select cast(${sql} as varchar) as found from t)`,
      );
      const wanted = documents.map((document) => ({ document, found: below(document, steps) }));
      expect(reader.getRowsJS().map(([found], row) => ({ document: documents[row], found }))).toEqual(wanted);
      expect(wanted.filter(({ found }) => /^[{[].*\d/.test(found ?? '')).length).toBeGreaterThan(0);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});
