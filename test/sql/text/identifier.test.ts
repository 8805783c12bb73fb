import { identifier, quoteIdentifier } from '../../../sql/text/identifier';

describe('quoteIdentifier', () => {
  test('a quote in a name cannot end the identifier', () => {
    expect(quoteIdentifier('a" cascade; drop table events; --')).toBe('"a"" cascade; drop table events; --"');
  });

  test('keeps the case of an attribute', () => {
    expect(quoteIdentifier('messageId')).toBe('"messageId"');
  });

  test.each([
    ['', 'an identifier cannot be empty'],
    ['a\0b', 'cannot hold a NUL character'],
    ['é'.repeat(64), 'at most 127 bytes'],
  ])('refuses %j', (name, message) => {
    expect(() => quoteIdentifier(name)).toThrow(message);
  });
});

test.each([
  ['occurred_at', 'occurred_at'],
  ['timestamp', '"timestamp"'],
  ['user', '"user"'],
  ['Case', '"Case"'],
  ['2nd', '"2nd"'],
])('a name is bare only where Redshift takes it bare: %s', (name, written) => {
  expect(identifier(name)).toBe(written);
});
