import { failure } from '../../cli/page/console';
import { FaultsOnDemand } from '../../cli/page/faults-on-demand';
import { runbookCalls } from '../../cli/page/runbook';
import { argumentsOf } from '../../cli/page/through-commands';
import { alarms } from '../../lib/monitoring/alarms';
import { layersOf } from '../../ui/page/layers';
import { blocksOf } from '../../ui/page/markdown';
import { tokens } from '../../ui/page/sql-tokens';

describe('layers of a graph', () => {
  test('each node comes after what it reads, and no two are at one place', () => {
    const nodes = [
      { name: 'export', reads: ['b'] },
      { name: 'b', reads: ['a', 'events'] },
      { name: 'a', reads: ['events', 'not deployed'] },
      { name: 'events', reads: [] },
      { name: 'c', reads: ['events'] },
    ];
    const { places, columns, rows } = layersOf(nodes);
    for (const { name, reads } of nodes)
      for (const read of reads.filter((other) => places.has(other)))
        expect(places.get(read)!.column).toBeLessThan(places.get(name)!.column);
    expect(new Set([...places.values()].map(({ column, row }) => `${column} ${row}`)).size).toBe(nodes.length);
    expect([columns, rows]).toEqual([4, 2]);
  });

  test('a hundred views take less than 300 ms, and a circle ends', () => {
    const nodes = Array.from({ length: 100 }, (_, n) => ({
      name: `v${n}`,
      reads: [n - 1, n - 7, Math.floor(n / 3)].filter((read) => read >= 0 && read < n).map((read) => `v${read}`),
    }));
    const began = process.cpuUsage();
    expect(layersOf(nodes).places.size).toBe(100);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1000).toBeLessThan(300);
    expect(
      layersOf([
        { name: 'a', reads: ['b'] },
        { name: 'b', reads: ['a'] },
      ]).places.size,
    ).toBe(2);
    expect(layersOf([])).toMatchObject({ columns: 0, rows: 1 });
  });

  test('rows of one column never overlap', () => {
    const nodes = [
      ...['a', 'b', 'c', 'd'].map((name) => ({ name, reads: [] })),
      ...['e', 'f'].map((name) => ({ name, reads: ['b'] })),
    ];
    const { places, rows } = layersOf(nodes);
    const [e, f] = [places.get('e')!.row, places.get('f')!.row];
    expect(Math.abs(e - f)).toBeGreaterThanOrEqual(1);
    expect(rows).toBe(4);
  });
});

test('a statement is split for colouring without losing a character, whatever it is', () => {
  for (const sql of [
    "select 'it''s', \"a b\", 1.5 -- end\nfrom t /* open",
    "'unfinished",
    '"unfinished',
    '',
    '🙂 ä\t\r\n\\ $1 :: ->',
  ])
    expect(
      tokens(sql)
        .map(({ text }) => text)
        .join(''),
    ).toBe(sql);
  expect(tokens("SELECT 'from' /* select */")).toMatchObject([
    { kind: 'word' },
    { kind: 'other' },
    { kind: 'text', text: "'from'" },
    { kind: 'other' },
    { kind: 'comment' },
  ]);
});

test('the place of an error is an offset in the statement', () => {
  const sql = 'select 1,\n  foo\nfrom t';
  expect(failure('line 2, column 3: column "foo" does not exist', sql).position).toBe(sql.indexOf('foo'));
  expect(failure('line 9, column 9: beyond', sql).position).toBe(sql.length);
  expect(failure('no place', sql)).toEqual({ error: 'no place' });
});

test('an event is an id, or values that may have spaces', () => {
  expect(argumentsOf('  abc ')).toEqual(['abc']);
  expect(argumentsOf('customer_id=customer 7 action=cart')).toEqual(['customer_id=customer 7', 'action=cart']);
  expect(argumentsOf('url=https://a.example/?b=c')).toEqual(['url=https://a.example/?b=c']);
});

test('a fault happens once, on its own occasion, and is reported then', () => {
  const faults = new FaultsOnDemand();
  const happened: string[] = [];
  faults.onHappened((what) => happened.push(what));
  const { source } = faults;
  faults.arm('lose-notification');
  faults.arm('abort-merge');
  faults.arm('kill-load');
  expect(source.delivery('message')).toBeUndefined();
  expect(source.statement('millrace/dev/estore/refresh/20261129T2021Z/nothing-new/1')).toBeUndefined();
  expect(source.kill!('millrace-dev-pipelines-EstoreRefreshHandlerFunc-BFOLFICRJOCC')).toBeUndefined();
  expect(happened).toEqual([]);
  expect(source.delivery('notification')).toEqual([]);
  expect(source.delivery('notification')).toBeUndefined();
  expect(source.statement('millrace/dev/estore/refresh/20261129T2021Z/merge/1')).toEqual({ kind: 'abort', at: 2 });
  expect(source.statement('millrace/dev/estore/refresh/20261129T2021Z/merge/2')).toBeUndefined();
  expect(source.kill!('millrace-dev-pipelines-EstoreLoadHandlerFunctio-XEDFMEKJ32PM')).toEqual({
    call: 2,
    after: true,
  });
  expect(happened).toHaveLength(3);
});

test('every alarm’s section of the runbook is found, and its text is shown whole, without marks', async () => {
  for (const { heading } of Object.values(alarms)) {
    const { text } = await runbookCalls['/api/runbook']({ heading });
    const spans = blocksOf(text).flatMap((block) => (block.kind === 'list' ? block.items.flat() : block.spans));
    const letters = (of: string) => of.replaceAll(/[^\p{L}\p{N}]/gu, '');
    const withoutAddresses = text.replaceAll(/\]\([^)]*\)/g, ']');
    expect(letters(spans.map((span) => span.text).join(''))).toBe(letters(withoutAddresses));
    expect(spans.filter(({ kind, text: shown }) => kind === 'text' && /[`*]|\]\(/.test(shown))).toEqual([]);
  }
  await expect(runbookCalls['/api/runbook']({ heading: 'stream' })).rejects.toThrow("has no section 'stream'");
});
