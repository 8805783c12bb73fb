import fc from 'fast-check';
import { JsonScanner } from '../../../cli/profile/json-scanner';
import { cases, seedOf } from '../../support/tier';

const scan = (scanner: JsonScanner, text: string) => {
  const bytes = Buffer.from(`${text}\n`);
  return scanner.scan(bytes, 0, bytes.length - 1);
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A JSON text with one character replaced, removed or doubled. */
const damaged = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.nat(),
    fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', '-', '0', 'e', '.', ' ', 't'),
  )
  .map(([text, place, sign]) => {
    const at = place % (text.length + 1);
    return text.slice(0, at) + sign + text.slice(at + 1);
  })
  .filter((text) => !/[\n\r]/.test(text));

test('a line is JSON for the scanner if it is for JSON.parse, whatever lines came before', () => {
  const scanner = new JsonScanner();
  fc.assert(
    fc.property(fc.oneof(fc.json({ maxDepth: 4 }), damaged), (text) => {
      const fault = scan(scanner, text);
      if (fault === 'an attribute twice in an object' || fault === 'half a surrogate pair') return;
      expect([text, fault === 'not JSON']).toEqual([text, !isJson(text)]);
    }),
    { numRuns: cases(3000, 50_000), seed: seedOf(20) },
  );
});

test('the values of a record are where the journal says', () => {
  const scanner = new JsonScanner();
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string(),
        fc.oneof(
          fc.string(),
          fc.integer(),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.boolean(),
          fc.constant(null),
        ),
      ),
      (record) => {
        const text = JSON.stringify(record);
        const bytes = Buffer.from(`${text}\n`);
        const fault = scanner.scan(bytes, 0, bytes.length - 1);
        if (fault !== undefined) return expect(fault).toBe('half a surrogate pair');
        const { journal } = scanner;
        const found = Array.from({ length: journal.length }, (_, index) => {
          const json = bytes.toString('utf8', journal.starts[index], journal.ends[index]);
          const isString = journal.codes[index] === 1 || journal.codes[index] === 2;
          return [journal.fields[index]!.name, JSON.parse(isString ? `"${json}"` : json)];
        });
        expect(found).toEqual(Object.entries(JSON.parse(text) as object));
      },
    ),
    { numRuns: cases(1000, 20_000), seed: seedOf(21) },
  );
});

test.each([
  ['{"a":1,"a":2}', 'an attribute twice in an object'],
  ['{"a":1,"\\u0061":2}', 'an attribute twice in an object'],
  ['{"l":[{"x":1,"x":2}]}', 'an attribute twice in an object'],
  ['{"a":"\\ud800"}', 'half a surrogate pair'],
  [`${'['.repeat(1001)}${']'.repeat(1001)}`, 'nested deeper than 1,000 levels'],
  ['[1]', 'not an object'],
  ['{"a":1}{"b":2}', 'not JSON'],
  ['{"a":01}', 'not JSON'],
  ['{"a":1.}', 'not JSON'],
  ['{"a":"\\x"}', 'not JSON'],
  ['{"a":1,}', 'not JSON'],
])('%.40s is %s', (text, fault) => expect(scan(new JsonScanner(), text)).toBe(fault));

test('an object of more than 100 names is a map, and its names are still checked', () => {
  const scanner = new JsonScanner();
  const names = Array.from({ length: 101 }, (_, n) => `"k${n}":${n}`).join(',');
  expect(scan(scanner, `{"m":{${names}},"n":1}`)).toBeUndefined();
  expect(scanner.root.children.get('m')).toMatchObject({ isMap: true });
  expect(scan(scanner, '{"m":{"k1":1,"k1":2},"n":1}')).toBe('an attribute twice in an object');
});
