import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../..');
let tree: string;
beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'millrace-wrong-'));
  for (const name of [
    'bin',
    'cli',
    'environments',
    'lambda',
    'lib',
    'local',
    'pipelines',
    'sql',
    'package.json',
    'tsconfig.json',
  ])
    cpSync(join(root, name), join(tree, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
});
afterAll(() => rmSync(tree, { recursive: true, force: true }));

function edit(file: string, ...edits: readonly (readonly [string, string])[]): void {
  const path = join(tree, file);
  const before = readFileSync(path, 'utf8');
  const after = edits.reduce((text, [from, to]) => text.replace(from, to), before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
}

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

const commands = [
  ['cdk synth', ['bin/app.js']],
  ['plan', ['bin/millrace.js', 'plan', 'dev']],
  ['start', ['bin/millrace.js', 'local', '--once', '--data', 'data']],
] as const;

test('synthesis, plan and start report the same problems, and no stack', () => {
  edit(
    'pipelines/estore/pipeline.ts',
    ["type: 'decimal'", "type: 'number'"],
    ['refreshEveryMinutes: 1', "refreshEveryMinutes: '1'"],
  );
  edit('environments/dev.ts', ['smoke: true', 'smokes: true']);
  for (const [name, args] of commands) {
    const { status, text } = run(...args);
    expect([name, status]).toEqual([name, 1]);
    expect([name, text]).toEqual([
      name,
      expect.stringMatching(
        /invalid configuration, nothing can be deployed:\n {2}- pipelines\.estore\.columns\.price\.type must be one of .*, got "number"\n {2}- pipelines\.estore\.refreshEveryMinutes must be a whole number between 1 and 59, got "1"\n {2}- environments\.dev\.smokes is unknown; did you mean smoke\?\n$/,
      ),
    ]);
    expect(text).not.toMatch(/^\s+at /m);
  }
});

test('a pipeline that cannot be loaded is reported in the same form', () => {
  edit('pipelines/estore/pipeline.ts', ['views: readViews(', 'views: readView(']);
  for (const [name, args] of commands) {
    const { status, text } = run(...args);
    expect([name, status]).toEqual([name, 1]);
    expect(text).toMatch(
      /invalid configuration, nothing can be deployed:\n {2}- pipelines\/estore\/pipeline\.ts cannot be loaded: readView is not defined \(pipelines\/estore\/pipeline\.ts:\d+:\d+\)\n$/,
    );
  }
});
