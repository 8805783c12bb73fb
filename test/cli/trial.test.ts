import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { addTest } from '../../cli/commands/test';
import type { Failure } from '../../cli/failure';
import { documented, same } from './documented';
import { Collected } from './io';

const repository = join(__dirname, '../..');
let folder: string;
let root: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-trial-'));
  root = join(folder, 'pipelines');
  for (const place of ['views', 'endpoints']) mkdirSync(join(root, 'shop', place), { recursive: true });
  for (const module of ['definition', 'read'])
    writeFileSync(
      join(root, `${module}.ts`),
      `export * from ${JSON.stringify(join(repository, 'pipelines', module))};\n`,
    );
  file(
    'pipeline.ts',
    `import { readEndpoints, readViews } from '../read';
export const pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'on-demand' }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'amount', path: ['amount'], type: 'decimal', precision: 12, scale: 2 },
  ],
  refreshEveryMinutes: 1,
  views: readViews(__dirname),
  exports: [],
  endpoints: readEndpoints(__dirname, { sold: { params: { least: { type: 'integer', min: 0 } } } }),
};
`,
  );
  file('views/sales.sql', 'select id, amount from shop.events where amount > 0');
  file(
    'views/sales.test.yaml',
    `- name: only sales
  events:
    - { id: a, amount: 2 }
    - { id: b, amount: -1 }
  rows:
    - { id: a, amount: 2 }
- name: the same again
  events: [{ id: a, amount: 2 }]
  rows: []
`,
  );
  file('endpoints/sold.sql', 'select id, amount from shop.sales where amount >= :least order by id');
  file(
    'endpoints/sold.test.yaml',
    `- name: at least two
  events: [{ id: a, amount: 2 }, { id: b, amount: 1 }]
  params: { least: 2 }
  rows: [{ id: a, amount: '2.00' }]
- name: no number
  params: { least: x }
  refused: [least]
`,
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (path: string, content: string) => writeFileSync(join(root, 'shop', path), content);

async function run(...args: string[]) {
  const [stdout, stderr, exit] = [new Collected(), new Collected(), { code: -1 }];
  const program = new Command().exitOverride();
  addTest(program, { stdout, stderr, env: {} }, exit, { root });
  let error: unknown;
  await program.parseAsync(['test', ...args], { from: 'user' }).catch((thrown: unknown) => {
    error = thrown;
  });
  return { stdout: stdout.text, stderr: stderr.text, error: error as Failure | undefined, code: exit.code };
}

test('a view that fails is named with the difference, and fails nothing else', async () => {
  const { stdout, code } = await run();
  expect(code).toBe(1);
  expect(stdout).toBe(`✘ view     shop.sales
    ✔ only sales
    ✘ the same again
        expected no rows
        actual   id: "a", amount: 2
✔ endpoint shop.sold: 2 tests
`);
});

test('a wrong query fails its own tests and those of what reads it; another view passes', async () => {
  file('views/sales.sql', 'select id, amounts as amount from shop.events');
  file('views/ids.sql', 'select id from shop.events');
  file('views/ids.test.yaml', '- { name: one, events: [{ id: x }], rows: [{ id: x }] }\n');
  const { stdout, code } = await run('--json');
  expect(code).toBe(1);
  const { results, ...counts } = JSON.parse(stdout);
  same(JSON.parse(stdout), documented.get('test'), 'test');
  expect(counts).toEqual({ passed: 1, failed: 2, untested: 0 });
  const [ids, sales, sold] = results;
  expect(ids).toMatchObject({ name: 'shop.ids', result: 'passed' });
  for (const one of [sales, sold])
    expect(one).toMatchObject({
      result: 'failed',
      problem: expect.stringContaining('did you mean amount?'),
      tests: [],
    });
});

test.each([
  ['a file of tests that is wrong', 'views/sales.test.yaml', '- { name: x }', /events must be a list of payloads/],
  [
    'a column that the view lacks',
    'views/sales.test.yaml',
    '- { name: x, events: [], rows: [{ b: 1 }] }',
    /column "b" does not exist/,
  ],
  [
    'a value that fails in the view',
    'views/sales.sql',
    'select id, 1 / (amount - 2) as amount from shop.events',
    /ivi.+zero/i,
  ],
])('%s is reported in its place', async (_, path, content, message) => {
  file(path, content);
  const { stdout, code } = await run('sales');
  expect(code).toBe(1);
  expect(stdout).toMatch(/✘ view {5}shop\.sales/);
  expect(stdout).toMatch(message);
  expect(stdout).not.toContain('shop.sold');
});

test('a name chooses, one that nothing has is refused, and what has no test is named', async () => {
  rmSync(join(root, 'shop/endpoints/sold.test.yaml'));
  expect(await run('shop.sold')).toMatchObject({
    code: 0,
    stdout: '- endpoint shop.sold: no test; write pipelines/shop/endpoints/sold.test.yaml\n',
  });
  expect((await run('sale')).error).toMatchObject({
    message: "[name] must be a view, an endpoint or a pipeline, got 'sale'; there are shop.sales, shop.sold",
    exitCode: 2,
  });
});

test('a pipeline that is wrong apart from its views is an error', async () => {
  const text = readFileSync(join(root, 'shop/pipeline.ts'), 'utf8');
  file('pipeline.ts', text.replace('precision: 12', 'precision: 99'));
  const { error, stdout } = await run();
  expect(error).toMatchObject({
    message: expect.stringMatching(/shop\.columns\.amount\.precision must be /),
    exitCode: 1,
  });
  expect(stdout).toBe('');
});
