import { parse } from 'yaml';

/** An expected cell: text for texts, timestamps and decimals, text or number for numbers, null for an empty cell. */
type ExpectedCell = string | number | boolean | null;

export type ExpectedRow = Readonly<Record<string, ExpectedCell>>;

export function parsed(text: string, file: string): unknown {
  try {
    return parse(text, { uniqueKeys: true });
  } catch (error) {
    throw new Error(`${file} is not YAML: ${(error as Error).message.split('\n')[0]}`, { cause: error });
  }
}

/** A list of tests of different names, each read by `testAt`. */
export function testsOf<Test extends { readonly name: string }>(
  value: unknown,
  file: string,
  testAt: (value: unknown, at: string) => Test,
): Test[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong(file, 'a list of tests with at least one', value);
  const tests = value.map((test, index) => testAt(test, `${file}[${index}]`));
  const twice = tests.find(({ name }, index) => tests.findIndex((other) => other.name === name) < index);
  if (twice) throw new Error(`${file} must have tests of different names, got ${JSON.stringify(twice.name)} twice`);
  return tests;
}

/** Rows that all name the same columns. */
export function rowsAt(rows: unknown, at: string): ExpectedRow[] {
  if (!Array.isArray(rows)) throw wrong(at, 'a list of rows, which may be empty', rows);
  const records = rows.map((row, index) => rowAt(row, `${at}[${index}]`));
  const columns = Object.keys(records[0] ?? {})
    .sort()
    .join(', ');
  for (const [index, row] of records.entries())
    if (Object.keys(row).sort().join(', ') !== columns)
      throw new Error(
        `${at}[${index}] must name the columns of the first row (${columns}), got ${Object.keys(row).sort().join(', ')}`,
      );
  return records;
}

function rowAt(value: unknown, at: string): ExpectedRow {
  const row = recordAt(value, at);
  const names = Object.keys(row);
  if (names.length === 0) throw wrong(at, 'an object of columns', value);
  for (const name of names) {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw wrong(`${at}.${name}`, 'a column in lower-case snake_case', name);
    const cell = row[name];
    if (cell !== null && !['string', 'number', 'boolean'].includes(typeof cell))
      throw wrong(`${at}.${name}`, 'a text, a number, true, false or null', cell);
  }
  return row as ExpectedRow;
}

/** @param fields the fields that it may have. @default - any */
export function recordAt(value: unknown, at: string, fields?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'an object', value);
  const unknown = Object.keys(value).find((field) => fields?.includes(field) === false);
  if (unknown !== undefined) throw new Error(`${at}.${unknown} is not known; a test has ${fields!.join(', ')}`);
  return value as Record<string, unknown>;
}

const longestShown = 200;

export function wrong(at: string, rule: string, got: unknown): Error {
  const shown = JSON.stringify(got) ?? String(got);
  const cut = shown.length > longestShown ? `${shown.slice(0, longestShown)}…` : shown;
  return new Error(`${at} must be ${rule}, got ${cut}`);
}
