import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ExpectedRow, parsed, recordAt, rowsAt, testsOf, wrong } from './test-file';

/** A test of an endpoint: records and a request in, rows or a refusal out. */
export interface EndpointTest {
  /** What the test shows. */
  readonly name: string;
  /** Payloads in the order in which producers send them. @default - those of the test before it */
  readonly events: readonly unknown[];
  /** The request's parameters, as it would have them. The tenant's value comes from the token. @default - none */
  readonly params: Readonly<Record<string, string>>;
  readonly expected: ExpectedAnswer;
}

export type ExpectedAnswer =
  | {
      readonly kind: 'rows';
      /** In order, if the query has one. Columns that are not named are not compared. */
      readonly rows: readonly ExpectedRow[];
      /** Whether there are more rows than the answer has. @default false */
      readonly truncated: boolean;
    }
  /** Names of the parameters that the request has wrong. */
  | { readonly kind: 'refused'; readonly params: readonly string[] };

/**
 * Reads the tests of an endpoint: `endpoints/<name>.test.yaml`, a list of `{ name, events, params, rows }` or `{ name,
 * params, refused }`. Undefined if there is none.
 * @throws Error naming the file, the field and what is allowed
 */
export function readEndpointTests(folder: string, endpoint: string): readonly EndpointTest[] | undefined {
  const file = `endpoints/${endpoint}.test.yaml`;
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  const shown = `pipelines/${basename(folder)}/${file}`;
  let before: readonly unknown[] = [];
  return testsOf(parsed(readFileSync(path, 'utf8'), shown), shown, (value, at) => {
    const test = testAt(value, at, before);
    before = test.events;
    return test;
  });
}

const fields = ['name', 'events', 'params', 'rows', 'truncated', 'refused'];

function testAt(value: unknown, at: string, before: readonly unknown[]): EndpointTest {
  const { name, events = before, params = {}, ...expected } = recordAt(value, at, fields);
  if (typeof name !== 'string' || name.trim() === '')
    throw wrong(`${at}.name`, 'a text that says what the test shows', name);
  if (!Array.isArray(events)) throw wrong(`${at}.events`, 'a list of payloads', events);
  return { name, events, params: paramsAt(params, `${at}.params`), expected: expectedAt(expected, at) };
}

function paramsAt(value: unknown, at: string): Record<string, string> {
  const entries = Object.entries(recordAt(value, at)).map(([name, given]) => {
    if (!['string', 'number', 'boolean'].includes(typeof given))
      throw wrong(`${at}.${name}`, 'a text, a number, true or false', given);
    return [name, String(given)];
  });
  return Object.fromEntries(entries);
}

function expectedAt({ rows, truncated = false, refused }: Record<string, unknown>, at: string): ExpectedAnswer {
  if ((rows === undefined) === (refused === undefined))
    throw new Error(`${at} must have rows or refused, and not both of them`);
  if (refused !== undefined) {
    const isNames = Array.isArray(refused) && refused.length > 0 && refused.every((name) => typeof name === 'string');
    if (!isNames) throw wrong(`${at}.refused`, 'a list of the parameters that the request has wrong', refused);
    return { kind: 'refused', params: refused as string[] };
  }
  if (typeof truncated !== 'boolean') throw wrong(`${at}.truncated`, 'true or false', truncated);
  return { kind: 'rows', rows: rowsAt(rows, `${at}.rows`), truncated };
}
