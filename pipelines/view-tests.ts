import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ExpectedRow, parsed, recordAt, rowsAt, testsOf, wrong } from './test-file';

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
  readonly rows: readonly ExpectedRow[];
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
  if (existsSync(path(yaml)))
    return testsOf(parsed(readFileSync(path(yaml), 'utf8'), shown(yaml)), shown(yaml), testAt);
  const script = `${view}.test.ts`;
  if (!existsSync(path(script))) return undefined;
  const { tests } = require(path(script)) as { tests?: unknown };
  return testsOf(tests, shown(script), testAt);
}

const fields = ['name', 'events', 'rows'];

function testAt(value: unknown, at: string): ViewTest {
  const { name, events, rows } = recordAt(value, at, fields);
  if (typeof name !== 'string' || name.trim() === '')
    throw wrong(`${at}.name`, 'a text that says what the test shows', name);
  if (!Array.isArray(events)) throw wrong(`${at}.events`, 'a list of payloads', events);
  return { name, events, rows: rowsAt(rows, `${at}.rows`) };
}
