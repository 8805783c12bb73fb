import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EsbuildBundles } from '../../lib/shared/bundles';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-bundles-'));
  mkdirSync(join(dir, 'lambda', 'greet'), { recursive: true });
  mkdirSync(join(dir, 'lambda', 'shared'));
  writeFileSync(join(dir, 'lambda', 'shared', 'words.ts'), "export const word: string = 'hello';");
  writeFileSync(
    join(dir, 'lambda', 'greet', 'handler.ts'),
    "import { word } from '../shared/words';\nexport const handler = async () => word;",
  );
});
afterEach(() => rmSync(dir, { recursive: true }));

const bundles = () => new EsbuildBundles(join(dir, 'lambda'), join(dir, 'build'));

test('a bundle stands alone and has its plan beside it', async () => {
  bundles().code('greet', 'shop', { pipeline: 'shop' });
  const folder = join(dir, 'build', 'greet-shop');
  expect(await require(join(folder, 'index.js')).handler()).toBe('hello');
  expect(JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'))).toEqual({ pipeline: 'shop' });
});

test('each pipeline has a plan of its own beside its bundle', () => {
  const one = bundles();
  for (const owner of ['shop', 'blog']) one.code('greet', owner, { pipeline: owner });
  expect(JSON.parse(readFileSync(join(dir, 'build', 'greet-shop', 'plan.json'), 'utf8'))).toEqual({ pipeline: 'shop' });
});

test('a second synthesis does not rewrite unchanged files', () => {
  const written = () =>
    statSync(join(dir, 'build', 'greet-shop', 'index.js')).ino +
    statSync(join(dir, 'build', 'greet-shop', 'index.js')).mtimeMs;
  bundles().code('greet', 'shop', {});
  const first = written();
  bundles().code('greet', 'shop', {});
  expect(written()).toBe(first);
});

test('fails when there is no such handler', () => {
  expect(() => bundles().code('sing')).toThrow('lambda/sing/handler.ts must exist');
});

test('no bundle of this project contains zod, which only synthesis needs', () => {
  const root = join(__dirname, '../..');
  new EsbuildBundles(join(root, 'lambda'), join(dir, 'build')).code('load');
  const built = readdirSync(join(dir, 'build', '.handlers'));
  const mark = '_zod';
  expect(readFileSync(require.resolve('zod/v4/core').replace(/index\.\w+$/, 'core.cjs'), 'utf8')).toContain(mark);
  expect(built).toEqual(
    expect.arrayContaining(['archive', 'export', 'load', 'reconcile', 'refresh', 'warehouse-object']),
  );
  for (const handler of built)
    expect(readFileSync(join(dir, 'build', '.handlers', handler, 'index.js'), 'utf8')).not.toContain(mark);
});
