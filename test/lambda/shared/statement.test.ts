import { asked, clientToken, render, renderAll } from '../../../lambda/shared/statement';

describe('render', () => {
  test('keeps a value that tries to leave its literal inside it', () => {
    expect(render('select {{x}}', { x: "'; drop table estore.events; --" })).toBe(
      "select '''; drop table estore.events; --'",
    );
  });

  test('doubles a backslash, which would escape the closing quote', () => {
    expect(render('select {{x}}', { x: 'a\\' })).toBe("select 'a\\\\'");
  });

  test('quotes once more for a literal inside a literal', () => {
    const sql = render("unload ('select * from t where a >= {{x:nested}}') to {{y}}", { x: "2026'", y: 's3://b/' });
    expect(sql).toBe("unload ('select * from t where a >= ''2026''''''') to 's3://b/'");
  });

  test('refuses NUL', () => {
    expect(() => render('select {{x}}', { x: 'a\0b' })).toThrow('NUL');
  });

  test('does not read a value for placeholders or for replacement patterns', () => {
    expect(render('select {{x}}, {{y}}', { x: '{{y}}', y: "$& $'" })).toBe("select '{{y}}', '$& $'''");
  });

  test('names every missing and every unused value', () => {
    expect(() => render('select {{a}}, {{b}}', {})).toThrow('no value for the placeholders a, b');
    expect(() => render('select 1', { a: 1, b: 2 })).toThrow('no placeholder for the values a, b');
  });

  test.each(['{{ x }}', '{{x:raw}}', '{{X}}', '{{}}'])('refuses the misspelt placeholder %s', (text) => {
    expect(() => render(`select ${text}`, { x: 1 })).toThrow('is not a placeholder');
  });

  test('does not take a name of Object.prototype for a value', () => {
    expect(() => render('select {{constructor}}', {})).toThrow('no value for the placeholders constructor');
  });

  test('a value must be used by at least one statement of a step', () => {
    expect(renderAll(['select 1', 'select {{x}}'], { x: 5 })).toEqual(['select 1', "select '5'"]);
    expect(() => renderAll(['select 1', 'select 2'], { x: 5 })).toThrow('no placeholder for the values x');
  });

  test('asked leaves out what no template wants', () => {
    expect(asked(['select {{a:nested}}'], { a: 1, b: 2 })).toEqual({ a: 1 });
  });
});

test('a client token depends on nothing but the name and fits the limit of 64 characters', () => {
  const name = 'millrace/dev/estore/refresh/20261121T0500Z/merge/1';
  expect(clientToken(name)).toBe(clientToken(name));
  expect(clientToken(name)).not.toBe(clientToken(`${name}1`));
  expect(clientToken(name)).toHaveLength(64);
});
