import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourcesKey } from '../../../cli/commands/local/reuse-assembly';

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'millrace-sources-'));
  mkdirSync(join(tree, 'pipelines', 'shop'), { recursive: true });
  writeFileSync(join(tree, 'pipelines', 'shop', 'a.sql'), 'select 1');
  writeFileSync(join(tree, 'package-lock.json'), '{}');
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

const key = (env = {}) => sourcesKey(tree, env);

test('the key of the sources is the same while nothing changes', () => {
  expect(key()).toBe(key({ PATH: '/bin', HOME: '/root' }));
});

test.each<[string, () => string]>([
  [
    'a file is edited',
    () => {
      writeFileSync(join(tree, 'pipelines', 'shop', 'a.sql'), 'select 2');
      return key();
    },
  ],
  [
    'a file is renamed',
    () => {
      rmSync(join(tree, 'pipelines', 'shop', 'a.sql'));
      writeFileSync(join(tree, 'pipelines', 'shop', 'b.sql'), 'select 1');
      return key();
    },
  ],
  [
    'another version is installed',
    () => {
      writeFileSync(join(tree, 'package-lock.json'), '{"a": 1}');
      return key();
    },
  ],
  ['a variable of the CDK is set', () => key({ CDK_DEFAULT_REGION: 'eu-west-1' })],
])('it is another when %s', (_, change) => {
  const before = key();
  expect(change()).not.toBe(before);
});
