import type { ExportDefinition, ExportFormat, Pipeline } from '../../pipelines/definition';
import { exportPlan } from '../../sql/exports/plan';
import { loadPlan } from '../../sql/history/load';
import { refreshPlan } from '../../sql/refresh/plan';
import { anExport, aPipeline, aSource, aView } from './fixtures';

const firstLine = (statement: string) => statement.split('\n')[0];
/** The statement that types the new rows. */
const incomingOf = (pipeline: Pipeline) =>
  refreshPlan(pipeline).steps[1]!.statements.find((statement) =>
    statement.startsWith('create temp table shop_incoming'),
  )!;
const placeholders = (statements: readonly string[]) =>
  [...new Set(statements.join(' ').match(/\{\{[^}]*\}\}/g) ?? [])].sort();

describe('the refresh plan', () => {
  const views = [
    aView('totals', 'select kind, sum(amount) as amount from shop.sold group by kind'),
    aView('sold', 'select kind, amount from shop.events'),
  ];
  const { steps } = refreshPlan(aPipeline({ views }));

  test('reads the stream, merges, refreshes each view after those it reads, then says how far it is complete', () => {
    expect(steps.map(({ name, mode }) => [name, mode])).toEqual([
      ['refresh-landing', 'single'],
      ['merge', 'transaction'],
      ['skipped', 'transaction'],
      ['refresh-views', 'auto-commit'],
      ['complete', 'transaction'],
      ['trim', 'transaction'],
    ]);
    expect(
      steps
        .find(({ name }) => name === 'refresh-views')!
        .statements.map((statement) => statement.replace(/_[0-9a-f]{8}$/, '')),
    ).toEqual(['refresh materialized view shop.sold', 'refresh materialized view shop.totals']);
  });

  test('the merge takes its lock before anything that reads, and leaves nothing behind', () => {
    const { statements } = steps[1]!;
    expect(statements.map(firstLine)).toEqual([
      'lock shop.checkpoints',
      'update shop.events_51d923f4 as e',
      'create temp table shop_arrived as',
      'create temp table shop_read as',
      'create temp table shop_merged as',
      'delete from shop_arrived',
      'create temp table shop_parsed as',
      'create temp table shop_incoming as',
      'create temp table shop_shared as',
      'create temp table shop_copies as',
      'create temp table shop_recovered as',
      'delete from shop.rejects_51d923f4',
      'delete from shop.skipped',
      expect.stringMatching(/^insert into shop.rejects_51d923f4 /),
      expect.stringMatching(/^insert into shop.duplicates_51d923f4 /),
      expect.stringMatching(/^insert into shop.events_51d923f4 /),
      expect.stringMatching(/^insert into shop.runs /),
      expect.stringMatching(/^insert into shop.gaps_51d923f4 /),
      expect.stringMatching(/^insert into shop.checkpoints /),
      'delete from shop.checkpoints',
      'drop table shop_arrived, shop_read, shop_merged, shop_parsed, shop_incoming, shop_shared, shop_copies, shop_recovered',
    ]);
    expect(placeholders(statements)).toEqual(['{{run_id}}', '{{started}}']);
  });

  test('more views than a batch takes are refreshed in several', () => {
    const many = Array.from({ length: 41 }, (_, n) => aView(`v${n}`, 'select kind from shop.events'));
    const batches = refreshPlan(aPipeline({ views: many })).steps.filter(({ mode }) => mode === 'auto-commit');
    expect(batches.map(({ name, statements }) => [name, statements.length])).toEqual([
      ['refresh-views', 40],
      ['refresh-views-2', 1],
    ]);
  });

  test('a pipeline without views has no step for them', () => {
    const names = refreshPlan(aPipeline()).steps.map(({ name }) => name);
    expect(names).toEqual(['refresh-landing', 'merge', 'skipped', 'complete', 'trim']);
  });

  test('attributes of the payload keep their case, and a quote in one stays inside', () => {
    const columns = [{ name: 'id', path: ['messageId', 'a"b'], type: 'bigint' as const, required: true }];
    const incoming = incomingOf(aPipeline({ columns }));
    expect(incoming).toContain('payload."messageId"."a""b" as id_part');
  });

  test('a quote in an allowed value stays inside its literal', () => {
    const columns = [
      { name: 'id', path: ['id'], type: 'varchar' as const, maxBytes: 16, oneOf: ["a'b", 'c\\'], required: true },
    ];
    const incoming = incomingOf(aPipeline({ columns }));
    expect(incoming).toContain(String.raw`in ('a''b', 'c\\')`);
    expect(incoming).toContain(String.raw`then 'id: not one of a''b, c\\'`);
  });
});

describe('the load plan', () => {
  const sources = (overrides = {}) => loadPlan(aPipeline({ history: [aSource(overrides)] })).sources;

  test('copies, merges and enters the ledger in one transaction', () => {
    const [logs, archive] = sources();
    expect(logs!.inPlace.statements.map(firstLine)).toEqual([
      'lock shop.checkpoints',
      'copy shop.staged from {{manifest}} iam_role {{load_role}} manifest',
      'create temp table shop_scanned as',
      'create temp table shop_malformed as',
      'create temp table shop_found as',
      'create temp table shop_objects as',
      'delete from shop.staged where (select count(*) from shop_objects) = 0',
      'delete from shop_malformed where (select count(*) from shop_objects) = 0',
      'update shop.events_51d923f4 as e',
      'create temp table shop_read as',
      'create temp table shop_incoming as',
      'create temp table shop_shared as',
      'create temp table shop_copies as',
      expect.stringMatching(/^insert into shop.rejects_51d923f4 \(source, shard_id/),
      expect.stringMatching(/^insert into shop.duplicates_51d923f4 /),
      expect.stringMatching(/^insert into shop.events_51d923f4 /),
      expect.stringMatching(/^insert into shop.rejects_51d923f4 \(source, object_key/),
      expect.stringMatching(/^insert into shop.runs /),
      expect.stringMatching(/^insert into shop.ledger_51d923f4 /),
      'delete from shop.staged',
      'select accepted, known, unseen, changed, staged, refused, expected from shop_found',
      'drop table shop_read, shop_incoming, shop_shared, shop_copies, shop_scanned, shop_malformed, shop_objects, shop_found',
    ]);
    const all = ['{{files}}', '{{load_role}}', '{{manifest}}', '{{may_refuse}}', '{{objects}}', '{{run_id}}'];
    for (const { inPlace } of [logs!, archive!]) expect(placeholders(inPlace.statements)).toEqual(all);
    const exact = ['{{load_role}}', '{{manifest}}', '{{objects}}', '{{records}}', '{{refused}}', '{{run_id}}'];
    for (const source of [logs!, archive!]) expect(placeholders(source.exact.statements)).toEqual(exact);
  });

  test.each([
    ['gzip', "format json 'noshred' gzip maxerror 100000 compupdate off statupdate off"],
    ['zstd', "format json 'noshred' zstd maxerror 100000 compupdate off statupdate off"],
    ['none', "format json 'noshred' maxerror 100000 compupdate off statupdate off"],
  ] as const)('reads objects with compression %s', (compression, options) => {
    expect(sources({ compression })[0]!.inPlace.statements[1]!.split('\n')[1]).toBe(options);
  });

  const columns = [
    { name: 'messageId' },
    { name: 'Sum', path: ['order', 'amount'] },
    { name: "it's", path: ['order', "it's"] },
  ];

  test.each([
    [{}, 'format csv ignoreheader 1 ignoreblanklines emptyasnull gzip compupdate off statupdate off'],
    [
      { compression: 'none', delimiter: ';' },
      "format csv delimiter ';' ignoreheader 1 ignoreblanklines emptyasnull compupdate off statupdate off",
    ],
  ] as const)('reads CSV %j into a table of its own and makes payloads of it', (overrides, options) => {
    const [logs] = sources({ format: 'csv', columns, ...overrides });
    const [, create, copy, payloads] = logs!.inPlace.statements;
    expect(create).toBe(
      'create temp table shop_records (\n  c1 varchar(65535),\n  c2 varchar(65535),\n  c3 varchar(65535)\n)',
    );
    expect(copy).toBe(`copy shop_records from {{manifest}} iam_role {{load_role}} manifest\n${options}`);
    expect(payloads).toContain("'messageId', c1,\n  'order', object(");
    expect(payloads).toMatch(
      /'amount', case when c2 ~ '[^']+' and can_json_parse\(c2\) then json_parse\(c2\) else c2::super end/,
    );
    expect(payloads).toContain("'it''s', nullif(rtrim(c3, chr(13)), '')");
    expect(logs!.inPlace.statements).toContain(
      'drop table shop_read, shop_incoming, shop_shared, shop_copies, shop_records, shop_scanned, shop_malformed, shop_objects, shop_found',
    );
    expect(logs!.shape).toMatchObject({
      format: 'csv',
      columns: [{ name: 'messageId', spelling: 'text' }, { spelling: 'number' }, {}],
    });
    expect(logs!.inPlace.statements.length).toBeLessThanOrEqual(40);
  });

  test('reads Parquet by the types that are declared', () => {
    const types = ['varchar', 'double', 'decimal(12,2)', 'timestamp'] as const;
    const [logs] = sources({
      format: 'parquet',
      compression: 'none',
      columns: types.map((type, n) => ({ name: `x${n}`, type })),
    });
    const [, create, copy, payloads] = logs!.inPlace.statements;
    expect(create).toContain('c1 varchar(65535),\n  c2 double precision,\n  c3 decimal(12,2),\n  c4 timestamp');
    expect(copy!.split('\n')[1]).toBe('format parquet statupdate off');
    expect(payloads).toContain("'x2', c3,\n  'x3', replace(to_char(c4, 'YYYY-MM-DD HH24:MI:SS.US'), ' ', 'T') || 'Z'");
  });

  test('the archive is a source of every pipeline, the last', () => {
    expect(sources().map(({ name, bucket, globs }) => [name, bucket, globs])).toEqual([
      ['logs', 'history', ['shop/*/*.gz']],
      ['archive', 'archive', ['archive/shop/**']],
    ]);
    expect(loadPlan(aPipeline()).sources.map(({ name }) => name)).toEqual(['archive']);
  });
});

describe('the export plan', () => {
  const quoted = anExport(
    'sold',
    `-- One row: a sale.\nselect id, at\nfrom shop.events\nwhere kind = 'a'\n  and id <> '\\\\'`,
  );
  const planOf = (definition: ExportDefinition) => exportPlan(aPipeline({ exports: [definition] })).exports[0]!;
  const item = planOf(quoted);

  test('literals of the query are quoted once more inside UNLOAD, backslashes too', () => {
    expect(item.unload).toBe(String.raw`unload ('select exported.id, exported.at
from (
  select id, at
  from shop.events
  where kind = ''a''
    and id <> ''\\\\''
) as exported
where exported.at >= {{window_start:nested}}::timestamp and exported.at < {{window_end:nested}}::timestamp')
to {{target}} iam_role {{unload_role}}
format parquet manifest verbose encrypted auto maxfilesize 256 mb`);
  });

  test('the ledger takes a run once, and nobody looks at it at the same time', () => {
    const [lock, insert] = item.record;
    expect(lock).toBe('lock shop.exports');
    expect(insert).toContain("on p.export = 'sold' and p.location = g.location\nwhere p.location is null");
    expect(placeholders(item.record)).toEqual(['{{publications}}']);
  });

  test.each([
    ['hour', "date_trunc('hour', exported.at)"],
    ['week', "date_trunc('week', exported.at)"],
    ['month', "date_trunc('month', exported.at)"],
    [
      { minutes: 15 },
      "dateadd(minute, datediff(minute, date_trunc('day', exported.at), exported.at) - mod(datediff(minute, date_trunc('day', exported.at), exported.at), 15), date_trunc('day', exported.at))",
    ],
  ] as const)('windows of %j are aligned in UTC', (window, expression) => {
    const { survey } = planOf({ ...quoted, content: { kind: 'incremental', timeColumn: 'at', window } });
    expect(survey).toContain(`select ${expression} as window_start`);
  });

  test.each<[ExportFormat, string]>([
    [{ kind: 'csv' }, 'format csv header gzip manifest verbose encrypted auto maxfilesize 256 mb'],
    [
      { kind: 'csv', header: false, gzip: false, delimiter: "'" },
      "format csv delimiter '''' manifest verbose encrypted auto maxfilesize 256 mb",
    ],
    [{ kind: 'json', maxFileMb: 5 }, 'format json gzip manifest verbose encrypted auto maxfilesize 5 mb'],
    [
      { kind: 'parquet', rowGroupMb: 64, partitionBy: ['id'] },
      'format parquet rowgroupsize 64 mb partition by (id) manifest verbose encrypted auto maxfilesize 256 mb',
    ],
  ])('%j', (format, options) => {
    expect(
      planOf({ ...quoted, format })
        .unload.split('\n')
        .at(-1),
    ).toBe(options);
  });

  test('a snapshot has no window in its query and none to survey', () => {
    const snapshot = planOf({ ...quoted, content: { kind: 'snapshot', every: 'day' } });
    expect(placeholders([snapshot.unload, snapshot.count])).toEqual(['{{target}}', '{{unload_role}}']);
    expect(snapshot.survey).toBeUndefined();
  });

  test('all columns of a view are named, so that a new one changes no file', () => {
    const views = [aView('best', 'select id, amount, at from shop.events')];
    const [all] = exportPlan(aPipeline({ views, exports: [{ ...quoted, query: 'select * from shop.best' }] })).exports;
    expect(all!.columns).toEqual([
      { name: 'id', type: 'varchar(16)' },
      { name: 'amount', type: 'decimal(6,2)' },
      { name: 'at', type: 'timestamp' },
    ]);
    expect(all!.unload).toContain('select exported.id, exported.amount, exported.at');
  });
});
