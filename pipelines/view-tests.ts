import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';

/** An expected cell: text for texts, timestamps and decimals, text or number for numbers, null for an empty cell. */
export type ExpectedCell = string | number | boolean | null;

/** A test of a view: records in, rows out. */
export interface ViewTest {
  /** What the test shows. */
  readonly name: string;
  /** Payloads in the order in which producers send them. A text is sent unchanged, whether or not it is JSON. */
  readonly events: readonly unknown[];
  /**
   * The rows of the view afterwards, in any order. Columns that are not named are not compared. All rows name the
   * same columns.
   */
  readonly rows: readonly Readonly<Record<string, ExpectedCell>>[];
}

/**
 * Reads the tests of a view: `views/<view>.test.yaml`, a list of `{ name, events, rows }`, or `views/<view>.test.ts`,
 * which exports such a list as `tests`. Undefined if there is neither.
 * @throws Error naming the file, the field and what is allowed
 */
export function readViewTests(folder: string, view: string): readonly ViewTest[] | undefined {
  const shown = (file: string) => `pipelines/${basename(folder)}/views/${file}`;
  const yaml = `${view}.test.yaml`;
  const path = (file: string) => join(folder, 'views', file);
  if (existsSync(path(yaml))) return checked(parsed(readFileSync(path(yaml), 'utf8'), shown(yaml)), shown(yaml));
  const script = `${view}.test.ts`;
  if (!existsSync(path(script))) return undefined;
  const { tests } = require(path(script)) as { tests?: unknown };
  return checked(tests, shown(script));
}

function parsed(text: string, file: string): unknown {
  try {
    return parse(text, { uniqueKeys: true });
  } catch (error) {
    throw new Error(`${file} is not YAML: ${(error as Error).message.split('\n')[0]}`, { cause: error });
  }
}

const fields = ['name', 'events', 'rows'];

function checked(value: unknown, file: string): ViewTest[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong(file, 'a list of tests with at least one', value);
  const tests = value.map((test, index) => testAt(test, `${file}[${index}]`));
  const twice = tests.find(({ name }, index) => tests.findIndex((other) => other.name === name) < index);
  if (twice) throw new Error(`${file} must have tests of different names, got ${JSON.stringify(twice.name)} twice`);
  return tests;
}

function testAt(value: unknown, at: string): ViewTest {
  const test = recordAt(value, at);
  const unknown = Object.keys(test).find((field) => !fields.includes(field));
  if (unknown !== undefined) throw new Error(`${at}.${unknown} is not known; a test has ${fields.join(', ')}`);
  const { name, events, rows } = test;
  if (typeof name !== 'string' || name.trim() === '')
    throw wrong(`${at}.name`, 'a text that says what the test shows', name);
  if (!Array.isArray(events)) throw wrong(`${at}.events`, 'a list of payloads', events);
  if (!Array.isArray(rows)) throw wrong(`${at}.rows`, 'a list of rows, which may be empty', rows);
  const records = rows.map((row, index) => rowAt(row, `${at}.rows[${index}]`));
  const columns = Object.keys(records[0] ?? {})
    .sort()
    .join(', ');
  for (const [index, row] of records.entries())
    if (Object.keys(row).sort().join(', ') !== columns)
      throw new Error(
        `${at}.rows[${index}] must name the columns of the first row (${columns}), got ${Object.keys(row).sort().join(', ')}`,
      );
  return { name, events, rows: records };
}

function rowAt(value: unknown, at: string): Record<string, ExpectedCell> {
  const row = recordAt(value, at);
  const names = Object.keys(row);
  if (names.length === 0) throw wrong(at, 'an object of columns', value);
  for (const name of names) {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw wrong(`${at}.${name}`, 'a column in lower-case snake_case', name);
    const cell = row[name];
    if (cell !== null && !['string', 'number', 'boolean'].includes(typeof cell))
      throw wrong(`${at}.${name}`, 'a text, a number, true, false or null', cell);
  }
  return row as Record<string, ExpectedCell>;
}

function recordAt(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'an object', value);
  return value as Record<string, unknown>;
}

const longestShown = 200;

function wrong(at: string, rule: string, got: unknown): Error {
  const shown = JSON.stringify(got) ?? String(got);
  const cut = shown.length > longestShown ? `${shown.slice(0, longestShown)}…` : shown;
  return new Error(`${at} must be ${rule}, got ${cut}`);
}
