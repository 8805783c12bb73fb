import type { EndpointItem } from '../../lambda/endpoint/contract';
import { chooseStatement, readParams } from '../../lambda/endpoint/params';
import type { EndpointTest } from '../../pipelines/endpoint-tests';
import type { ViewTest } from '../../pipelines/view-tests';
import { comparable } from './cells';

/** What a test found and what it wants, in texts that are equal if they mean the same. */
export interface Outcome {
  readonly held: Answer;
  readonly wanted: Answer;
}

/** Rows as `column: value, …`, and whether there are more; or the parameters that the request has wrong. */
export interface Answer {
  readonly rows?: readonly string[];
  readonly truncated?: boolean;
  readonly refused?: readonly string[];
}

/** A warehouse with the pipeline, after the events of a test and a refresh. */
export interface Tested {
  result(sql: string): Promise<{
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly rows: unknown[][];
  }>;
  answer(sql: string, parameters: Readonly<Record<string, string>>): Promise<unknown[][]>;
}

/**
 * What the view holds in the columns that the test names, and what the test wants of it; both without an order.
 * @param relation `<pipeline>.<view>`
 */
export async function viewOutcome(warehouse: Tested, relation: string, { rows }: ViewTest): Promise<Outcome> {
  const named = Object.keys(rows[0] ?? {});
  const list = named.length > 0 ? named.map((name) => `"${name}"`).join(', ') : '*';
  const { columns, rows: held } = await warehouse.result(`select ${list} from ${relation}`);
  const names = named.length > 0 ? named : columns.map(({ name }) => name);
  const line = (cells: readonly unknown[]) =>
    names.map((name, index) => `${name}: ${comparable(cells[index], columns[index]!.type)}`).join(', ');
  return {
    held: { rows: held.map(line).sort() },
    wanted: { rows: rows.map((row) => line(names.map((name) => row[name]))).sort() },
  };
}

/** What the endpoint answers, and what the test wants: rows in the columns that it names, or the parameters that are wrong. */
export async function endpointOutcome(
  warehouse: Tested,
  item: EndpointItem,
  { params, expected }: EndpointTest,
): Promise<Outcome> {
  const wantedRefusal = expected.kind === 'refused' ? { refused: [...expected.params].sort() } : undefined;
  const read = readParams(item, Object.entries(params), {});
  if ('violations' in read)
    return {
      held: { refused: read.violations.map(({ param }) => param).sort() },
      wanted: wantedRefusal ?? { rows: wantedLines(item, expected) },
    };
  const { sql, params: names } = chooseStatement(item, read.values);
  const records = await warehouse.answer(sql, Object.fromEntries(names.map((name) => [name, read.values[name]!])));
  const rows = records.slice(0, item.maxRows);
  const truncated = records.length > rows.length;
  const all = item.columns.map(({ name }) => name);
  const named = expected.kind === 'rows' ? Object.keys(expected.rows[0] ?? {}) : [];
  const columns = named.length > 0 ? named : all;
  const at = (name: string) => all.indexOf(name);
  const ordered = (lines: string[]) => (/\border by\b/i.test(sql) ? lines : lines.sort());
  return {
    held: { truncated, rows: ordered(rows.map((row) => lineOf(item, columns, (name) => row[at(name)]))) },
    wanted: wantedRefusal ?? {
      truncated: expected.kind === 'rows' && expected.truncated,
      rows: ordered(wantedLines(item, expected)),
    },
  };
}

function wantedLines(item: EndpointItem, expected: EndpointTest['expected']): string[] {
  if (expected.kind !== 'rows') return [];
  const columns = Object.keys(expected.rows[0] ?? {});
  return expected.rows.map((row) => lineOf(item, columns, (name) => row[name]));
}

const lineOf = (item: EndpointItem, columns: readonly string[], cell: (name: string) => unknown) =>
  columns.map((name) => `${name}: ${comparable(cell(name), typeOf(item, name))}`).join(', ');

function typeOf({ name: endpoint, columns }: EndpointItem, name: string): string {
  const type = columns.find((column) => column.name === name)?.type;
  if (type === undefined)
    throw new Error(`${endpoint} has no column ${name}; it has ${columns.map((column) => column.name).join(', ')}`);
  return type.replace(/\(.*\)$/, '');
}

/** True if the test holds. */
export const isEqual = ({ held, wanted }: Outcome): boolean =>
  JSON.stringify(sorted(held)) === JSON.stringify(sorted(wanted));

const sorted = ({ rows, truncated = false, refused }: Answer) => ({ rows, truncated, refused });
