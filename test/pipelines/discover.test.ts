import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { discover } from '../../pipelines';
import type { ConfigurationError } from '../../pipelines/configuration-error';

let root: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'millrace-discover-')), 'pipelines');
});
afterEach(() => rmSync(join(root, '..'), { recursive: true }));

function write(folder: string, text: string): void {
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, folder, 'pipeline.ts'), text);
}

function problems(): readonly string[] {
  try {
    discover(root);
    return [];
  } catch (error) {
    return (error as ConfigurationError).problems;
  }
}

test('folders are pipelines in the order of their names', () => {
  write('b', "export const pipeline = { name: 'b' };");
  write('a', "export const pipeline = { name: 'a' };");
  mkdirSync(join(root, 'generator'));
  expect(discover(root).map(({ name }) => name)).toEqual(['a', 'b']);
});

test('what is wrong in each folder comes at once', () => {
  write('a', 'export const pipelines = {};');
  write('b', "export const pipeline = { name: 'c' };");
  write('c', "\nexport const pipeline = { name: 'c', views: readView(__dirname) };");
  write('d', 'export const pipeline = null;');
  write('e', 'export const pipeline = {};');
  const read = join(__dirname, '../../pipelines/read');
  write(
    'f',
    `import { readExports } from ${JSON.stringify(read)};\nexport const pipeline = { name: 'f', exports: readExports(__dirname, { sold: {}, best: null }) };`,
  );
  write(
    'g',
    `import { readViews } from ${JSON.stringify(read)};\nexport const pipeline = { name: 'g', views: readViews(__dirname, { sold: {} }) };`,
  );
  expect(problems()).toEqual([
    'pipelines/a/pipeline.ts must export a constant named pipeline',
    'pipelines/b/pipeline.ts must name its pipeline as its folder, got "c"',
    expect.stringMatching(
      /^pipelines\/c\/pipeline\.ts cannot be loaded: readView is not defined \(pipelines\/c\/pipeline\.ts:\d+:\d+\)$/,
    ),
    'pipelines/d/pipeline.ts must export a constant named pipeline',
    'pipelines/e/pipeline.ts must name its pipeline as its folder, got nothing',
    'pipelines.f.exports.best must be an object of options',
    'pipelines.g.views.sold has options and no file views/sold.sql',
  ]);
});
