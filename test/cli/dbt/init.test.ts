import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareFiles } from '../../../cli/dbt/compare';
import { type GeneratedFile, generatedFile, readHeader } from '../../../cli/dbt/generated-file';
import { documented, same } from '../documented';
import { millrace } from '../io';

const work = mkdtempSync(join(tmpdir(), 'millrace-dbt-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const path = (...parts: string[]) => join(work, ...parts);

const wanted = [generatedFile('a.sql', 'select 2\n'), generatedFile('b.yml', 'b: 2\n')];
const statuses = (found: Record<string, string>, of: readonly GeneratedFile[] = wanted) =>
  Object.fromEntries(compareFiles(of, new Map(Object.entries(found))).map(({ path: file, status }) => [file, status]));
const old = generatedFile('a.sql', 'select 1\n').content;

test('the header says whether a person edited the file, whatever the line ends are', () => {
  const { content } = wanted[0]!;
  expect(content).toMatch(/^\{# Written by `millrace dbt init`.* sha256:[0-9a-f]{16} #\}\nselect 2\n$/);
  expect(readHeader(content)?.edited).toBe(false);
  expect(readHeader(content.replaceAll('\n', '\r\n'))?.edited).toBe(false);
  expect(readHeader(`${content}-- mine\n`)?.edited).toBe(true);
  expect(readHeader('select 2\n')).toBeUndefined();
});

test.each<[string, Record<string, string>, Record<string, string>]>([
  ['nothing there', {}, { 'a.sql': 'new', 'b.yml': 'new' }],
  ['as written', { 'a.sql': wanted[0]!.content }, { 'a.sql': 'current', 'b.yml': 'new' }],
  ['an older one', { 'a.sql': old }, { 'a.sql': 'changed', 'b.yml': 'new' }],
  ['an edited one', { 'a.sql': `${wanted[0]!.content}-- mine` }, { 'a.sql': 'edited', 'b.yml': 'new' }],
  ['an edited older one', { 'a.sql': `${old}-- mine` }, { 'a.sql': 'behind', 'b.yml': 'new' }],
  ['one without a header', { 'a.sql': 'select 3' }, { 'a.sql': 'foreign', 'b.yml': 'new' }],
  ['one that is not wanted', { 'c.sql': old }, { 'a.sql': 'new', 'b.yml': 'new', 'c.sql': 'unwanted' }],
  [
    'an edited one that is not wanted',
    { 'c.sql': `${old}-- mine` },
    { 'a.sql': 'new', 'b.yml': 'new', 'c.sql': 'edited and unwanted' },
  ],
  ["a person's own", { 'c.sql': 'select 1' }, { 'a.sql': 'new', 'b.yml': 'new' }],
])('%s', (_, found, expected) => expect(statuses(found)).toEqual(expected));

test('init writes, checks, updates what nobody edited, and removes what is not wanted', async () => {
  const folder = path('analytics');
  expect(await millrace('dbt', 'init', folder, '--check')).toMatchObject({ code: 3 });
  expect(existsSync(folder)).toBe(false);
  const written = await millrace('dbt', 'init', folder);
  expect(written).toMatchObject({ code: 0, stderr: '' });
  expect(written.stdout).toContain('profiles.yml: written');
  expect(await millrace('dbt', 'init', folder, '--check')).toMatchObject({ code: 0 });

  const macros = join(folder, 'macros/millrace.sql');
  const current = readFileSync(macros, 'utf8');
  const gone = join(folder, 'models/staging/gone');
  mkdirSync(gone);
  writeFileSync(macros, generatedFile('x.sql', 'select 1\n').content);
  writeFileSync(join(gone, 'src_gone.yml'), generatedFile('x.yml', 'a: 1\n').content);
  writeFileSync(join(folder, 'models/mine.sql'), 'select 1');
  const checked = await millrace('dbt', 'init', folder, '--check');
  expect(checked.code).toBe(3);
  expect(checked.stdout).toContain('macros/millrace.sql: out of date\n');
  expect(checked.stdout).toContain('models/staging/gone/src_gone.yml: no longer needed\n');
  expect(await millrace('dbt', 'init', folder)).toMatchObject({ code: 0 });
  expect(readFileSync(macros, 'utf8')).toBe(current);
  expect([existsSync(gone), existsSync(join(folder, 'models/mine.sql'))]).toEqual([false, true]);
});

test('init leaves what a person edited, and exits with 3 where Millrace writes it differently now', async () => {
  const folder = path('edited');
  await millrace('dbt', 'init', folder);
  const project = join(folder, 'dbt_project.yml');
  const profiles = join(folder, 'profiles.yml');
  writeFileSync(project, `${readFileSync(project, 'utf8')}# mine\n`);
  writeFileSync(profiles, 'mine: {}\n');
  const same = await millrace('dbt', 'init', folder);
  expect(same.code).toBe(0);
  expect(same.stdout).toContain('dbt_project.yml: left: you edited it\n');
  expect(same.stdout).toContain('profiles.yml: left: Millrace did not write it\n');

  const edited = `${generatedFile('x.yml', 'a: 1\n').content}# mine\n`;
  writeFileSync(project, edited);
  for (const options of [[], ['--check']]) {
    const { code, stdout } = await millrace('dbt', 'init', folder, ...options);
    expect(code).toBe(3);
    expect(stdout).toContain('dbt_project.yml: left: you edited it, and Millrace writes it differently now\n');
  }
  expect([readFileSync(project, 'utf8'), readFileSync(profiles, 'utf8')]).toEqual([edited, 'mine: {}\n']);
});

test('a project for another environment', async () => {
  const folder = path('prod');
  const { code, stdout } = await millrace('dbt', 'init', folder, '--environment', 'prod', '--json');
  expect(code).toBe(0);
  same(JSON.parse(stdout), documented.get('dbt'), 'dbt');
  expect(readFileSync(join(folder, 'profiles.yml'), 'utf8')).toContain('cluster_id: millrace-prod');
});

test('an environment or a folder that does not exist as such is named', async () => {
  writeFileSync(path('file'), '');
  expect(await millrace('dbt', 'init', path('file'))).toEqual({
    code: 2,
    stdout: '',
    stderr: `error: <dir> must be a folder, ${path('file')} is a file\n`,
  });
  expect((await millrace('dbt', 'init', path('x'), '--environment', 'moon')).stderr).toBe(
    "error: --environment must be one of dev, staging, prod, got 'moon'\n",
  );
  expect((await millrace('dbt', 'init', '')).stderr).toBe('error: <dir> must not be empty\n');
  mkdirSync(path('odd', 'profiles.yml'), { recursive: true });
  expect((await millrace('dbt', 'init', path('odd'))).stderr).toContain('profiles.yml must be a file');
});
