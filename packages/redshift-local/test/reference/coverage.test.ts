import { edges, readPack, readTopic } from 'redshift-conformance';
import { appliesTo } from '../../reference/applies';
import { allowed, coverageOf } from '../../reference/coverage';
import { functions } from '../../src/sql/functions/registry';

const topic = (text: string) => readTopic('t', `about: a\nground: assumed\ncases:\n${text}`);
const cellsOf = (text: string, name: string) => {
  const found = coverageOf([topic(text)]).find(({ item }) => item.name === name)!;
  return edges.filter((edge) => found.cells[edge] === 'covered');
};

test('every item of the allow-list has cases for its edges', () => {
  const missing = coverageOf(readPack()).flatMap(({ item, cells }) =>
    edges.filter((edge) => cells[edge] === 'missing').map((edge) => `${item.name}: ${edge}`),
  );
  expect(missing).toEqual([]);
});

test('the allow-list is that of the front end', () => {
  const names = new Set(allowed().map(({ name }) => name));
  expect(Object.keys(functions).filter((name) => !names.has(name))).toEqual([]);
  for (const name of ['MERGE', 'type super', 'between', 'varchar -> date', 'super -> integer', 'literal -> timestamp'])
    expect(names).toContain(name);
  for (const name of ['CALL', 'type geometry', 'date -> integer', 'boolean -> varchar'])
    expect(names).not.toContain(name);
});

test('fails when nobody said which edges a new function has', () => {
  expect(() => appliesTo({ group: 'functions', name: 'soundex' })).toThrow('does not say which edges soundex has');
});

describe('a case covers', () => {
  test('what its literals show, of every item above them, where it expects rows', () => {
    const text = "  - {name: n, sql: \"select upper('é'), lower(null), len('')\", rows: [[É, null, 0]]}";
    expect(cellsOf(text, 'upper')).toEqual(['unicode']);
    expect(cellsOf(text, 'lower')).toEqual(['null']);
    expect(cellsOf(text, 'len')).toEqual(['empty']);
    expect(cellsOf('  - {name: n, sql: "select upper(\'é\')", error: x}', 'upper')).toEqual([]);
  });

  test('the edge that it names: of its expressions, of what it lists, or of its statement', () => {
    const refused = '  - {name: n, edge: type, refused: {"upper(len(1))": x}}';
    expect([cellsOf(refused, 'upper'), cellsOf(refused, 'len')]).toEqual([['type'], []]);
    const listed = '  - {name: n, edge: leap, of: date_trunc, sql: "select date_trunc(\'day\', d) from t", rows: []}';
    expect(cellsOf(listed, 'date_trunc')).toEqual(['leap']);
    expect(cellsOf('  - {name: n, edge: null, sql: "insert into t values (1)", changed: 1}', 'INSERT')).toEqual([
      'null',
    ]);
  });

  test('nothing that it does not hold', () => {
    const text = '  - {name: n, edge: leap, of: date_trunc, sql: select 1, rows: [[1]]}';
    expect(() => coverageOf([topic(text)])).toThrow('t: n: has no date_trunc');
    expect(() => topic('  - {name: n, edge: odd, sql: select 1, rows: [[1]]}')).toThrow(
      'edge must be one of null, empty',
    );
  });
});
