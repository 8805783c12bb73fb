import fc from 'fast-check';
import { jsonFault, mostJsonLevels } from '../src/json-fault';

const nested = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);

test.each([
  '{}',
  '[]',
  ' {"a" : [ 1 , -0.5e+3 , "x\\u00e9\\n" , true , null , { } , [ ] ] } ',
  '1',
  '"text"',
  '{"a":{"a":1},"b":{"a":1}}',
  '{"a":1,"A":2}',
  '"\ud83d\ude00"',
  '"a\\u0000b"',
])('%s has no fault', (text) => {
  expect(jsonFault(text)).toBeUndefined();
});

test.each([
  '',
  ' ',
  '{',
  '{"a"',
  '{"a":',
  '{"a":}',
  '{"a" 1}',
  '{a:1}',
  '{"a":1]',
  '[1,]',
  '{"a":1,}',
  '[,1]',
  '{}{}',
  'NaN',
  '-Infinity',
  '01',
  '1.',
  '.5',
  '+1',
  '"\n"',
  '"\\x"',
  '"\\u12"',
  "'a'",
  '\ufeff{}',
  '// a\n1',
])('%j is not JSON', (text) => {
  expect(jsonFault(text)).toBe('not JSON');
});

test.each(['{"a":1,"a":2}', '{"i":1,"\\u0069":2}', '[[{"x":{"y":1,"z":[],"y":1}}]]'])(
  '%s has an attribute twice',
  (text) => {
    expect(jsonFault(text)).toBe('an object has an attribute twice');
  },
);

test('the limit of levels counts arrays and objects alike', () => {
  expect(jsonFault(nested(mostJsonLevels))).toBeUndefined();
  expect(jsonFault(`{"a":${nested(mostJsonLevels - 1)}}`)).toBeUndefined();
  expect(jsonFault(`{"a":${nested(mostJsonLevels)}}`)).toBe('nested deeper than 1,000 levels');
  expect(jsonFault(`[${`${nested(999)},`.repeat(3)}1]`)).toBeUndefined();
});

test('long, wide and deep texts take time that grows with their length alone', () => {
  const wide = `{${Array.from({ length: 100_000 }, (_, i) => `"attribute ${i}":${i}`).join(',')}}`;
  for (const text of [
    nested(500_000),
    nested(300_000, '{"a":', '}'),
    wide,
    `"${'\\n'.repeat(500_000)}"`,
    ' '.repeat(1e6),
  ]) {
    const began = performance.now();
    jsonFault(text);
    expect(performance.now() - began).toBeLessThan(1000);
  }
});

test('whatever JSON.parse takes is JSON, and nothing else', () => {
  const mutated = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '{', ']', '\\', '0', ' ', '\u0000'))
    .map(([text, at, sign]) => text.slice(0, at % (text.length + 1)) + sign + text.slice((at % (text.length + 1)) + 1));
  fc.assert(
    fc.property(fc.oneof(fc.json(), mutated), (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect(jsonFault(text) !== 'not JSON').toBe(valid || jsonFault(text) === 'an object has an attribute twice');
    }),
    { numRuns: 3000, seed: 3 },
  );
});
