/**
 * Nasty files, read by Millrace, DuckDB, dlt and quicktype: of how many columns each decides on a type that loses nothing,
 * and of how many on one that changes values without a word. dlt comes from PyPI and quicktype from npm, into a temporary
 * folder; a reader that cannot be installed is left out. Files that Millrace refuses as a whole are left out.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { planFields } from '../cli/commands/new/make-plan';
import { openText } from '../cli/commands/new/source';
import { mostBytes, profile } from '../cli/profile';
import { type ExpectedColumn, type Family, type NastyFile, nastyFiles } from '../test/cli/new/nasty-files';
import { python, runProgram } from '../test/judges/ministack/processes';
import { print } from './print';

const run = promisify(execFile);

/** The family of each expected column. Undefined if the reader refuses the file. */
type Reading = ReadonlyMap<string, Family> | undefined;
type Reader = (file: NastyFile, path: string) => Promise<Reading>;

export async function nastyTable(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-nasty-'));
  try {
    const readers: [string, Reader | undefined][] = [
      ['Millrace', millrace],
      ['DuckDB', duckdb],
      ['dlt', await dlt(folder)],
      ['quicktype', await quicktype(folder)],
    ];
    for (const [name, reader] of readers) if (!reader) print(`${name} is out of reach and left out`);
    const shown = readers.filter((entry): entry is [string, Reader] => entry[1] !== undefined);
    print(`| file | ${shown.map(([name]) => name).join(' | ')} |`);
    print(`|---|${shown.map(() => '---|').join('')}`);
    const totals = shown.map(() => ({ right: 0, wrong: 0, columns: 0 }));
    for (const file of nastyFiles.filter(({ columns }) => columns.length > 0)) {
      const path = join(folder, file.file);
      writeFileSync(path, file.content());
      const cells: string[] = [];
      for (const [index, [, reader]] of shown.entries()) {
        const reading = await reader(file, path);
        const count = judged(file.columns, reading);
        const total = totals[index]!;
        total.right += count.right;
        total.wrong += count.wrong;
        total.columns += file.columns.length;
        cells.push(reading === undefined ? 'refused' : cell(count, file.columns.length));
      }
      print(`| ${file.name} | ${cells.join(' | ')} |`);
    }
    print(`| **all columns** | ${totals.map((total) => `**${cell(total, total.columns)}**`).join(' | ')} |`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const cell = ({ right, wrong }: { right: number; wrong: number }, columns: number) =>
  `${right} of ${columns}${wrong > 0 ? `, ${wrong} wrong` : ''}`;

function judged(columns: readonly ExpectedColumn[], reading: Reading) {
  const of = (list: 'right' | 'wrong') =>
    columns.filter((each) => each[list].includes(reading?.get(each.path) ?? 'missing'));
  return { right: reading ? of('right').length : 0, wrong: reading ? of('wrong').length : 0 };
}

const ours: Readonly<Record<string, Family>> = { varchar: 'text', bigint: 'integer', super: 'payload' };

async function millrace(_: NastyFile, path: string): Promise<Reading> {
  const source = openText(path, mostBytes);
  const fields = planFields(await profile(source.blocks(), { format: source.format }));
  return new Map(
    fields.map(({ path: at, column }) => [
      at.join('.'),
      column ? (ours[column.type] ?? (column.type as Family)) : 'payload',
    ]),
  );
}

const ofDuckdb = (type: string): Family => {
  if (/^(STRUCT|MAP|JSON)|\[\]$/.test(type)) return 'payload';
  if (type === 'HUGEINT' || type.startsWith('DECIMAL')) return 'decimal';
  if (/INT/.test(type)) return 'integer';
  const names: Readonly<Record<string, Family>> = {
    DOUBLE: 'double',
    VARCHAR: 'text',
    BOOLEAN: 'boolean',
    TIMESTAMP: 'timestamp',
    'TIMESTAMP WITH TIME ZONE': 'timestamptz',
    DATE: 'date',
    TIME: 'time',
  };
  return names[type] ?? 'payload';
};

async function duckdb({ file }: NastyFile, path: string): Promise<Reading> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run(
      `create table t as select * from ${file.endsWith('csv') ? 'read_csv_auto' : 'read_json_auto'}('${path}')`,
    );
    const { columnNames, rows } = await connection
      .runAndReadAll("select column_name, data_type from duckdb_columns() where table_name = 't'")
      .then((result) => ({ columnNames: result.columnNames(), rows: result.getRows() as string[][] }));
    return columnNames.length === 0 ? undefined : new Map(rows.map(([name, type]) => [name!, ofDuckdb(type!)]));
  } catch {
    return undefined;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const dltScript = `
import json, os, sys
import dlt
from dlt.sources.filesystem import filesystem, read_jsonl, read_csv_duckdb
path, expected = sys.argv[1], json.loads(sys.argv[2])
reader = read_csv_duckdb() if path.endswith(".csv") else read_jsonl()
files = filesystem(bucket_url="file://" + os.path.dirname(path), file_glob=os.path.basename(path))
pipeline = dlt.pipeline("nasty", destination=dlt.destinations.duckdb(sys.argv[3]), dataset_name="nasty", pipelines_dir=sys.argv[3] + ".dir", dev_mode=True)
pipeline.run((files | reader).with_name("t"))
schema = pipeline.default_schema
columns = schema.tables["t"]["columns"]
seen, found = {}, {}
for name in expected:
    normal = schema.naming.normalize_identifier(name) if name else name
    variants = [key for key in columns if key.startswith(normal + "__")]
    tables = [key for key in schema.tables if key.startswith("t__" + normal)]
    if normal in seen:
        found[name] = "merged"
    elif variants or tables:
        found[name] = "variants"
    elif normal in columns:
        column = columns[normal]
        found[name] = column.get("data_type", "none") + ("" if column.get("timezone", True) else " local")
    seen[normal] = True
print("\\n" + json.dumps(found))
`;

const ofDlt: Readonly<Record<string, Family>> = {
  text: 'text',
  bigint: 'integer',
  double: 'double',
  decimal: 'decimal',
  wei: 'decimal',
  bool: 'boolean',
  timestamp: 'timestamptz',
  'timestamp local': 'timestamp',
  date: 'date',
  time: 'time',
  json: 'payload',
  variants: 'payload',
};

async function dlt(folder: string): Promise<Reader | undefined> {
  const log = join(folder, 'dlt.log');
  const program = await python('dlt-files', ['dlt[duckdb,filesystem]>=1'], log).catch(() => undefined);
  if (program === undefined) return undefined;
  const script = join(folder, 'read-files.py');
  writeFileSync(script, dltScript);
  let runs = 0;
  return async ({ columns }, path) => {
    const env = { RUNTIME__DLTHUB_TELEMETRY: 'false', RUNTIME__LOG_LEVEL: 'CRITICAL' };
    runs += 1;
    const args = [script, path, JSON.stringify(columns.map((each) => each.path)), join(folder, `dlt-${runs}.duckdb`)];
    const said = await runProgram(program, args, env, log, 120_000, folder).catch(() => undefined);
    const last = said?.trim().split('\n').at(-1);
    if (last === undefined || !last.startsWith('{')) return undefined;
    return new Map(
      Object.entries(JSON.parse(last) as Record<string, string>).map(([path, type]) => [
        path,
        ofDlt[type] ?? 'missing',
      ]),
    );
  };
}

interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

async function quicktype(folder: string): Promise<Reader | undefined> {
  const home = join(folder, 'quicktype');
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{"private":true}');
  const installed = await run('npm', ['install', 'quicktype@26.0.0', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: home,
    timeout: 240_000,
  }).then(
    () => true,
    () => false,
  );
  if (!installed) return undefined;
  return async ({ file }, path) => {
    // It reads JSON documents, not lines and no CSV.
    if (!file.endsWith('.ndjson')) return undefined;
    const nasty = nastyFiles.find((each) => each.file === file)!;
    const lines = nasty
      .content()
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    writeFileSync(`${path}.json`, `[${lines.join(',')}]`);
    try {
      const program = join(home, 'node_modules/.bin/quicktype');
      const { stdout } = await run(program, ['--lang', 'schema', '--src-lang', 'json', `${path}.json`], {
        timeout: 120_000,
        maxBuffer: 1e8,
      });
      return readingOf(JSON.parse(stdout) as JsonSchema);
    } catch {
      return undefined;
    }
  };
}

function readingOf(schema: JsonSchema): Reading {
  const definition = (of: JsonSchema | undefined): JsonSchema | undefined =>
    of?.$ref ? schema.definitions?.[of.$ref.split('/').at(-1)!] : of;
  const row = definition(schema.items);
  return new Map(Object.entries(row?.properties ?? {}).map(([name, of]) => [name, ofSchema(definition(of))]));
}

function ofSchema(of: JsonSchema | undefined): Family {
  if (of === undefined || of.anyOf) return 'payload';
  if (of.format === 'date-time') return 'timestamptz';
  if (of.format === 'date') return 'date';
  if (of.format === 'time') return 'time';
  const names: Readonly<Record<string, Family>> = {
    integer: 'integer',
    number: 'double',
    string: 'text',
    boolean: 'boolean',
  };
  return names[of.type ?? ''] ?? 'payload';
}
