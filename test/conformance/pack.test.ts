import { localSurroundings } from '../../bin/conformance/local';
import { readPack, readTopic } from '../../bin/conformance/pack';
import { type CaseResult, runCases } from '../../bin/conformance/run';
import type { Surroundings } from '../../bin/conformance/surroundings';

const pack = readPack();

describe('the conformance pack on the local warehouse', () => {
  let around: Surroundings;
  beforeAll(async () => {
    around = await localSurroundings();
  });
  afterAll(() => around.dispose());

  test.each(pack.map((topic) => [topic.name, topic] as const))('%s', async (name, topic) => {
    const results = await runCases(topic.cases, around, { parallel: 4, runId: name.replaceAll(/\W/g, '_') });
    const wrong = results.filter(({ verdict }) => verdict === 'differs' || verdict === 'skipped');
    expect(wrong.map((result: CaseResult) => `${result.case.name}: ${result.detail}`)).toEqual([]);
  });
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
