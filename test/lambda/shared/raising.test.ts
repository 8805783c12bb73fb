import fc from 'fast-check';
import { type Culprit, findRaising, raisedReason, type SearchHost } from '../../../lambda/shared/raising';
import { keyOf, keys, raisingWorld, searchPlan, type World, widePlan } from '../raising-world';

const search = (world: World) => findRaising(raisingWorld(world).host, searchPlan, {}, 'raising-1');

test('finds the one failing row of many, and types few rows more than once', async () => {
  const world = { rows: keys(5000), bad: new Set([keyOf(1234)]) };
  const { host, steps, typed } = raisingWorld(world);
  expect(await findRaising(host, searchPlan, {}, 'raising-1')).toEqual({
    kind: 'found',
    culprits: [{ key: keyOf(1234), rows: 1, message: 'ERROR: overflow at k001234' }],
  });
  expect(steps).toEqual(['raising-1-1', 'raising-1-2', 'raising-1-3', 'raising-1-4', 'raising-1-confirm']);
  // All rows once, an eighth of them in the next division and so on, and all of them once more as the proof.
  expect(typed()).toBeLessThan(5000 * 2.2);
});

test('repeated searches find all failing rows, and never blame another one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 300 }).chain((count) =>
        fc.record({
          count: fc.constant(count),
          bad: fc.uniqueArray(fc.nat(count - 1), { minLength: 1, maxLength: Math.min(40, count - 1) }),
          copies: fc.array(fc.nat(count - 1), { maxLength: 5 }),
        }),
      ),
      async ({ count, bad, copies }) => {
        const wrong = new Set(bad.map(keyOf));
        let rows = [...keys(count), ...copies.map(keyOf)].sort();
        const found = new Set<string>();
        while (rows.some((key) => wrong.has(key))) {
          const finding = await search({ rows, bad: wrong });
          if (finding.kind !== 'found') throw new Error(`${finding.kind}: ${'why' in finding ? finding.why : ''}`);
          for (const { key } of finding.culprits) {
            expect(wrong).toContain(key);
            found.add(key);
          }
          rows = rows.filter((key) => !found.has(key));
        }
        expect(found).toEqual(wrong);
      },
    ),
    { numRuns: 150, seed: 13 },
  );
});

test('needs few steps: each division at least halves the rows to search', async () => {
  const bad = new Set(keys(5000).filter((_, n) => n % 3 === 0));
  const { host, steps } = raisingWorld({ rows: keys(5000), bad });
  const finding = await findRaising(host, searchPlan, {}, 'raising-1');
  expect(finding.kind).toBe('found');
  expect(steps.length).toBeLessThanOrEqual(Math.ceil(Math.log2(5000)) + 1);
});

test('a piece of several statements fails with the first of them: those after it lack a table, which blames nothing else', async () => {
  const { host, steps } = raisingWorld({ rows: keys(500), bad: new Set([keyOf(123), keyOf(321)]) });
  expect(await findRaising(host, widePlan, {}, 'raising-1')).toEqual({
    kind: 'found',
    culprits: [{ key: keyOf(123), rows: 1, message: 'ERROR: overflow at k000123' }],
  });
  expect(steps.length).toBeLessThanOrEqual(Math.ceil(Math.log2(500)) + 1);
});

describe('blames no row', () => {
  const rows = keys(50);
  const one = new Set([keyOf(7)]);
  test.each<[string, World, RegExp]>([
    ['when nothing fails any more', { rows, bad: new Set() }, /no part of them fails/],
    ['when every row fails', { rows, bad: new Set(rows) }, /no other row/],
    [
      'when every row fails, and earlier rows too',
      { rows, before: ['b'], bad: new Set([...rows, 'b']) },
      /other rows fail/,
    ],
    ['when the statement fails without rows', { rows, bad: one, ill: () => 'ERROR: assert' }, /without rows/],
    [
      'when a part was cancelled',
      { rows, bad: one, ill: (_, some) => (some.includes(keyOf(9)) ? 'ERROR: Query canceled' : undefined) },
      /not on a record/,
    ],
    [
      'when rows fail only together',
      { rows, bad: new Set(), ill: (_, some) => (some.length > 1 ? 'out of memory' : undefined) },
      /no part of them fails/,
    ],
    [
      'when the others fail as well',
      { rows, bad: one, ill: (_, some) => (some.length > 40 ? 'out of memory' : undefined) },
      /rows without those .* fail too: out of memory/,
    ],
  ])('%s', async (_, world, why) => {
    expect(await search(world)).toEqual({ kind: 'none', why: expect.stringMatching(why) });
  });

  test('when a suspect does not fail again', async () => {
    let typed = 0;
    const ill = (_: string, some: readonly string[]) => {
      if (some.includes(keyOf(7))) typed += 1;
      return some.includes(keyOf(7)) && typed < 3 ? 'ERROR: overflow' : undefined;
    };
    expect(await search({ rows, bad: new Set(), ill })).toMatchObject({
      kind: 'none',
      why: expect.stringMatching(/again/),
    });
  });
});

test('a single row is blamed when earlier rows prove that the warehouse works', async () => {
  const world = { rows: [keyOf(7)], before: ['b'], bad: new Set([keyOf(7)]) };
  expect(await search(world)).toMatchObject({ kind: 'found', culprits: [{ key: keyOf(7) }] });
});

test('waits for a running statement, and reports rows that cannot be gathered', async () => {
  const { host } = raisingWorld({ rows: keys(9), bad: new Set([keyOf(1)]) });
  const running: SearchHost = {
    ...host,
    run: async (step, sql) => ({ ...(await host.run(step, sql)), status: 'STARTED' }),
  };
  expect(await findRaising(running, searchPlan, {}, 'raising-1')).toEqual({ kind: 'waiting' });
  const broken: SearchHost = {
    ...host,
    async run(step, sql) {
      const state = await host.run(step, sql);
      return { ...state, status: 'FAILED', parts: [{ ...state.parts[0]!, status: 'FAILED', error: 'no such table' }] };
    },
  };
  expect(await findRaising(broken, searchPlan, {}, 'raising-1')).toEqual({
    kind: 'none',
    why: 'the rows could not be searched: no such table',
  });
});

test.each([
  ['ERROR: numeric\n  overflow\0', 'raised: ERROR: numeric overflow'],
  ['é'.repeat(400), `raised: ${'é'.repeat(236)}…`],
])('the reason of a reject is one line that fits its column', (message, reason) => {
  const culprit: Culprit = { key: 'k', rows: 1, message };
  expect(raisedReason(culprit)).toBe(reason);
});
