import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { type WildcardUnit, wildcardMatcher } from '../src/wildcards';

const picomatch = require('picomatch') as { isMatch(key: string, glob: string, options: object): boolean };

const unitsOf = (pattern: string) =>
  pattern.split('').map((character): WildcardUnit => {
    if (character === '*') return 'any';
    return character === '?' ? 'one' : { text: character };
  });
const text = (...units: string[]) => fc.array(fc.constantFrom(...units), { maxLength: 8 }).map((all) => all.join(''));

test('agrees with picomatch', () => {
  let matching = 0;
  fc.assert(
    fc.property(text('a', 'b', 'B', '*', '?'), text('a', 'b', 'A'), fc.boolean(), (pattern, value, ignoreCase) => {
      // picomatch takes neither an empty value nor an empty pattern.
      const expected = picomatch.isMatch(`x${value}`, `x${pattern.replace(/\*+/g, '*')}`, { nocase: ignoreCase });
      if (expected) matching++;
      expect([pattern, value, wildcardMatcher(unitsOf(pattern), ignoreCase)(value)]).toEqual([
        pattern,
        value,
        expected,
      ]);
    }),
    { numRuns: 3_000, seed: 1 },
  );
  expect(matching).toBeGreaterThan(300);
});

test('one character may be two code units', () => {
  expect(wildcardMatcher(['one'])('😀')).toBe(true);
  expect(wildcardMatcher(['one', 'one'])('😀')).toBe(false);
});

test('many wildcards take no longer than both lengths multiplied, where a regular expression takes years', () => {
  const matches = wildcardMatcher(unitsOf(`${'*a'.repeat(500)}b`));
  expect(runInNewContext('matches(value)', { matches, value: 'a'.repeat(2048) }, { timeout: 20_000 })).toBe(false);
});
