import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { addNew } from '../../../cli/commands/new';
import { endpointDraft, exportDraft } from '../../../cli/commands/new/query/drafts';
import { withQuery } from '../../../cli/commands/new/query/edit-pipeline';
import { sampleEvent } from '../../../cli/commands/new/query/sample-event';
import type { Failure } from '../../../cli/failure';
import { discover, pipelines } from '../../../pipelines';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { problemsOf } from '../../support/problems';
import { Collected } from '../io';

const repository = join(__dirname, '../../..');
let folder: string;
let root: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-new-query-'));
  root = join(folder, 'pipelines');
  mkdirSync(join(root, 'shop'), { recursive: true });
  for (const module of ['definition', 'read'])
    writeFileSync(
      join(root, `${module}.ts`),
      `export * from ${JSON.stringify(join(repository, 'pipelines', module))};\n`,
    );
  writeFileSync(config(), shop());
});
afterEach(() => rmSync(folder, { recursive: true }));

const config = () => join(root, 'shop/pipeline.ts');
const shop = (more = '') => `import type { Pipeline } from '../definition';
import { readExports, readViews } from '../read';

export const pipeline: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'on-demand' }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'at', path: ['at'], type: 'timestamptz', required: true },
  ],
  refreshEveryMinutes: 1,
  views: readViews(__dirname),
  exports: readExports(__dirname, {}),${more}
};
`;

async function run(...args: string[]) {
  const [stdout, stderr, exit] = [new Collected(), new Collected(), { code: -1 }];
  const program = new Command().exitOverride();
  const load = () => {
    jest.resetModules();
    return discover(root);
  };
  addNew(program, { stdout, stderr, env: {} }, exit, { root, load, pipelines: [] });
  let error: unknown;
  await program.parseAsync(['new', ...args], { from: 'user' }).catch((thrown: unknown) => {
    error = thrown;
  });
  return { stdout: stdout.text, error: error as Failure | undefined, code: exit.code };
}

test('adds a view with a test that passes', async () => {
  const { stdout, error, code } = await run('view', 'shop', 'per_hour', '--json');
  expect([error, code]).toEqual([undefined, 0]);
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'view', name: 'shop.per_hour', edited: null, test: 'passed' });
  expect(readFileSync(config(), 'utf8')).toBe(shop());
  const sql = readFileSync(join(root, 'shop/views/per_hour.sql'), 'utf8');
  expect(sql).toContain("date_trunc('hour', at at time zone 'UTC') as hour");
});

test('refuses names, pipelines and views with a sentence, and writes nothing', async () => {
  mkdirSync(join(root, 'shop/views'));
  writeFileSync(join(root, 'shop/views/taken.sql'), 'select id from shop.events');
  for (const [args, message] of [
    [['view', 'shop', 'Taken'], "<name> must be lower-case snake_case of at most 64 characters, got 'Taken'"],
    [['view', 'shop', '../x'], "<name> must be lower-case snake_case of at most 64 characters, got '../x'"],
    [['view', 'shop', 'order'], "<name> must not be a reserved word of Redshift, got 'order'"],
    [['view', 'shop', 'taken'], '<name> must be new: shop has the view taken already'],
    [['view', 'shop', 'rejects'], /<name> must not be that of a table of the pipeline \(.*rejects.*\), got 'rejects'/],
    [['export', 'shop', 'out', '--of', 'gone'], "--of must be one of taken, events, got 'gone'"],
    [['endpoint', 'shops', 'out'], "<pipeline> must be one of shop, got 'shops'"],
  ] as const) {
    const { error, stdout } = await run(...args);
    expect([error?.message, error?.exitCode, stdout]).toEqual([
      typeof message === 'string' ? message : expect.stringMatching(message),
      2,
      '',
    ]);
  }
  expect((await run('shop2')).error).toMatchObject({
    message: expect.stringMatching(/^--from must name/),
    exitCode: 2,
  });
  expect(existsSync(join(root, 'shop/exports'))).toBe(false);
});

test('what would not be valid is taken back: a pipeline that is wrong, and one that it cannot edit', async () => {
  const text = shop().replace('exports: readExports(__dirname, {}),', 'exports: readExports(__dirname, options()),');
  writeFileSync(config(), `${text}function options() { return {}; }\n`);
  const { error } = await run('export', 'shop', 'out', '--of', 'events');
  expect(error?.message).toMatch(/pipeline\.ts declares its exports in a way that this command does not edit/);
  writeFileSync(config(), shop().replace("columns: ['id'] }", "columns: ['gone'] }"));
  const wrong = await run('export', 'shop', 'out', '--of', 'events');
  expect(wrong.error?.message).toMatch(/the pipeline would not be valid:\n.*gone/);
  expect(readFileSync(config(), 'utf8')).not.toContain('out');
  expect(existsSync(join(root, 'shop/exports/out.sql'))).toBe(false);
});

describe('the entry in pipeline.ts', () => {
  const options = { format: { kind: 'parquet' } };
  const entry = "out: { format: { kind: 'parquet' } },";

  test.each([
    ['into none', 'exports: readExports(__dirname),', `exports: readExports(__dirname, {\n    ${entry}\n  }),`],
    ['into an empty list', 'exports: [],', `exports: readExports(__dirname, {\n    ${entry}\n  }),`],
    [
      'into an empty object',
      'exports: readExports(__dirname, {}),',
      `exports: readExports(__dirname, {\n    ${entry}\n  }),`,
    ],
    [
      'after others, with their comments',
      "exports: readExports(__dirname, {\n    a: { view: '}' }, // a brace: }\n    /* { */\n  }),",
      `exports: readExports(__dirname, {\n    a: { view: '}' }, // a brace: }\n    /* { */\n    ${entry}\n  }),`,
    ],
    [
      'after one without a comma',
      'exports: readExports(__dirname, {\n    a: {}\n  }),',
      `exports: readExports(__dirname, {\n    a: {},\n    ${entry}\n  }),`,
    ],
  ])('%s', (_, before, after) => {
    const text = (line: string) =>
      `import { readExports } from '../read';\nexport const pipeline: Pipeline = {\n  name: 'x',\n  ${line}\n};\n`;
    expect(withQuery(text(before), 'exports', 'out', options)).toBe(text(after));
  });

  test('adds the property and the import where they are missing', () => {
    expect(withQuery(shop(), 'endpoints', 'out', {})).toBe(
      shop('\n  endpoints: readEndpoints(__dirname, {\n    out: {},\n  }),').replace(
        'readExports, readViews',
        'readEndpoints, readExports, readViews',
      ),
    );
  });

  test('of what only a person can change is not made', () => {
    expect(withQuery(shop().replace('readExports(__dirname, {})', 'all()'), 'exports', 'out', options)).toBeUndefined();
    expect(withQuery('export default {};', 'exports', 'out', options)).toBeUndefined();
  });
});

test('an export and an endpoint over the pipelines of this repository are valid', () => {
  for (const pipeline of pipelines) {
    for (const of of [...pipeline.views.map(({ name }) => name), 'events']) {
      const { sql, options } = exportDraft(pipeline, of);
      const made = { name: 'made', query: sql, file: 'x', ...options } as Pipeline['exports'][number];
      expect(problemsOf({ ...pipeline, exports: [made] })).toEqual([]);
    }
    for (const { name } of pipeline.views) {
      const { sql, options } = endpointDraft(pipeline, name, []);
      const made = { name: 'made', query: sql, file: 'x', ...options };
      expect(problemsOf({ ...pipeline, endpoints: [made] })).toEqual([]);
    }
  }
});

test('a sample event has the form that its producers send', () => {
  const columns: Column[] = [
    { name: 'id', path: ['a', 'id'], type: 'varchar', maxBytes: 4, required: true },
    { name: 'at', path: ['at'], type: 'timestamp', convert: { format: 'FMMM/DD/YYYY HH12:MI AM' }, required: true },
    { name: 'note', path: ['note'], type: 'varchar', maxBytes: 10 },
  ];
  const pipeline = {
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 24, records: { unwrap: ['records', '*'] } },
    where: [{ path: ['kind'], oneOf: ['x'] }],
    identity: { by: 'columns', columns: ['id'] },
    columns,
  } as unknown as Pipeline;
  expect(sampleEvent(pipeline, 1, [])).toEqual({
    records: [{ kind: 'x', a: { id: 'id_2' }, at: '01/15/2026 11:30 AM' }],
  });
});
