import type { RunEvent } from 'aws-local-kit';
import { DeployedTree, loadTree, type Tree } from '../../../cli/page/deployed-tree';
import { environments } from '../../../environments';
import { pipelines } from '../../../pipelines';

const environment = environments.find(({ name }) => name === 'dev')!;
const before: Tree = { environment, pipelines };
const after: Tree = { environment, pipelines: pipelines.slice(0, 1) };

/** A tree over a loader that a test controls. */
function treeOver(...loaded: (Tree | Error)[]) {
  const changes: (string | undefined)[] = [];
  const load = async () => {
    const next = loaded.shift();
    if (next === undefined) throw new Error('loaded too often');
    if (next instanceof Error) throw next;
    return next;
  };
  const tree = new DeployedTree(before, 'pipelines', (problem) => changes.push(problem), load);
  const hear = async (...events: string[]) => {
    for (const event of events) {
      const [name, status] = event.split(' ') as [string, string];
      await tree.hear({ kind: 'stack', at: 0, name, status } as RunEvent);
    }
  };
  return { tree, changes, hear };
}

const deployed = [
  'data UPDATE_IN_PROGRESS',
  'data UPDATE_COMPLETE',
  'pipelines UPDATE_IN_PROGRESS',
  'pipelines UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
];

test('the tree of a deployment is loaded once and becomes current when its pipelines are complete', async () => {
  const { tree, changes, hear } = treeOver(after);
  await hear(...deployed);
  expect([tree.current, changes]).toEqual([before, []]);
  await hear('pipelines UPDATE_COMPLETE');
  expect([tree.current, changes]).toEqual([after, [undefined]]);
});

test.each([
  ['data UPDATE_IN_PROGRESS', 'data UPDATE_ROLLBACK_IN_PROGRESS', 'data UPDATE_ROLLBACK_COMPLETE'],
  [...deployed, 'pipelines UPDATE_ROLLBACK_IN_PROGRESS', 'pipelines UPDATE_ROLLBACK_COMPLETE'],
])('after a rollback the tree of before stays, and the next deployment loads another', async (...rolledBack) => {
  const refused: Tree = { environment, pipelines: [] };
  const { tree, hear } = treeOver(refused, after);
  await hear(...rolledBack);
  expect(tree.current).toBe(before);
  await hear(...deployed, 'pipelines UPDATE_COMPLETE');
  expect(tree.current).toBe(after);
});

test('a tree that cannot be loaded is reported, and the one of before stays', async () => {
  const { tree, changes, hear } = treeOver(new Error('estore: no such file'));
  await hear(...deployed, 'pipelines UPDATE_COMPLETE');
  expect([tree.current, changes]).toEqual([before, ['estore: no such file']]);
});

test('another process loads the same tree', async () => {
  expect(await loadTree('dev')).toEqual(before);
  await expect(loadTree('moon')).rejects.toThrow("--environment must be one of dev, staging, prod, got 'moon'");
});
