import { type CaseResult, readPack, readTopic, runCases, type Surroundings } from 'redshift-conformance';
import { localSurroundings } from '../../local/conformance';
import { everyNth } from '../support/tier';

const pack = readPack();

describe('the conformance pack on the local warehouse', () => {
  let around: Surroundings;
  beforeAll(async () => {
    around = await localSurroundings();
  });
  afterAll(() => around.dispose());

  test.each(everyNth(pack, 12, 2).map((topic) => [topic.name, topic] as const))(
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
    ['a refusal', 'refused: {"median(true)": MEDIAN}', undefined],
    ['an error that is no refusal', 'refused: {"1 / 0": by zero}', 'expected a refusal, got "ERROR: division by zero"'],
  ])('%s', async (_, text, detail) => expect((await run(text)).detail).toEqual(detail));
});
