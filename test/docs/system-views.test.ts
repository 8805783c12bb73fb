import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogFunctions, type RedshiftType, systemViews } from 'redshift-local/front-end';

const root = join(__dirname, '../..');
const reference = 'docs/reference/system-views.md';

interface Line {
  readonly view: string;
  readonly column: string;
  readonly type: string;
  readonly use: string;
  readonly page: string;
}

const lines: Line[] = [
  ...read(reference).matchAll(/^\| `([a-z_]+)` \| `([a-z_]+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$/gm),
].map(([, view, column, type, use, , page]) => ({ view: view!, column: column!, type: type!, use: use!, page: page! }));

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|sql|ya?ml|md)$/.test(file))
    .map((file) => join(folder, file));
}

/** As the guide spells a type of the local warehouse, which has no types of the catalog. */
const spellings = ({ name, ...rest }: RedshiftType): string[] => {
  if (name === 'char') return [`char(${'length' in rest ? rest.length : ''})`];
  if (name === 'varchar') return [`varchar(${'length' in rest ? rest.length : ''})`, 'text', 'name'];
  return name === 'integer' ? ['integer', 'int'] : [name];
};

/** The views on this page. Catalogs for tools, which Millrace does not read, are on the local warehouse's page. */
const logged = [...systemViews].filter(([, { inline }]) => !inline);

test('the table has the columns of the local warehouse, in their order', () => {
  const modelled = logged.flatMap(([view, { columns }]) => columns.map(({ name }) => `${view}.${name}`));
  expect(lines.map(({ view, column }) => `${view}.${column}`)).toEqual(modelled);
});

test('the local warehouse has the types of the table', () => {
  const differ = lines.filter(({ view, column, type }) => {
    const modelled = systemViews.get(view)!.columns.find(({ name }) => name === column)!;
    return !spellings(modelled.type).includes(type);
  });
  expect(differ.map(({ view, column, type }) => `${view}.${column} ${type}`)).toEqual([]);
});

/** Names with the prefixes of system views that are none, or none that is read. */
const others = new Set(['pg_sleep', 'pg_backend_pid', 'stl_scan', 'pg_mine', 'svv_hidden', 'svv_views']);

test('every system view and function of the sources is in it', () => {
  const known = new Set([
    ...lines.map(({ view }) => view),
    ...Object.keys(catalogFunctions),
    ...[...systemViews.keys()].map((view) => view.split('.').at(-1)!),
    ...[...read(reference).matchAll(/^(?:\| |The runbook names )`(\w+)(?:\(\))?`/gm)].map(([, name]) => name!),
  ]);
  const unknown = ['lambda', 'sql', 'cli', 'lib', 'pipelines', 'packages/redshift-conformance/pack', 'docs']
    .flatMap(files)
    .filter((file) => !file.startsWith('docs/decisions'))
    .flatMap((file) =>
      [...read(file).matchAll(/\b(?:svv|svl|stl|stv|sys|pg)_[a-z][a-z_0-9]*\b/g)].map(([name]) => ({ file, name })),
    )
    .filter(({ name }) => !known.has(name) && !others.has(name));
  expect(unknown.map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
});

test('every column that a statement of the sources reads says what for', () => {
  const silent = lines.filter(({ use }) => use === '—');
  const statements = ['lambda', 'sql', 'cli']
    .flatMap(files)
    .flatMap((file) => [
      ...read(file).matchAll(/select\b(?:(?!;\n)[\s\S]){0,600}?\bfrom\s+(?:sv|st|sys)\w+(?:(?!;\n)[\s\S]){0,400}/g),
    ])
    .map(([text]) => text);
  expect(statements.length).toBeGreaterThan(8);
  const read_ = silent.filter(({ view, column }) =>
    statements.some((text) => new RegExp(`\\b${view}\\b`).test(text) && new RegExp(`\\b${column}\\b`).test(text)),
  );
  expect(read_.map(({ view, column }) => `${view}.${column}`)).toEqual([]);
});

test('every view has its page and a conformance case of its types', () => {
  const cases =
    read('packages/redshift-conformance/pack/system-views.yaml') +
    read('packages/redshift-conformance/pack/streaming.yaml');
  for (const [view] of logged) {
    expect(lines.find((line) => line.view === view)!.page).toMatch(/^\w+$/);
    expect(cases).toMatch(new RegExp(`select .* from ${view}\\b.*\\n(?:.*\\n)?\\s+columns: `));
  }
});
