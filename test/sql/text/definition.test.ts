import fc from 'fast-check';
import { hashDefinition } from '../../../sql/text/definition';
import { tokenize, withoutComments } from '../../../sql/text/tokens';

const query = `select hour, 'It''s' as "Name" from shop.events where a <> '--none'`;

describe('the hash of a definition', () => {
  test.each([
    ['white space', query.replaceAll(' ', '\n  ')],
    ['a header comment', `-- One row: an hour.\n${query}`],
    ['a block comment', query.replace('from', '/* where it comes from */ from')],
    ['the case of keywords and plain names', query.replace('select hour', 'SELECT Hour').replace('from', 'FROM')],
    ['a closing semicolon', `${query};\n`],
  ])('stays for %s', (_, same) => {
    expect(hashDefinition(same)).toBe(hashDefinition(query));
  });

  test.each([
    ['a literal', query.replace("It''s", "it''s")],
    ['white space in a literal', query.replace("It''s", "It''s ")],
    ['what looks like a comment in a literal', query.replace('--none', '--')],
    ['a delimited name', query.replace('"Name"', '"name"')],
    ['a name', query.replace('hour', 'day')],
  ])('changes for %s', (_, other) => {
    expect(hashDefinition(other)).not.toBe(hashDefinition(query));
  });

  test('two names do not run into one', () => {
    expect(hashDefinition('select a b')).not.toBe(hashDefinition('select ab'));
  });
});

describe('tokens', () => {
  test('an escaped quote does not end a literal', () => {
    const kinds = tokenize(String.raw`select 'a\' -- b', 'c''d'`).map(({ kind, text }) => [kind, text]);
    expect(kinds.filter(([kind]) => kind === 'string')).toEqual([
      ['string', String.raw`'a\' -- b'`],
      ['string', `'c''d'`],
    ]);
  });

  test('joined they are the query again', () => {
    const piece = fc.constantFrom(
      'select ',
      'a.b',
      `'x''y'`,
      '"Q"',
      '--c\n',
      '/* d */',
      '1.5e3',
      '::int',
      '(',
      ')',
      ',',
      '\n',
      '||',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const sql = pieces.join(' ');
        expect(
          tokenize(sql)
            .map(({ text }) => text)
            .join(''),
        ).toBe(sql);
      }),
    );
  });

  test.each([
    ["select 'a", `' at line 1, column 8 is not closed`],
    ['select "a', `" at line 1, column 8 is not closed`],
    ['select 1\n/* a', '/* at line 2, column 1 is not closed'],
    ['select $$a$$', '$$ at line 1, column 8 is not closed, or not supported'],
    ['select `a`', 'unexpected "`" at line 1, column 8'],
  ])('refuses %j', (sql, message) => {
    expect(() => tokenize(sql)).toThrow(message);
  });
});

test('comments go, literals that look like them stay', () => {
  expect(withoutComments(`-- Grain: hour.\n\nselect '--' as a, /* b */ c\n-- the end\nfrom d;\n`)).toBe(
    `select '--' as a,  c\nfrom d`,
  );
});
