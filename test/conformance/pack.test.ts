import { type CaseResult, readPack, readTopic, runCases, type Surroundings, withoutMarks } from 'redshift-conformance';
import { localSurroundings } from '../../local/conformance';
import { everyNth } from '../support/tier';

const pack = readPack();

describe('the conformance pack on the local warehouse', () => {
  let around: Surroundings;
  beforeAll(async () => {
    around = await localSurroundings();
  });
  afterAll(() => around.dispose());

  test.each(everyNth(pack, 3).map((topic) => [topic.name, topic] as const))(
    '%s',
    async (name, topic) => {
      const results = await runCases(topic.cases, around, { parallel: 4, runId: name.replaceAll(/\W/g, '_') });
      // A detail is a difference, a case that could not be run, or a mark "known" that is out of date.
      const wrong = results.filter(({ detail }) => detail !== undefined);
      expect(wrong.map((result: CaseResult) => `${result.case.name}: ${result.detail}`)).toEqual([]);
    },
    240_000,
  );
});

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

describe('short forms', () => {
  const run = async (text: string) => {
    const around = await localSurroundings();
    try {
      const { cases } = readTopic('t', `about: a\nground: assumed\ncases: [{name: n, ${text}}]`);
      return (await runCases(cases, around, { parallel: 1, runId: 'short' }))[0]!;
    } finally {
      await around.dispose();
    }
  };

  test.each([
    ['values that agree', 'values: {"1 + 1": 2, "upper(\'a\')": A}', undefined],
    ['a value that differs', 'values: {"1 + 1": 3}', 'expected [[3]], got [[2]]'],
    ['selected from something', 'from: "(select 5 as n) x", values: {n: 5}', undefined],
    ['an error', 'fails: {"1 / 0": by zero, "1 / 1": by zero}', '1 / 1: expected an error with "by zero", got [[1]]'],
    ['a refusal', 'refused: {"median(1)": MEDIAN}', undefined],
    ['an error that is no refusal', 'refused: {"1 / 0": by zero}', 'expected a refusal, got "ERROR: division by zero"'],
  ])('%s', async (_, text, detail) => expect((await run(text)).detail).toEqual(detail));
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
