import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { Commented, comment, literal } from '../../../cli/commands/new/typescript';

const repository = join(__dirname, '../../..');
const long = 'x'.repeat(70);
const column = { name: 'a', path: ['b', "it's"], type: 'varchar', maxBytes: 16, required: true };

test('is laid out as the formatter does it', () => {
  const values = [
    column,
    { ...column, path: [long, long] },
    [[column.path[0]], [long]],
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
    [
      { path: ['a'], form: 'iso' },
      { path: ['b'], form: 'iso' },
    ],
    { 'not a name': 1, list: [], nothing: undefined, "quote'": '"both\' kinds"' },
    new Commented(['why'], [1, 2]).value,
    { columns: [new Commented(['a comment'], column), column] },
  ];
  const text = values
    .map(
      (value, index) => `export const value${index} = ${literal(value, 0, `export const value${index} = `.length)};\n`,
    )
    .join('');
  const formatted = execFileSync(
    join(repository, 'node_modules/.bin/biome'),
    ['format', '--stdin-file-path=cli/a.ts'],
    { cwd: repository, input: text },
  );
  expect(formatted.toString()).toBe(text);
});

test('a text is the same text again, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      // biome-ignore lint/security/noGlobalEval: the literal is what is tested
      expect(eval(`(${literal({ text })})`)).toEqual({ text });
    }),
    { numRuns: 500, seed: 24 },
  );
});

test('nothing ends a comment', () => expect(comment('a */ b\n// c\u2028d')).toBe('a * / b // c d'));
