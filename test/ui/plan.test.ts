import { planCalls, type Ran } from '../../cli/page/plan';
import { pipelines } from '../../pipelines';
import { lineDiff } from '../../ui/page/diff';

const change = {
  object: 'view estore.carts',
  pipeline: 'estore',
  action: 'rebuild',
  summary: 'Its definition changed.',
  notes: ['New for readers: price.'],
  query: { before: 'select 1', after: 'select 2' },
};
const unchanged = { ...change, object: 'table estore.events', action: 'unchanged' };
const sold = { ...change, action: 'online', object: 'export estore.purchases', query: undefined };
const purchases = pipelines
  .find(({ name }) => name === 'estore')!
  .exports.find((definition) => definition.name === 'purchases')!;
const plan = (changes: unknown[]) => JSON.stringify({ comparedWith: 'the registry', changes, steps: [], problems: [] });

function world(connection: { data: string; outputs: string; environment?: string }, deployments?: () => number) {
  const asked: (readonly string[])[] = [];
  const state = { tree: 'a', ran: { code: 3, stdout: plan([change, unchanged, sold]), stderr: '' } as Ran };
  const calls = planCalls(
    { connection, ...(deployments && { deployments }) },
    pipelines,
    new AbortController().signal,
    {
      read: async (file) => `select ${file}\n`,
      run: async (args) => {
        asked.push(args);
        return state.ran;
      },
      tree: async () => state.tree,
    },
  );
  return { asked, state, ask: () => calls['/api/plan']({}) };
}

const local = { data: '.millrace', outputs: '' };

test('the plan has what changes, by the node of the graph', async () => {
  const { ask, asked } = world(local, () => 1);
  const { object, action, summary, notes, query } = change;
  expect(await ask()).toEqual({
    comparedWith: 'the registry',
    changes: [
      { object, node: 'estore.carts', action, summary, notes, query },
      {
        object: sold.object,
        node: 'estore.purchases (export)',
        action: 'online',
        summary,
        notes,
        query: { before: purchases.query.trim(), after: `select ${purchases.file}` },
      },
    ],
    problems: [],
  });
  expect(asked).toEqual([['plan', '--data', '.millrace', '--json', '--no-statements']]);
});

test('it is made again only after the tree or the deployment changed', async () => {
  let deployments = 1;
  const { ask, asked, state } = world(local, () => deployments);
  await ask();
  await ask();
  expect(asked).toHaveLength(1);
  state.tree = 'b';
  await ask();
  expect(asked).toHaveLength(2);
  deployments = 2;
  await ask();
  await ask();
  expect(asked).toHaveLength(3);
});

test('an environment in AWS is named, and its plan is kept for a while', async () => {
  const { ask, asked } = world({ data: '.millrace', outputs: 'outputs.json', environment: 'prod' });
  await ask();
  await ask();
  expect(asked).toEqual([['plan', 'prod', '--outputs', 'outputs.json', '--json', '--no-statements']]);
});

test.each([
  ['error: pipelines.estore.views.carts reads nothing\n', 'pipelines.estore.views.carts reads nothing'],
  ['', 'millrace plan ended with 1'],
])('a tree that cannot be planned says why: %j', async (stderr, failure) => {
  const { ask, state } = world(local, () => 1);
  state.ran = { code: 1, stdout: '', stderr };
  expect(await ask()).toEqual({ comparedWith: '', changes: [], problems: [], failure });
});

describe('the difference of two texts', () => {
  const shown = (before: string, after: string) =>
    lineDiff(before, after).map(({ left, right, same }) => (same ? `  ${left}` : `${left ?? ''}|${right ?? ''}`));

  test('lines of both stand side by side, and the others beside each other', () => {
    expect(shown('a\nb\nc', 'a\nx\ny\nc')).toEqual(['  a', 'b|x', '|y', '  c']);
    expect(shown('a\nb\nc\nd', 'c\nd\ne')).toEqual(['a|', 'b|', '  c', '  d', '|e']);
    expect(shown('', 'a')).toEqual(['|a']);
    expect(shown('a', '')).toEqual(['a|']);
    expect(shown('', '')).toEqual([]);
  });

  test('no line is lost, whatever the texts', () => {
    for (let n = 1; n < 200; n++) {
      let seed = n;
      const next = () => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed % 4;
      };
      const text = () => Array.from({ length: next() + next() }, () => 'abcd'[next()]).join('\n');
      const [before, after] = [text(), text()];
      const rows = lineDiff(before, after);
      expect(rows.flatMap(({ left }) => (left === null ? [] : [left])).join('\n')).toBe(before);
      expect(rows.flatMap(({ right }) => (right === null ? [] : [right])).join('\n')).toBe(after);
      for (const { left, right, same } of rows) if (same) expect(left).toBe(right);
    }
  });
});
