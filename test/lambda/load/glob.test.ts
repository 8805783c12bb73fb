import { runInNewContext } from 'node:vm';
import { DuckDBInstance, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import fc from 'fast-check';
import { globMatcher } from '../../../lambda/load/glob';

const picomatch = require('picomatch') as { isMatch(key: string, glob: string, options: object): boolean };

test.each([
  ['a/*/b.gz', 'a/x/b.gz', true],
  ['a/*/b.gz', 'a/x/y/b.gz', false],
  ['a/*/b.gz', 'a/x/bxgz', false],
  ['a/*.gz', 'a/.gz', true],
  ['a/**/b.gz', 'a/b.gz', true],
  ['a/**/b.gz', 'a/x/y/b.gz', true],
  ['a/**/b.gz', 'a/xb.gz', false],
  ['a/**', 'a/x/y', true],
  ['a/**', 'b/a/x', false],
  ['a(1)/[x].gz', 'a(1)/[x].gz', true],
  ['**/a**/b', 'a/ab', true],
  ['*', 'line\nfeed 😀', true],
  ['', '', true],
  ['', 'a', false],
])('glob %s on %s: %s', (glob, key, matches) => {
  expect(globMatcher(glob)(key)).toBe(matches);
});

/** With a regular expression each of these takes from half a minute to years. */
test.each([
  ['logs/*-*-*-*.gz', `logs/${'-'.repeat(500)}`],
  [`${'*a'.repeat(200)}b`, 'a'.repeat(1024)],
  [`${'**/'.repeat(200)}x`, 'a/'.repeat(512)],
  [`${'**'.repeat(100)}*b`, '/a'.repeat(512)],
])('a key of the longest kind does not match %s, and that is known at once', (glob, key) => {
  const matches = globMatcher(glob);
  expect(runInNewContext('matches(key)', { matches, key }, { timeout: 20_000 })).toBe(false);
});

const piece = (...units: string[]) =>
  fc.array(fc.constantFrom(...units), { maxLength: 7 }).map((units) => units.join(''));

/** RE2, in DuckDB, runs the same expression in linear time. */
test('agrees with RE2 on any glob', async () => {
  const cases = fc.sample(fc.tuple(piece('a', '*', '**', '**/', '/', '.', '-'), piece('a', 'b', '/', '.', '-')), {
    numRuns: 10_000,
    seed: 1,
  });
  const expressions = cases.map(([glob]) =>
    glob.replace(/\*\*\/|\*\*|\*|\./g, (unit) => ({ '**/': '(.*/)?', '**': '.*', '*': '[^/]*' })[unit] ?? '[.]'),
  );
  const connection = await (await DuckDBInstance.create()).connect();
  const rows = await connection.runAndReadAll(
    'select regexp_full_match(key, expression) from (select unnest($1) as key, unnest($2) as expression)',
    [listValue(cases.map(([, key]) => key)), listValue(expressions)],
    [LIST(VARCHAR), LIST(VARCHAR)],
  );
  connection.closeSync();
  const judged = rows.getRows().map(([matches]) => matches);
  expect(judged.filter(Boolean).length).toBeGreaterThan(1000);
  expect(cases.filter(([glob, key], index) => globMatcher(glob)(key) !== judged[index])).toEqual([]);
});

/**
 * picomatch is a library of globs. It knows `**` as a whole segment only, gives `./` a meaning, and does not match an empty
 * segment with a wildcard. So globs and keys have none of these.
 */
test('agrees with picomatch on globs that both know', () => {
  const inSegment = (...units: string[]) =>
    fc.array(fc.constantFrom(...units), { minLength: 1, maxLength: 4 }).map((all) => all.join(''));
  const joined = (segment: fc.Arbitrary<string>) =>
    fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
  const globs = joined(
    fc.oneof(
      fc.constant('**'),
      inSegment('a', 'b', '*', '-').filter((segment) => !segment.includes('**')),
    ),
  );
  const keys = joined(inSegment('a', 'b', '-'));
  let matching = 0;
  fc.assert(
    fc.property(globs, keys, (glob, key) => {
      const expected = picomatch.isMatch(key, glob, { dot: true, strictSlashes: true });
      if (expected) matching++;
      expect([glob, key, globMatcher(glob)(key)]).toEqual([glob, key, expected]);
    }),
    { numRuns: 3_000, seed: 1 },
  );
  expect(matching).toBeGreaterThan(200);
});
