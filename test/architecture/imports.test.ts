import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(__dirname, '../..');
const packages = readdirSync(join(root, 'packages'));
const rooms = [
  ...['bin', 'cli', 'lib', 'sql', 'pipelines', 'environments', 'lambda', 'local', 'ui', 'bench'],
  ...packages.map((name) => `packages/${name}`),
];

interface Import {
  /** File, from the root. */
  readonly from: string;
  /** As it is written. */
  readonly target: string;
  /** File from the root, or the package's name. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** True for a call, which may come later than the start. */
  readonly isCall: boolean;
}

const files = (folder: string): string[] =>
  !existsSync(join(root, folder))
    ? []
    : readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : files(path);
        return /\.[jt]sx?$/.test(entry.name) ? [path] : [];
      });

const statement =
  /(?:\b(?:import|export)\s+(type\s+)?(?:[\w*\s{},$]*?\bfrom\s*)?|\b(?:require|import)\s*\(\s*)(['"])([^'"\n]+)\2/g;

function importsOf(from: string): Import[] {
  const text = readFileSync(join(root, from), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...text.matchAll(statement)].map(([whole, type, , target]) => ({
    from,
    target: target!,
    to: resolve(from, target!),
    typeOnly: type !== undefined,
    isCall: /^(?:require|import)\s*\(/.test(whole),
  }));
}

function resolve(from: string, target: string): string {
  if (!target.startsWith('.')) return exported(target) ?? target;
  const path = relative(root, join(root, dirname(from), target));
  return (
    [path, `${path}.ts`, `${path}.tsx`, `${path}.js`, join(path, 'index.ts')].find(
      (file) => /\.\w+$/.test(file) && existsSync(join(root, file)),
    ) ?? path
  );
}

/** The file behind a package of this repository, by its `exports`; undefined for what they do not name. */
function exported(target: string): string | undefined {
  const name = target.split('/')[0]!;
  if (!packages.includes(name)) return undefined;
  const entries: Record<string, string> = JSON.parse(
    readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'),
  ).exports;
  const wanted = `.${target.slice(name.length)}`;
  for (const [pattern, file] of Object.entries(entries)) {
    const [before, after] = pattern.split('*') as [string, string?];
    if (after === undefined ? wanted === pattern : wanted.startsWith(before) && wanted.endsWith(after))
      return join(
        'packages',
        name,
        file.replace('*', wanted.slice(before.length, wanted.length - (after ?? '').length)),
      );
  }
  return undefined;
}

const all = rooms.flatMap(files).flatMap(importsOf);
const isPackage = (to: string, name: string) => to === name || to.startsWith(`${name}/`);
const inside = (to: string) => rooms.some((room) => to.startsWith(`${room}/`));
const shown = ({ from, to }: Import) => `${from} -> ${to}`;
const contract = /^lambda\/[\w-]+\/contract\.ts$/;

/** What a room may import of the project beyond itself. */
const allowed: Record<string, RegExp[]> = {
  bin: [/^(cli|lib|environments|pipelines)\//, /^packages\/aws-local-kit\/src\/parent\.ts$/],
  cli: [
    /^(lib|sql|pipelines|environments|lambda|local|packages)\//,
    /^ui\/(api|server\/index)\.ts$/,
    /^test\/support\//,
  ],
  bench: [/./],
  lib: [
    /^(sql|pipelines|environments)\//,
    contract,
    /^lambda\/shared\/(env|freshness|pause|plan|quote|metrics)\.ts$/,
    /^lambda\/endpoint\/values\.ts$/,
  ],
  sql: [
    /^pipelines\//,
    contract,
    /^lambda\/shared\/(plan|quote|tombstone)\.ts$/,
    /^packages\/redshift-local\/src\/reserved-words\.ts$/,
  ],
  pipelines: [],
  environments: [],
  lambda: [/^packages\/kinesis-reader\/src\/aggregation\.ts$/],
  local: [/^packages\//],
  ui: [/^packages\/aws-local-kit\//],
  'packages/aws-local': [/^packages\/(aws-local-kit|kinesis-reader)\//],
  'packages/redshift-local': [/^packages\/(aws-local-kit|redshift-conformance)\//],
  'packages/redshift-conformance': [/^packages\/aws-local-kit\//],
};

test('finds imports at all', () => {
  expect(all.map(shown)).toContain('lambda/warehouse-object/host.ts -> lambda/shared/redshift-data.ts');
  expect(all.map(shown)).toContain('lambda/shared/redshift-data.ts -> @aws-sdk/client-redshift-data');
  expect(all.filter(({ to }) => to.startsWith('.') || (inside(to) && !existsSync(join(root, to)))).map(shown)).toEqual(
    [],
  );
});

test.each(rooms)('%s imports only what it may', (room) => {
  const foreign = all.filter(({ from, to }) => from.startsWith(`${room}/`) && inside(to) && !to.startsWith(`${room}/`));
  expect(foreign.filter(({ to }) => !(allowed[room] ?? []).some((pattern) => pattern.test(to))).map(shown)).toEqual([]);
});

test('a package is imported through its exports alone', () => {
  const packageOf = (file: string) => packages.find((name) => file.startsWith(`packages/${name}/`));
  const foreign = all.filter(({ from, to }) => packageOf(to) !== undefined && packageOf(to) !== packageOf(from));
  expect(foreign.length).toBeGreaterThan(100);
  expect(foreign.filter(({ target }) => target.startsWith('.')).map(shown)).toEqual([]);
  const unknown = all.filter(({ target, to }) => to === target && packages.includes(target.split('/')[0]!));
  expect(unknown.map(shown)).toEqual([]);
});

test('the tests of the app import a package through its exports, too', () => {
  const foreign = files('test')
    .flatMap(importsOf)
    .filter(({ to }) => to.startsWith('packages/'));
  expect(foreign.length).toBeGreaterThan(20);
  // record-statements.js watches the warehouse from inside, for .ci/check_sql.py.
  const others = foreign.filter(({ from }) => from !== 'test/run/record-statements.js');
  expect(others.filter(({ target }) => target.startsWith('.')).map(shown)).toEqual([]);
});

test.each([
  ['redshift-local', 'redshift-conformance', []],
  // Firehose splits aggregated records.
  ['aws-local', 'kinesis-reader', ['packages/kinesis-reader/src/aggregation.ts']],
])('%s needs %s for its tests and references alone, but for named files', (name, other, files) => {
  const served = all.filter(
    ({ from, to }) => from.startsWith(`packages/${name}/src/`) && to.startsWith(`packages/${other}/`),
  );
  expect([...new Set(served.map(({ to }) => to))]).toEqual(files);
});

test('the CDK is known in bin and lib alone', () => {
  const cdk = all.filter(({ to }) => ['aws-cdk-lib', 'constructs', 'cdk-nag'].some((name) => isPackage(to, name)));
  expect(cdk.filter(({ from }) => !/^(bin|lib)\//.test(from)).map(shown)).toEqual([]);
});

test('zod is known in lib/rules alone: it validates what people write, and no Lambda bundle carries it', () => {
  const zod = all.filter(({ to }) => isPackage(to, 'zod'));
  expect(zod.map(({ from }) => from)).toContain('lib/rules/shape.ts');
  expect(zod.filter(({ from }) => !from.startsWith('lib/rules/')).map(shown)).toEqual([]);
});

test('no Lambda core imports an AWS SDK: only handlers, hosts and the adapters in shared do', () => {
  const adapters = [
    'lambda/shared/client-settings.ts',
    'lambda/shared/forget-secret.ts',
    'lambda/shared/redshift-data.ts',
    'lambda/shared/redshift-status.ts',
    'lambda/shared/list-objects.ts',
    'lambda/shared/s3.ts',
    'lambda/shared/s3-bytes.ts',
    'lambda/shared/s3-direct.ts',
    'lambda/shared/sqs.ts',
    'lambda/shared/event-bus.ts',
  ];
  const sdk = all.filter(({ from, to }) => from.startsWith('lambda/') && /^@(aws-sdk|smithy)\//.test(to));
  expect(sdk.filter(({ from }) => !/\/(handler|host)\.ts$/.test(from) && !adapters.includes(from)).map(shown)).toEqual(
    [],
  );
});

test('only a handler calls createHost: a core imports the type of its host and no value', () => {
  const hosts = all.filter(({ from, to }) => from.startsWith('lambda/') && /^lambda\/[\w-]+\/host\.ts$/.test(to));
  expect(hosts.filter(({ from, typeOnly }) => !typeOnly && !from.endsWith('/handler.ts')).map(shown)).toEqual([]);
  expect(hosts.map(shown)).toContain('lambda/archive/handler.ts -> lambda/archive/host.ts');
});

/** Functions whose cores get the time from their host. */
const functionsWithClock = ['archive', 'endpoint', 'export', 'load', 'reconcile', 'refresh', 'warehouse-object'];

test.each(functionsWithClock)('the core of lambda/%s does not read the clock', (name) => {
  const cores = files(`lambda/${name}`).filter((file) => !/\/(handler|host)\.ts$/.test(file));
  expect(cores).not.toEqual([]);
  expect(
    cores.filter((file) => /\bDate\.now\b|\bnew Date\(\s*\)/.test(readFileSync(join(root, file), 'utf8'))),
  ).toEqual([]);
});

test('nothing imports a handler: cores are what can be used', () => {
  expect(all.filter(({ to }) => /^lambda\/[\w-]+\/handler\.ts$/.test(to)).map(shown)).toEqual([]);
});

test('process.env is read in bin, in one file of lambda/shared, and by what stands for the Lambda runtime', () => {
  const readersAllowed = [
    'lambda/shared/env.ts',
    'packages/aws-local/src/lambda/bootstrap.js',
    'packages/aws-local/src/main.ts',
    'packages/redshift-local/src/main.ts',
    'packages/redshift-local/src/process-settings.ts',
    'packages/redshift-conformance/src/process-settings.ts',
  ];
  const readers = rooms
    .flatMap(files)
    .filter((file) => !/^packages\/[\w-]+\/test\//.test(file))
    .filter((file) => /process\s*\.\s*env\b|process\[['"]env/.test(readFileSync(join(root, file), 'utf8')));
  expect(readers.filter((file) => !/^(bin|cli|bench)\//.test(file) && !readersAllowed.includes(file))).toEqual([]);
});

/** The groups of sql/ from the lowest to the highest, as the head of `sql/index.ts` describes them. Whatever is not listed is above them. */
const sqlLayers = [
  ['text'],
  ['tables'],
  ['typing', 'views'],
  ['endpoints'],
  ['resolve.ts'],
  ['merge'],
  ['forget'],
  ['history', 'exports', 'objects'],
  ['refresh', 'full'],
];
const sqlGroup = (file: string) => file.split('/')[1]!;
const sqlLayer = (file: string) => {
  const at = sqlLayers.findIndex((groups) => groups.includes(sqlGroup(file)));
  return at < 0 ? sqlLayers.length : at;
};

test('groups of sql import from lower groups only', () => {
  const within = all.filter(({ from, to }) => from.startsWith('sql/') && to.startsWith('sql/'));
  expect(sqlLayers.flat().filter((group) => !within.some(({ to }) => sqlGroup(to) === group))).toEqual([]);
  const others = within.filter(({ from, to }) => sqlGroup(from) !== sqlGroup(to) && sqlLayer(to) < sqlLayers.length);
  expect(others.filter(({ from, to }) => sqlLayer(from) <= sqlLayer(to)).map(shown)).toEqual([]);
});

test('no two files import each other, neither directly nor in a circle', () => {
  const targets = new Map<string, string[]>();
  for (const { from, to } of all) if (inside(to)) targets.set(from, [...(targets.get(from) ?? []), to]);
  expect(circles(targets)).toEqual([]);
});

test('a circle would be found', () => {
  const targets = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['a']],
  ]);
  expect(circles(targets)).toEqual([['a', 'b', 'c']]);
});

/** The groups of files that reach each other: strongly connected components by Tarjan's algorithm, each sorted. */
function circles(targets: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (file: string) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    open.push(file);
    for (const target of targets.get(file) ?? []) {
      if (!order.has(target)) visit(target);
      if (open.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const group = open.splice(open.indexOf(file));
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of targets.keys()) if (!order.has(file)) visit(file);
  return found;
}

/** The files that load with a file. */
function loadedWith(first: string): Set<string> {
  const loaded = new Set([first]);
  for (const from of loaded)
    for (const { to } of all.filter((one) => one.from === from && !one.typeOnly && !one.isCall)) loaded.add(to);
  return loaded;
}

test.each([
  ['sql', /^(?:sql|lib)\//],
  ['endpoints', /^(?:sql|lib)\//],
  ['files', /^sql\/(?:index|(?:api|endpoints|exports|objects|refresh)\/.*)\.ts$|^lib\//],
  ['status', /^sql\/(?:index|(?:api|endpoints|objects|refresh|history)\/.*)\.ts$/],
])(
  'the command %s starts without a compiler that it does not need, and without the local servers',
  (verb, unwanted) => {
    const loaded = [...loadedWith(`cli/commands/${verb}.ts`)];
    expect(
      loaded.filter((file) => unwanted.test(file) || /^packages\/aws-local-kit\/src\/gateway\//.test(file)),
    ).toEqual([]);
  },
);
