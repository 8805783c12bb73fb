import type { Submission } from '../../../lambda/shared/warehouse';
import type { Outcome } from '../fakes';
import { keyOf, keys, raisingWorld } from '../raising-world';
import { fileKey, message, World } from './host';

const overflow = { status: 'FAILED', error: 'ERROR: numeric overflow' } as const;

interface Options {
  readonly rows: readonly string[];
  readonly bad: readonly string[];
  /** Replaces the outcome of a statement. */
  readonly change?: (submission: Submission) => Outcome | undefined;
  /** The failure of the load. */
  readonly error?: Outcome;
}

/** An object with these lines, whose load fails as long as one of the bad ones is typed. */
function setUp({ rows, bad, change, error = overflow }: Options) {
  const world = new World();
  const object = world.write(fileKey('a'));
  const results = new Map<string, ReturnType<ReturnType<typeof raisingWorld>['rowsOf']>>();
  const steps: string[] = [];
  let rejects: { key: string; reason: string }[] = [];
  world.warehouse.partRows = (id) => results.get(id)?.map((row) => ({ ...row }));
  world.instead = (submission) => {
    const { name, statements } = submission;
    const step = name.split('/').slice(-2).join('/');
    steps.push(step);
    const changed = change?.(submission);
    if (changed) return changed;
    const listed = (sql: string) => JSON.parse(/'(\[[^']*\])'$/.exec(sql)![1]!) as typeof rejects;
    if (step.startsWith('raising-')) {
      const known = new Set(listed(statements[0]!).map(({ key }) => key));
      const searched = raisingWorld({ rows: rows.filter((key) => !known.has(key)), bad: new Set(bad) });
      const state = searched.carryOut(name, ['gather', ...statements.slice(1)]);
      for (const { id } of state.parts) results.set(id, searched.rowsOf(id));
      return { status: state.status, error: state.error, parts: state.parts };
    }
    const left = /-without\//.test(step) ? listed(statements.at(-1)!) : [];
    if (bad.some((key) => !left.some((one) => one.key === key))) return error;
    rejects = left;
    return world.transact({ ...submission, statements: statements.slice(0, 3) });
  };
  return { world, batch: [message(object)], steps, rejects: () => rejects };
}

test('an object with a record that raises is loaded without it, in one delivery', async () => {
  const { world, batch, steps, rejects } = setUp({ rows: keys(20), bad: [keyOf(7)] });
  expect(await world.deliver(batch)).toEqual([]);
  expect(steps).toEqual([
    'load/1',
    'load/2',
    'raising-1-load-1-1/1',
    'raising-1-load-1-2/1',
    'raising-1-load-1-confirm/1',
    'load-without/1',
  ]);
  expect(world.loadedKeys()).toEqual([fileKey('a')]);
  expect(rejects()).toEqual([{ key: keyOf(7), reason: 'raised: ERROR: overflow at k000007' }]);
  expect(world.metrics).toEqual([{ LoadedFiles: 1 }, { RecordsRaised: 1 }]);
  expect([world.parked.size, world.deadLetters.length]).toEqual([0, 0]);
});

test('the other objects of its batch are loaded in any case', async () => {
  const { world, batch } = setUp({ rows: keys(4), bad: [keyOf(1)] });
  const carryOut = world.instead!;
  world.instead = (submission) => {
    const others = /\/load\/\d+$/.test(submission.name) && !submission.statements.at(-1)!.includes(fileKey('a'));
    return others ? world.transact(submission) : carryOut(submission);
  };
  const others = ['b', 'c', 'd'].map((name) => message(world.write(fileKey(name))));
  expect(await world.deliver([...batch, ...others])).toEqual([]);
  expect(world.loadedKeys()).toEqual(['a', 'b', 'c', 'd'].map(fileKey));
});

test('more records than one search finds are found by more searches, four at most', async () => {
  const few = setUp({ rows: keys(60), bad: keys(60).filter((_, n) => n % 6 === 0) });
  expect(await few.world.deliver(few.batch)).toEqual([]);
  expect(few.rejects()).toHaveLength(10);
  const many = setUp({ rows: keys(400), bad: keys(400).filter((_, n) => n % 2 === 0) });
  await many.world.deliver(many.batch, 3);
  expect(many.steps.filter((step) => /^raising-1-load-\d+-1\/1$/.test(step))).toHaveLength(4);
  expect([many.world.ledger.length, many.world.parked.size]).toEqual([0, 1]);
});

test('an unknown failure is searched at the third delivery, before the object is parked', async () => {
  const error = { status: 'FAILED', error: 'ERROR: assert' } as const;
  const { world, batch, steps } = setUp({ rows: keys(20), bad: [keyOf(7)], error });
  expect(await world.deliver(batch, 2)).toHaveLength(1);
  expect(steps.some((step) => step.startsWith('raising'))).toBe(false);
  expect(await world.deliver(world.queue)).toEqual([]);
  expect(world.loadedKeys()).toEqual([fileKey('a')]);
  expect(world.parked.size).toBe(0);
});

test.each([
  ['a right that is missing', { status: 'FAILED', error: 'ERROR: permission denied for relation ledger' } as const],
  ['an abort', { status: 'ABORTED', error: 'ERROR: numeric overflow' } as const],
  ['a file that is none', { status: 'FAILED', error: 'ERROR: gzip: invalid value' } as const],
])('%s is not searched', async (_, error) => {
  const { world, batch, steps } = setUp({ rows: keys(20), bad: [keyOf(7)], error });
  await world.deliver(batch, 4);
  expect(steps.some((step) => step.startsWith('raising'))).toBe(false);
});

test('a line that cannot be told from another one is not blamed: the object is parked', async () => {
  const { world, batch, rejects } = setUp({ rows: ['?size 70000', '?size 70000', ...keys(5)], bad: ['?size 70000'] });
  await world.deliver(batch, 3);
  expect(rejects()).toEqual([]);
  expect([world.ledger.length, world.parked.size]).toEqual([0, 1]);
});

test('after a kill at any call of the search, the next deliveries do the rest', async () => {
  const { world: whole, batch } = setUp({ rows: keys(20), bad: [keyOf(7)] });
  await whole.deliver(batch);
  for (let call = 1; call <= whole.calls; call += 1) {
    const { world, batch, rejects } = setUp({ rows: keys(20), bad: [keyOf(7)] });
    world.killAt = { call, moment: 'after' };
    expect(await world.deliver(batch, 3)).toEqual([]);
    expect(world.loadedKeys()).toEqual([fileKey('a')]);
    expect(rejects()).toHaveLength(1);
    expect(world.parked.size).toBe(0);
  }
});

test('an object whose search still runs when time is up comes back', async () => {
  const { world, batch } = setUp({
    rows: keys(20),
    bad: [keyOf(7)],
    change: ({ name }) => (name.includes('/raising-1') ? { status: 'STARTED' } : undefined),
  });
  const describe = world.warehouse.describe.bind(world.warehouse);
  world.warehouse.describe = async (id) => {
    const state = await describe(id);
    if (state.status === 'STARTED') world.remainingMs = 500;
    return state;
  };
  expect(await world.deliver(batch)).toHaveLength(1);
  world.remainingMs = 60_000;
  expect(await world.deliver(world.queue)).toEqual([]);
  expect(world.loadedKeys()).toEqual([fileKey('a')]);
});
