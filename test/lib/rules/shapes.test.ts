import type { Environment } from '../../../environments/environment';
import { validateConfiguration } from '../../../lib/rules';
import type { Pipeline } from '../../../pipelines/definition';
import { isSecondTier } from '../../support/tier';
import { serverless, testEnvironment } from '../fixtures';

const now = Date.parse('2026-11-29T00:00:00Z');

/** Uses every field at least once. */
const pipelines: readonly Pipeline[] = [
  {
    name: 'shop',
    stack: 'more',
    stream: {
      capacity: { mode: 'provisioned', shards: 2 },
      retentionHours: 48,
      landedHours: 96,
      recreatedAt: '2026-11-21T10:00:00Z',
    },
    identity: { by: 'columns', columns: ['id'], mayReject: true },
    columns: [
      { name: 'id', type: 'varchar', maxBytes: 16, oneOf: ['a', 'b'], path: ['id'], required: true },
      {
        name: 'price',
        type: 'decimal',
        precision: 6,
        scale: 2,
        path: ['order', 'price'],
        stored: 'price_2',
        fill: true,
        replaces: 'old_price',
        mayLose: true,
      },
      { name: 'at', type: 'timestamp', path: ['at'] },
    ],
    history: [
      {
        name: 'logs',
        globs: ['shop/*.gz'],
        format: 'csv',
        compression: 'gzip',
        delimiter: ';',
        overwritten: 'alarm',
        columns: [{ name: 'ID', path: ['id'] }],
      },
      {
        name: 'files',
        globs: ['files/*'],
        format: 'parquet',
        compression: 'none',
        columns: [{ name: 'id', type: 'varchar' }],
      },
    ],
    refreshEveryMinutes: 5,
    views: [
      {
        name: 'prices',
        file: 'views/prices.sql',
        query: 'select id, sum(price) as total from shop.events group by id',
        recomputed: true,
        mayShrink: 0.5,
        mayGrow: 2,
      },
    ],
    exports: [
      {
        name: 'sold',
        file: 'exports/sold.sql',
        query: 'select id, at from shop.events',
        engine: 'redshift',
        content: {
          kind: 'incremental',
          timeColumn: 'at',
          window: { minutes: 10 },
          latenessMinutes: 5,
          since: '2026-01-01',
          corrections: true,
        },
        format: { kind: 'parquet', maxFileMb: 64, partitionBy: ['id'] },
        everyMinutes: 5,
        windowsPerTick: 10,
      },
      {
        name: 'state',
        file: 'exports/state.sql',
        query: 'select id, at from shop.events',
        content: { kind: 'snapshot', every: 'day' },
        format: { kind: 'csv', header: false, delimiter: ';', gzip: false },
      },
      {
        name: 'live',
        file: 'exports/live.sql',
        query: 'select id from sales',
        engine: 'materialize',
        columns: [{ name: 'id', type: 'text' }],
        content: { kind: 'snapshot', every: 'hour' },
        format: { kind: 'parquet' },
      },
    ],
  },
];
const secret = 'mz_1b2c3d4e-0000-4000-8000-000000000001_u1';
const environments: readonly Environment[] = [
  testEnvironment({
    account: '555555555555',
    region: 'eu-west-1',
    warehouse: {
      kind: 'provisioned',
      nodeType: 'ra3.large',
      nodeCount: 2,
      snapshotRetentionDays: 3,
      pause: { pauseAt: 'cron(0 20 * * ? *)', resumeAt: 'cron(0 6 * * ? *)' },
    },
    fullPassHour: 3,
    dropData: ['shop'],
    smoke: true,
    budget: { monthlyDollars: 500, warnAt: 90, pauseAt: 110 },
    alarmEmail: 'a@example.com',
    materialize: {
      host: 'x.example.com',
      port: 6875,
      database: 'd',
      user: 'u',
      cluster: 'c',
      connection: 'e',
      partner: 'mz',
    },
    exportNotifications: [{ export: 'shop.sold', to: 'arn:aws:sqs:eu-west-1:555555555555:done' }],
    partners: [
      {
        name: 'reader',
        who: { kind: 'aws', principal: 'arn:aws:iam::111122223333:root' },
        access: { mode: 'read', exports: ['shop.sold'] },
        externalId: { kind: 'generated', generations: [1, 2] },
        until: '2027-03-31',
      },
      {
        name: 'mz',
        who: { kind: 'materialize' },
        access: { mode: 'write' },
        externalId: { kind: 'given', values: [secret] },
      },
      {
        name: 'snow',
        who: { kind: 'snowflake', userArn: 'arn:aws:iam::777788889999:user/snow' },
        access: { mode: 'write' },
        externalId: { kind: 'awaited' },
      },
    ],
  }),
  testEnvironment({
    name: 'other',
    warehouse: serverless,
    materialize: { host: 'x', user: 'u', cluster: 'c', connection: 'e', partner: 'mz' },
    partners: [
      { name: 'mz', who: { kind: 'materialize' }, access: { mode: 'write' }, externalId: { kind: 'awaited' } },
    ],
  }),
];

const validate = (given: { pipelines: unknown; environments: unknown }) =>
  validateConfiguration(given.pipelines as readonly Pipeline[], given.environments as readonly Environment[], now);
const valid = { pipelines, environments };

test('a configuration that uses every field has no problems', () => {
  expect(validate(valid)).toEqual([]);
});

type Path = readonly (string | number)[];

function paths(value: unknown, at: Path = []): Path[] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [at, ...inner.flatMap(([key, item]) => paths(item, [...at, Array.isArray(value) ? Number(key) : key]))];
}

const all = paths(valid).filter((path) => path.length > 0);
const at = (path: Path) => path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], valid);

/** The configuration with another value at the path, or without the field where the value is `gone`. */
function changed(path: Path, value: unknown): typeof valid {
  const copy = structuredClone(valid) as unknown as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce<Record<string, unknown>>((node, key) => node[key] as never, copy);
  const last = path.at(-1)!;
  if (value === gone) delete parent[last];
  else parent[last] = value;
  return copy as unknown as typeof valid;
}
const gone = Symbol('gone');

const kind = (value: unknown) => (Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value);
const wrongValues: unknown[] = [
  null,
  true,
  'true',
  '',
  '5',
  -1,
  0.5,
  Number.NaN,
  [],
  {},
  [null],
  ['x'],
  new Date(0),
  Symbol('x'),
  () => 'x',
  Number.POSITIVE_INFINITY,
  ...(isSecondTier
    ? [10n, 1e308, 'x'.repeat(100_000), Array.from({ length: 1000 }, () => 'x'), Object.create(null)]
    : []),
];
/** Longest line that a person still reads. */
const longestProblem = 600;

const first = (path: Path) => path[0] as 'pipelines' | 'environments';

test.each(all.map((path) => [path.join('.'), path] as const))('%s of every wrong type is a problem', (_, path) => {
  for (const value of wrongValues.filter((candidate) => kind(candidate) !== kind(at(path)))) {
    if (path.at(-1) === 'window' && typeof value === 'string') continue;
    const problems = validate(changed(path, value));
    expect(problems.join('\n')).toMatch(new RegExp(`^${first(path)}`, 'm'));
    for (const problem of problems) {
      expect(problem).toMatch(/^(pipelines|environments)(\.|\[| must)/);
      expect(problem.length).toBeLessThan(longestProblem);
    }
  }
});

test.each(all.map((path) => [path.join('.'), path] as const))('no other value of %s throws', (_, path) => {
  for (const value of [...wrongValues.filter((candidate) => kind(candidate) === kind(at(path))), gone])
    expect(() => validate(changed(path, value))).not.toThrow();
});

/** A window is one value with one rule, so its fields are not compared. */
const records = all.filter((path) => kind(at(path)) === 'object' && path.at(-1) !== 'window');

test.each(records.map((path) => [path.join('.'), path] as const))(
  'a field that %s does not have is named',
  (_, path) => {
    const [field] = Object.keys(at(path) as object);
    const problems = validate(changed([...path, `${field}s`], 1));
    expect(problems).toContainEqual(
      expect.stringMatching(new RegExp(`\\.${field}s is unknown; did you mean ${field}\\?$`)),
    );
    expect(validate(changed([...path, 'xyzzy'], 1)).join('\n')).toMatch(
      /\.xyzzy is unknown; known are .*\w+, \w+|known are \w+/,
    );
  },
);

test.each(all.map((path) => [path.join('.'), path] as const))(
  'a secret in the place of %s is not printed',
  (_, path) => {
    if (!path.includes('externalId')) return;
    for (const value of [secret, [secret, secret, secret], { values: secret }, [{ secret }], { kind: secret }])
      expect(validate(changed(path, value)).join('\n')).not.toContain(secret);
  },
);

test.each<[string, string]>([
  ['../shop', 'got "../shop"'],
  ['shop"; drop schema shop; --', 'got "shop\\"; drop schema shop; --"'],
  ["shop'", `got "shop'"`],
  ['sh\u043ep', 'got "sh\\u{43e}p"'],
  ['shop\u200b', 'got "shop\\u{200b}"'],
  ['\uff53hop', 'got "\\u{ff53}hop"'],
  ['shop\n', 'got "shop\\n"'],
  ['s'.repeat(200), 'got "sss'],
  ['pg_shop', 'got "pg_shop"'],
  ['public', 'got "public"'],
  ['Shop', 'got "Shop"'],
  ['', 'got ""'],
])('no pipeline, view, export, column or source is called %j', (name, got) => {
  const places: Path[] = [[], ['views', 0], ['exports', 0], ['columns', 0], ['history', 0]];
  for (const place of places) {
    if (place.length > 0 && /^(pg_shop|public)$/.test(name)) continue;
    const problems = validate(changed(['pipelines', 0, ...place, 'name'], name));
    const own = problems.find((problem) => /name must be .*lower-case/.test(problem));
    expect(own).toContain(got);
    expect(own).not.toMatch(/[^ -~…]/);
  }
});

test('an unknown field of any name is shown so that it can be read', () => {
  for (const key of ['na\u043ce', 'name\n', '__proto__x', 'x'.repeat(100_000), 'constructor', '\u202ename']) {
    const [problem = ''] = validate(changed(['pipelines', 0, key], 1));
    expect(problem).toMatch(/^pipelines\.shop\..* is unknown; /);
    expect(problem).not.toMatch(/[^ -~…]/);
    expect(problem.length).toBeLessThan(longestProblem);
  }
});

test('a secret that two partners share is not printed', () => {
  const problems = validate(
    changed(['environments', 0, 'partners', 0, 'externalId'], { kind: 'given', values: [secret] }),
  );
  expect(problems).toEqual(['environments.test.partners must not share an external id, which reader and mz do']);
});

test.each<[Path, unknown, string]>([
  [
    ['pipelines', 0, 'columns', 1, 'type'],
    'text',
    'pipelines.shop.columns.price.type must be one of varchar, char, integer, bigint, decimal, double, boolean, date, time, timestamp, timestamptz, super, got "text"',
  ],
  [
    ['pipelines', 0, 'refreshEveryMinutes'],
    '5',
    'pipelines.shop.refreshEveryMinutes must be a whole number between 1 and 59, got "5"',
  ],
  [
    ['pipelines', 0, 'columns', 0, 'required'],
    'true',
    'pipelines.shop.columns.id.required must be true or false, got "true"',
  ],
  [['pipelines', 0, 'columns', 0, 'path'], 'id', 'pipelines.shop.columns.id.path must be a list, got "id"'],
  [['pipelines', 0, 'views'], null, 'pipelines.shop.views must be a list, got null'],
  [['pipelines', 0, 'columns', 2], undefined, 'pipelines.shop.columns[2] must be an object with type, got nothing'],
  [
    ['pipelines', 0, 'stream', 'recreatedAt'],
    '2027-01-01T00:00:00Z',
    'pipelines.shop.stream.recreatedAt must not lie in the future, got "2027-01-01T00:00:00Z"',
  ],
  [
    ['environments', 0, 'schedulesEnabled'],
    'false',
    'environments.test.schedulesEnabled must be true or false, got "false"',
  ],
  [
    ['environments', 0, 'partners', 1, 'externalId'],
    secret,
    'environments.test.partners.mz.externalId must be an object with kind, got a text of 42 characters',
  ],
  [
    ['environments', 0, 'partners', 0, 'until'],
    new Date(0),
    'environments.test.partners.reader.until must be a day, as in 2027-03-31, got a Date',
  ],
  [
    ['environments', 0, 'partners', 0, 'until'],
    '0027-03-31',
    'environments.test.partners.reader.until must be a day, as in 2027-03-31, got "0027-03-31"',
  ],
  [['pipelines'], {}, 'pipelines must be a list, got {}'],
])('%j as %j', (path, value, expected) => {
  expect(validate(changed(path, value))).toContain(expected);
});

test('problems of all fields come at once, whatever their kind', () => {
  const wrong = structuredClone(valid) as never as {
    pipelines: [Record<string, never>];
    environments: [Record<string, never>];
  };
  Object.assign(wrong.pipelines[0], { refreshEveryMinutes: 0, stack: 5, veiws: [] });
  Object.assign(wrong.pipelines[0]['stream']!, { retentionHours: 12 });
  Object.assign(wrong.environments[0], { database: 'Mill Race', smoke: 'yes' });
  expect(validate(wrong).map((problem) => problem.split(' ')[0])).toEqual([
    'pipelines.shop.stream.retentionHours',
    'pipelines.shop.stack',
    'pipelines.shop.refreshEveryMinutes',
    'pipelines.shop.veiws',
    'environments.test.database',
    'environments.test.smoke',
  ]);
});
