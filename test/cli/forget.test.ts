import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forget } from '../../cli/commands/forget';
import { type Place, placesOf } from '../../cli/commands/forget/places';
import { parseSubjects, partsOf } from '../../cli/commands/forget/subjects';
import type { Row, StatementState, Submission } from '../../lambda/shared/warehouse';
import type { Pipeline } from '../../pipelines/definition';
import { testEnvironment } from '../lib/fixtures';
import { anExport, aPipeline, aSource, aView } from '../sql/fixtures';
import { TestWarehouse } from '../sql/warehouse';
import { FakeCloud, fakeContext } from './cloud';
import { documented } from './documented';
import { millrace } from './io';

const base = aPipeline({
  history: [aSource()],
  columns: [
    { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'who', path: ['user', 'id'], type: 'varchar', maxBytes: 32, required: true },
    { name: 'at', path: ['timestamp'], type: 'timestamp', required: true },
  ],
  subject: ['who'],
  views: [
    aView('visits', 'select who, count(*) as visits from shop.events group by who'),
    aView('days', "select date_trunc('day', at) as day, count(*) as events from shop.events group by 1"),
  ],
  exports: [
    anExport('all', 'select id, who, at from shop.events; -- everything'),
    anExport('days', 'select day, events from shop.days', {
      content: { kind: 'incremental', timeColumn: 'day', window: 'day' },
    }),
  ],
});
const keeping: Pipeline = {
  ...base,
  retention: { events: '400 days', eventTime: 'at', rejects: '10 days', archive: '800 days' },
};
const environment = testEnvironment({ name: 'dev' });
const record = (messageId: string, id: string, more = {}) => ({
  messageId,
  user: { id },
  timestamp: '2026-11-20T10:00:00Z',
  ...more,
});
const odd = "o'hara {{v1}}";

let warehouse: TestWarehouse;

/** Runs the command over the test's warehouse, and returns the report of its only pipeline. */
async function reported(pipeline: Pipeline, ...subjects: string[]) {
  const cloud = new FakeCloud();
  const results = new Map<string, Row[]>();
  Object.assign(cloud.warehouse, {
    async submit({ statements }: Submission) {
      const { columns, records } = await warehouse.result(statements[0]!);
      const id = `statement-${results.size}`;
      results.set(
        id,
        records.map((cells) => Object.fromEntries(cells.map((cell, i) => [columns[i]!.name, cell])) as Row),
      );
      return { id };
    },
    describe: async (id: string) =>
      ({ id, status: 'FINISHED', parts: [], createdAt: 0, updatedAt: 0 }) as unknown as StatementState,
    rows: async (id: string) => results.get(id)!,
  });
  const [[now]] = (await warehouse.query('select getdate()')) as [[string]];
  const hour = (minutes: number) =>
    new Date(Date.parse(`${now.slice(0, 19).replace(' ', 'T')}Z`) - minutes * 60_000)
      .toISOString()
      .slice(0, 13)
      .replace(/[-T]/g, '/');
  cloud.put('archive', `archive/shop/${hour(0)}/1.gz`);
  cloud.put('archive', `archive/shop/${hour(5 * 60)}/2.gz`);
  cloud.put('archive', `archive/other/${hour(0)}/3.gz`);
  cloud.put('work', 'answers/shop/1', { lastModified: Date.UTC(2026, 10, 20, 12) });
  cloud.put('work', 'answers/shopping/2');
  cloud.put('work', 'versions/shop/r/0.gz', { lastModified: Date.UTC(2026, 10, 19) });
  cloud.put('work', 'undecoded/shop/r/0000', { lastModified: Date.UTC(2026, 10, 20) });
  cloud.put('work', 'manifests/shop/r.manifest');
  const context = fakeContext(cloud, { json: true });
  expect(await forget(context, parseSubjects(subjects, {}, [pipeline]), [environment])).toBe(true);
  const { applied, pipelines } = context.result() as {
    applied: boolean;
    pipelines: { share: number; lastDay: string | null; places: (Place & { lastDay: string | null })[] }[];
  };
  expect(applied).toBe(false);
  const example = documented.get('forget') as { pipelines: [{ places: [object] }] };
  expect(Object.keys(pipelines[0]!).sort()).toEqual(Object.keys(example.pipelines[0]).sort());
  expect(Object.keys(example.pipelines[0].places[0]).sort()).toEqual(
    [...new Set(pipelines[0]!.places.flatMap((place) => Object.keys(place)))].sort(),
  );
  const { places, ...rest } = pipelines[0]!;
  return { ...rest, places: Object.fromEntries(places.map(({ place, ...found }) => [place, found])) };
}

async function filled(pipeline: Pipeline): Promise<void> {
  warehouse = await TestWarehouse.create(pipeline);
  warehouse.send(record('m1', 'ann'), record('m1', 'ann'), record('m2', 'bob'), record('m3', odd), 'nonsense', {
    messageId: 'm4',
    user: { id: 'ann' },
  });
  await warehouse.refresh();
  await warehouse.load([JSON.stringify(record('h1', 'ann'))], [JSON.stringify(record('h2', 'bob'))]);
  await warehouse.load([JSON.stringify(record('h3', 'bob'))]);
  await warehouse.refresh();
  warehouse.send(record('m9', 'ann'));
  await warehouse.land();
  for (const [name, start] of [
    ['all', '2026-11-20 10:00:00'],
    ['all', '2026-11-20 11:00:00'],
    ['days', '2026-11-20 00:00:00'],
  ])
    await warehouse.execute([
      `insert into shop.exports (export, window_start, window_end, run_id, row_count, file_count, byte_count, location, published_at, revision)
values ('${name}', '${start}', '${start}', 'r', 1, 2, 100, 's3://exports/${name}/${start}/', getdate(), 0)`,
    ]);
}

describe('the report of subjects', () => {
  afterEach(() => warehouse.dispose());

  test('has the rows and objects of every place, and what it could not search', async () => {
    await filled(keeping);
    const { places, share, lastDay } = await reported(keeping, 'who=ann');
    expect(places).toMatchObject({
      stream: { rows: 3, objects: null },
      landing: { rows: 3, note: '1 record not merged yet, and not searched' },
      staged: { rows: 0 },
      events: { rows: 2, objects: null },
      rejects: { rows: 1, note: '1 reject without JSON, not searched' },
      duplicates: { rows: 1 },
      history: { rows: null, objects: 2 },
      archive: { rows: null, objects: 1, bytes: 1000 },
      views: { rows: 1 },
      exports: { rows: 2, objects: 2, bytes: 100 },
      answers: { rows: null, objects: 1, bytes: 1000, lastDay: '2026-11-22' },
      'work files': { rows: null, objects: 2, bytes: 2000, lastDay: '2026-11-28' },
      'query results': { rows: null },
      snapshots: { rows: null, note: 'automated ones, kept for 3 days; not manual ones' },
    });
    expect(places['events']!.bytes).toBeGreaterThan(50);
    expect(share).toBeCloseTo(2 / 6);
    // History and exports are kept for good.
    expect(lastDay).toBeNull();
    expect(places['events']!.lastDay).toBe('2027-12-25');
    expect(places['history']!.lastDay).toBeNull();
    expect(places['snapshots']!.lastDay).toBe('2027-12-28');
  });

  test('adds up several subjects, and finds odd values', async () => {
    await filled(base);
    const { places } = await reported(base, 'who=ann', `who=${odd}`);
    expect(places).toMatchObject({ events: { rows: 3, lastDay: null }, history: { objects: 2 }, views: { rows: 2 } });
    // The subjects are in several statements, and some in one publication.
    const others = Array.from({ length: 600 }, (_, n) => `who=n${n}`);
    expect((await reported(base, 'who=ann', ...others, 'who=bob')).places).toMatchObject({
      events: { rows: 5 },
      exports: { rows: 5, objects: 2, bytes: 100 },
    });
    expect((await reported(base, 'who=nobody')).places).toMatchObject({
      stream: { rows: 0 },
      events: { rows: 0, bytes: 0 },
      history: { objects: 0 },
      archive: { objects: 0 },
      exports: { rows: 0, objects: 0 },
    });
  });
});

describe('subjects', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-subjects-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, body: string | Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, body);
    return path;
  };
  const valuesOf = (args: string[], path?: string) =>
    parseSubjects(args, path === undefined ? {} : { file: path }, [base])[0]!.subjects[0]!.values;

  test('come from arguments and lines, each once', () => {
    expect(valuesOf(['who=a', 'who=b=c', 'who=a'])).toEqual(['a', 'b=c']);
    expect(valuesOf(['who=a'], file('1.txt', '\uFEFFa\r\nb\r\n\r\nwho=c d\n'))).toEqual(['a', 'b', 'c d']);
  });

  test.each<[string, string[], string | Buffer | undefined, string]>([
    ['none', [], undefined, 'name at least one subject, as customer_id=c1, or a file with --file'],
    ['a bare argument', ['ann'], undefined, '<subject> must be column=value with a column of who'],
    ['another column', ['id=m1'], undefined, '<subject> must be column=value with a column of who'],
    ['no value', ['who='], undefined, '<subject> must have a value after who='],
    ['a line of another column', [], 'a\nid=m1', ', line 2 must be column=value with a column of who'],
    [
      'too many',
      [],
      Array.from({ length: 10_001 }, (_, n) => `${n}`).join('\n'),
      'at most 10,000 subjects at once, got 10,001',
    ],
    ['an empty file', [], '\n', 'name at least one subject'],
    ['a value with an equals sign', [], 'YQ==', 'a column of who; a value with = needs it too: who=a=b'],
    [
      'a header',
      [],
      'who\nann',
      ', line 1 is the name of the column, as in a header; if that belongs to the value, write who=',
    ],
    ['blanks around a value', [], 'ann\n bob', ', line 2 begins or ends with white space; if that belongs'],
    ['quotation marks', [], '"ann"', ', line 1 is in quotation marks; if that belongs'],
    [
      'a long value',
      [`who=${'x'.repeat(10_001)}`],
      undefined,
      '<subject> has 10,001 bytes; a value has at most 10,000',
    ],
    ['NUL', [], 'a\0b', ', line 1 has the character NUL, which no column can hold'],
    ['bytes that are no text', [], Buffer.from('\uFEFFann\n', 'utf16le'), '--file must be plain text in UTF-8'],
  ])('are refused: %s', (name, args, body, message) => {
    expect(() => valuesOf(args, body === undefined ? undefined : file(`${name}.txt`, body))).toThrow(message);
  });

  test('need a file that exists, a pipeline that declares them, and options that go together', async () => {
    expect(() => valuesOf([], join(folder, 'absent'))).toThrow('--file: ENOENT');
    expect(() => valuesOf([], folder)).toThrow(`--file must be a file, got the folder ${folder}`);
    expect(() => parseSubjects(['who=a'], { pipeline: 'visits' }, [base])).toThrow(
      "--pipeline must be one that declares a subject (shop), got 'visits'",
    );
    expect(() => parseSubjects(['who=a'], {}, [aPipeline()])).toThrow('no pipeline declares a subject');
  });

  test('may have blanks, quotation marks and the name of the column after the column', () => {
    const lines = ['who= ann ', 'who="ann"', 'who=who', 'who=YQ=='];
    expect(valuesOf([], file('explicit.txt', lines.join('\n')))).toEqual([' ann ', '"ann"', 'who', 'YQ==']);
  });

  test.each<[string, string]>([
    ['customer_id=c1 --apply --verify', '--apply and --verify cannot be given together'],
    ['--status --verify', '--status and --verify cannot be given together'],
    ['customer_id=c1 --status', '--status takes no subjects: it shows all runs'],
    ['customer_id=c1 --yes-many', '--yes-many is for --apply'],
    ['customer_id=c1 --no-wait', '--no-wait is for --apply'],
    ['--apply --pipeline pageviews', "--pipeline must be one that declares a subject (estore), got 'pageviews'"],
    ['--apply --file absent.txt', '--file: ENOENT'],
    ['--apply name=c1', '<subject> must be column=value with a column of customer_id'],
    ['', 'name at least one subject'],
  ])('are refused before anything is reached: %s', async (args, message) => {
    const { code, stderr } = await millrace('forget', ...args.split(' ').filter((arg) => arg !== ''));
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('are divided so that a statement takes each part', () => {
    const [column] = base.columns;
    const sizes = (values: string[]) => [...partsOf([{ column: column!, values }])].map((part) => part.values.length);
    expect(sizes(Array.from({ length: 1001 }, (_, n) => `${n}`))).toEqual([500, 500, 1]);
    expect(sizes(Array.from({ length: 5 }, () => 'x'.repeat(10_000)))).toEqual([3, 2]);
    // A literal has quotation marks and backslashes twice.
    expect(sizes(Array.from({ length: 5 }, () => "'".repeat(10_000)))).toEqual([1, 1, 1, 1, 1]);
  });
});

test('without an environment of that name, nobody knows how long snapshots are kept', () => {
  const nothing = { rows: 0, bytes: 0 };
  const facts = {
    now: Date.UTC(2026, 10, 21),
    total: 0,
    events: nothing,
    duplicates: nothing,
    rejects: nothing,
    staged: nothing,
    landing: nothing,
    stream: nothing,
    views: nothing,
    exports: { rows: 0, publications: new Map() },
    hours: new Set<number>(),
    objects: new Map(),
    withoutObject: 0,
    unsearched: { rejects: 0, raised: 0, landing: 0 },
  };
  const last = (places: readonly Place[]) => places.find(({ place }) => place === 'snapshots')!.lastDay;
  const none = { objects: 0, bytes: 0 };
  const report = (known?: typeof environment) => placesOf(base, facts, none, { answers: none, files: none }, known);
  expect(last(report())).toBeNull();
  expect(last(report(environment))).toBe(Date.UTC(2026, 10, 24));
});
