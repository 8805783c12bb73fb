import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipelines } from '../../pipelines';
import { readEndpoints, readExports, readViews } from '../../pipelines/read';
import { compileViews } from '../../sql';
import { problemsOf } from '../support/problems';

test('the pipelines that are shipped are sound', () => {
  expect(pipelines.map(({ name }) => name)).toEqual(expect.arrayContaining(['estore', 'pageviews']));
  expect(problemsOf(...pipelines)).toEqual([]);
});

test('the views of estore, each after those that it reads', () => {
  const views = compileViews(pipelines.find(({ name }) => name === 'estore')!);
  expect(views.map(({ name, reads }) => [name, reads])).toEqual([
    ['carts', []],
    ['purchases', []],
    ['hourly_revenue', ['purchases']],
    ['hourly_views', []],
    ['returns', []],
    ['revenue_by_product', ['purchases']],
    ['uncarts', []],
    ['views_by_product', []],
  ]);
});

const files = pipelines.flatMap(({ views, exports, endpoints = [] }) =>
  [...views, ...exports, ...endpoints].map(({ file }) => file),
);

test.each(files)('%s says what a row means, its grain, and why it has this shape', (file) => {
  const [row, grain, reason] = readFileSync(join(__dirname, '../..', file), 'utf8').split('\n');
  expect(row).toMatch(/^-- One row: ./);
  expect(grain).toMatch(/^-- Grain: ./);
  expect(reason).toMatch(/^-- ./);
});

describe('reading exports', () => {
  const options = {
    content: { kind: 'incremental', timeColumn: 'at', window: 'hour' },
    format: { kind: 'csv' },
  } as const;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pipeline-'));
    mkdirSync(join(folder, 'exports'));
    writeFileSync(join(folder, 'exports', 'sold.sql'), 'select at from shop.events');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('joins a file with its options', () => {
    expect(readExports(folder, { sold: options })).toEqual([
      {
        name: 'sold',
        query: 'select at from shop.events',
        file: expect.stringMatching(/\/exports\/sold\.sql$/),
        ...options,
      },
    ]);
  });

  test('takes a view instead of a file', () => {
    const [, top] = readExports(folder, { sold: options, top: { ...options, view: 'best' } });
    expect(top).toMatchObject({ name: 'top', query: expect.stringMatching(/^select \* from .*\.best$/) });
    expect(() => readExports(folder, { sold: { ...options, view: 'best' } })).toThrow('has a view and a file');
  });

  test('names every file without options and all options without a file', () => {
    expect(() => readExports(folder, { sould: options })).toThrow(
      /exports\.sould has no file exports\/sould\.sql\n.*exports\.sold has a file exports\/sold\.sql and no options/,
    );
  });
});

test('the options of a view join its file, and those without a file are named', () => {
  const folder = join(__dirname, '../../pipelines/pageviews');
  const { name } = readViews(folder)[0]!;
  expect(readViews(folder, { [name]: { mayShrink: 1 } })[0]).toMatchObject({ name, mayShrink: 1 });
  expect(() => readViews(folder, { hourly: { recomputed: true } })).toThrow(
    'pipelines.pageviews.views.hourly has options and no file views/hourly.sql',
  );
});

test('an endpoint is a file, with or without options; options without a file are named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pipeline-'));
  try {
    expect(readEndpoints(folder)).toEqual([]);
    mkdirSync(join(folder, 'endpoints'));
    for (const name of ['revenue', 'cart', 'constructor'])
      writeFileSync(join(folder, 'endpoints', `${name}.sql`), `select ${name} from shop.v`);
    writeFileSync(join(folder, 'endpoints', 'cart.test.yaml'), '[]');
    expect(readEndpoints(folder, { cart: { tenant: 'customer_id' } })).toEqual([
      {
        name: 'cart',
        query: 'select cart from shop.v',
        file: expect.stringMatching(/\/endpoints\/cart\.sql$/),
        tenant: 'customer_id',
      },
      { name: 'constructor', query: 'select constructor from shop.v', file: expect.any(String) },
      { name: 'revenue', query: 'select revenue from shop.v', file: expect.any(String) },
    ]);
    expect(() => readEndpoints(folder, { carts: {}, gone: {} })).toThrow(
      /endpoints\.carts has options and no file endpoints\/carts\.sql\n.*endpoints\.gone has options and no file/,
    );
    expect(() => readEndpoints(folder, { cart: null as never })).toThrow('endpoints.cart must be an object of options');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
