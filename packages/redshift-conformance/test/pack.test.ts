import { withoutMarks } from '../src/marks';
import { readTopic } from '../src/pack';

test('marks of refusals that are gone are taken away, each with its line', () => {
  const text = `about: a
ground: assumed
cases:
  - name: "one: quoted"
    sql: select 1
    known: select
    rows: [[1]]
  - name: two
    sql: select 2
    known: select`;
  expect(withoutMarks(text, new Set(['one: quoted', 'two']))).toBe(`about: a
ground: assumed
cases:
  - name: "one: quoted"
    sql: select 1
    rows: [[1]]
  - name: two
    sql: select 2
`);
  expect(withoutMarks(text, new Set())).toBe(text);
});

describe('a pack', () => {
  const topic = (text: string) => () => readTopic('t', text);

  test.each([
    ['a field that is not known', 'about: a\ncases: [{name: n, sqll: x}]', 't: case 1: has no field sqll'],
    [
      'a case that expects nothing',
      'about: a\nground: assumed\ncases: [{name: n, sql: x}]',
      't: n: nothing is expected',
    ],
    [
      'a ground that is none',
      'about: a\nground: hearsay\ncases: [{name: n, sql: x, changed: 1}]',
      '"documented: <page>"',
    ],
    ['two short forms', 'about: a\nground: assumed\ncases: [{name: n, values: {"1": 1}, fails: {"1": x}}]', 'has both'],
    [
      'two cases of one name',
      'about: a\nground: assumed\ncases: [{name: n, sql: x, changed: 1}, {name: n, sql: y, changed: 1}]',
      '"n" is the name of two cases',
    ],
    [
      'a row that is no list',
      'about: a\nground: assumed\ncases: [{name: n, sql: x, rows: [1]}]',
      't: n: rows: must be a list, got 1',
    ],
  ])('is refused for %s', (_, text, message) => {
    expect(topic(text)).toThrow(message);
  });
});
