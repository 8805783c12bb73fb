import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { ConformanceError } from './error';

/** The folder of the topics, one file each. */
export const packFolder = join(__dirname, '../pack');

/** The source of a case: a page of the Redshift developer guide (such as `r_MERGE`), or an assumption. */
export type Ground = { readonly kind: 'documented'; readonly page: string } | { readonly kind: 'assumed' };

/** What a case needs besides a database. A case is skipped where it is missing. */
export type Need = 'stream' | 'bucket';

export type Cell = string | number | boolean | null;

/** Common edge cases: NULL, empty text or no rows, overflow, another type, letters beyond ASCII, 29 February. */
export const edges = ['null', 'empty', 'overflow', 'type', 'unicode', 'leap'] as const;
export type Edge = (typeof edges)[number];

/** The result that a statement must have. */
export interface Expectation {
  readonly rows?: readonly (readonly Cell[])[];
  /**
   * Columns as `name type`, such as `total numeric(38,2)`. The type is the Data API's name for it. Length or precision
   * are compared only if given.
   */
  readonly columns?: readonly string[];
  /** A part of the error's text, in any case. */
  readonly error?: string;
  /** The number of changed rows. */
  readonly changed?: number;
}

export type Step =
  /** A statement, or several as one batch. */
  | ({
      readonly kind: 'sql';
      readonly sql: string | readonly string[];
      readonly mode: 'transaction' | 'auto-commit';
      readonly parameters?: Readonly<Record<string, string>>;
    } & Expectation)
  /**
   * Transactions of several sessions, submitted at the same time. Nothing says which is first, so what is expected
   * afterwards must hold for any order. Later steps may use `{ok}`, the number of transactions that were committed.
   */
  | {
      readonly kind: 'together';
      readonly transactions: readonly (readonly string[])[];
      /** A part of the error of each transaction that fails, in any case. @default - none may fail */
      readonly mayFail?: string;
    }
  /** Records for the case's stream. */
  | { readonly kind: 'put'; readonly records: readonly string[] }
  /** An object below the case's prefix in the bucket. */
  | { readonly kind: 'object'; readonly key: string; readonly body: string };

export interface Case {
  readonly topic: string;
  readonly name: string;
  readonly ground: Ground;
  readonly needs: readonly Need[];
  /** Steps that set up tables and data. They run before the case's own steps, one by one. */
  readonly given: readonly Step[];
  readonly steps: readonly Step[];
  /** A part of the error with which the local warehouse refuses the case, although Redshift accepts it. */
  readonly known?: string;
  /** The case only shows that the local warehouse refuses it, whatever Redshift does. */
  readonly refused: boolean;
  /** The edge cases that the case covers. Those that its literals show need no mention. */
  readonly edges: readonly Edge[];
  /** The items of the allow-list that the case tests. @default - those of its expressions, or else of its statement */
  readonly of?: readonly string[];
  /** The expressions that the short forms `values`, `fails` and `refused` select. */
  readonly expressions: readonly string[];
}

export interface Topic {
  readonly name: string;
  readonly about: string;
  readonly cases: readonly Case[];
}

/** Reads all topics, sorted by name. @throws ConformanceError naming the file, case and field that is wrong */
export function readPack(folder = packFolder): Topic[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => readTopic(basename(file, '.yaml'), readFileSync(join(folder, file), 'utf8')));
}

type Fields = Readonly<Record<string, unknown>>;

export function readTopic(name: string, text: string): Topic {
  const top = fieldsOf(parsed(name, text), name, ['about', 'ground', 'given', 'cases']);
  const shared = top['given'] === undefined ? [] : listOf(top['given'], `${name}: given`);
  const cases = listOf(top['cases'], `${name}: cases`).map((value, i) => {
    const where = `${name}: case ${i + 1}`;
    return readCase(name, where, fieldsOf(value, where, caseFields), shared, top['ground']);
  });
  const names = new Set<string>();
  for (const each of cases) {
    if (names.has(each.name)) throw wrong(name, `"${each.name}" is the name of two cases`);
    names.add(each.name);
  }
  return { name, about: textOf(top['about'], `${name}: about`), cases };
}

function parsed(name: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw wrong(`${name}.yaml`, (error as Error).message);
  }
}

const stepFields = [
  ...['sql', 'mode', 'parameters', 'rows', 'columns', 'error', 'changed'],
  ...['together', 'mayFail', 'put', 'object', 'body'],
];
const shortForms = ['values', 'fails', 'refused'];
const caseFields = ['name', 'ground', 'given', 'then', 'known', 'edge', 'of', 'from', ...shortForms, ...stepFields];

function readCase(topic: string, place: string, fields: Fields, shared: readonly unknown[], ground: unknown): Case {
  const name = textOf(fields['name'], `${place}: name`);
  const where = `${topic}: ${name}`;
  const stepsOf = (value: unknown, field: string) =>
    value === undefined
      ? []
      : listOf(value, `${where}: ${field}`).map((step, i) => readStep(step, `${where}: ${field} ${i + 1}`));
  const given = [
    ...shared.map((step, i) => readStep(step, `${topic}: given ${i + 1}`)),
    ...stepsOf(fields['given'], 'given'),
  ];
  const short = readShort(fields, where);
  const first = Object.fromEntries(Object.entries(fields).filter(([field]) => stepFields.includes(field)));
  const steps = [...(short?.steps ?? [readStep(first, where)]), ...stepsOf(fields['then'], 'then')];
  if (!steps.some(hasExpectation) && fields['known'] === undefined)
    throw wrong(where, 'nothing is expected: one of rows, columns, error, changed or known');
  const text = JSON.stringify([given, steps]);
  return {
    topic,
    name,
    ground: readGround(fields['ground'] ?? ground, `${where}: ground`),
    needs: [
      ...(/\{stream(?:_role)?\}|"kind":"put"/.test(text) ? (['stream'] as const) : []),
      ...(/\{s3\}|\{role\}|"kind":"object"/.test(text) ? (['bucket'] as const) : []),
    ],
    given,
    steps,
    known: fields['known'] === undefined ? undefined : textOf(fields['known'], `${where}: known`),
    refused: fields['refused'] !== undefined,
    // YAML reads the bare word `null` as a null value.
    edges: [fields['edge'] === null ? 'null' : fields['edge']].flat().flatMap((edge) => edgeOf(edge, where)),
    of: fields['of'] === undefined ? undefined : someOf(fields['of'], `${where}: of`),
    expressions: short?.expressions ?? [],
  };
}

/**
 * Reads a short form, a map whose keys are expressions. `values` maps each to its result, `fails` and `refused` to a
 * part of the error. The expressions are selected from `from`.
 */
function readShort(fields: Fields, where: string): { expressions: string[]; steps: Step[] } | undefined {
  const form = shortForms.find((each) => fields[each] !== undefined);
  if (form === undefined) return undefined;
  const other = [...shortForms, 'sql'].find((field) => field !== form && fields[field] !== undefined);
  if (other !== undefined) throw wrong(where, `has both ${form} and ${other}`);
  const given = fieldsOf(fields[form], `${where}: ${form}`);
  const expressions = Object.keys(given);
  const from = fields['from'] === undefined ? '' : ` from ${textOf(fields['from'], `${where}: from`)}`;
  const mode = 'transaction' as const;
  if (form === 'values') {
    const sql = `select ${expressions.map((each, i) => `${each} as c${i + 1}`).join(', ')}${from}`;
    return { expressions, steps: [{ kind: 'sql', sql, mode, rows: rowsOf([Object.values(given)], where) }] };
  }
  const steps = expressions.map((each): Step => {
    const error = textOf(given[each], `${where}: ${each}`);
    return { kind: 'sql', sql: `select ${each}${from}`, mode, error };
  });
  return { expressions, steps };
}

function edgeOf(value: unknown, where: string): Edge[] {
  if (value === undefined) return [];
  const edge = edges.find((each) => each === value);
  if (edge === undefined) throw wrong(where, `edge must be one of ${edges.join(', ')}, got ${JSON.stringify(value)}`);
  return [edge];
}

/** Reads a string or a list of strings. */
const someOf = (value: unknown, where: string): string[] => [value].flat().map((each) => textOf(each, where));

/** True if a step states an expected result. */
export const hasExpectation = (step: Step): boolean =>
  step.kind === 'sql' && [step.rows, step.columns, step.error, step.changed].some((value) => value !== undefined);

function readStep(value: unknown, where: string): Step {
  if (typeof value === 'string') return { kind: 'sql', sql: value, mode: 'transaction' };
  const fields = fieldsOf(value, where, stepFields);
  if (fields['together'] !== undefined) return readTogether(fields, where);
  if (fields['put'] !== undefined)
    return {
      kind: 'put',
      records: listOf(fields['put'], `${where}: put`).map((record) => textOf(record, `${where}: put`)),
    };
  if (fields['object'] !== undefined)
    return {
      kind: 'object',
      key: textOf(fields['object'], `${where}: object`),
      body: textOf(fields['body'], `${where}: body`),
    };
  const { sql, mode = 'transaction', error, changed } = fields;
  if (mode !== 'transaction' && mode !== 'auto-commit')
    throw wrong(where, `mode must be transaction or auto-commit, got ${JSON.stringify(mode)}`);
  if (changed !== undefined && typeof changed !== 'number') throw wrong(where, 'changed must be a number');
  return {
    kind: 'sql',
    sql: Array.isArray(sql) ? sql.map((each) => textOf(each, `${where}: sql`)) : textOf(sql, `${where}: sql`),
    mode,
    parameters: fields['parameters'] as Record<string, string> | undefined,
    rows: rowsOf(fields['rows'], where),
    columns:
      fields['columns'] === undefined
        ? undefined
        : listOf(fields['columns'], `${where}: columns`).map((column) => textOf(column, `${where}: columns`)),
    error: error === undefined ? undefined : textOf(error, `${where}: error`),
    changed,
  };
}

function readTogether(fields: Fields, where: string): Step {
  const transactions = listOf(fields['together'], `${where}: together`).map((sqls) =>
    someOf(sqls, `${where}: together`),
  );
  if (transactions.length < 2) throw wrong(where, 'together must have two transactions or more');
  const other = Object.keys(fields).find((field) => !['together', 'mayFail'].includes(field));
  if (other !== undefined) throw wrong(where, `together has no ${other}: its transactions end in any order`);
  const mayFail = fields['mayFail'] === undefined ? undefined : textOf(fields['mayFail'], `${where}: mayFail`);
  return { kind: 'together', transactions, mayFail };
}

function rowsOf(value: unknown, where: string): Cell[][] | undefined {
  if (value === undefined) return undefined;
  return listOf(value, `${where}: rows`).map((row) =>
    listOf(row, `${where}: rows`).map((cell) => {
      if (cell === null || ['string', 'number', 'boolean'].includes(typeof cell)) return cell as Cell;
      throw wrong(where, `a cell must be a scalar, got ${JSON.stringify(cell)}`);
    }),
  );
}

function readGround(value: unknown, where: string): Ground {
  if (value === 'assumed') return { kind: 'assumed' };
  const page = typeof value === 'string' ? /^documented: ([\w.-]+)$/.exec(value)?.[1] : undefined;
  if (page === undefined) throw wrong(where, `must be "assumed" or "documented: <page>", got ${JSON.stringify(value)}`);
  return { kind: 'documented', page };
}

function fieldsOf(value: unknown, where: string, allowed?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, 'must be a map');
  const unknown = Object.keys(value).find((field) => allowed && !allowed.includes(field));
  if (unknown !== undefined) throw wrong(where, `has no field ${unknown}, only ${allowed!.join(', ')}`);
  return value as Fields;
}

function listOf(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(where, `must be a list, got ${JSON.stringify(value)}`);
  return value;
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(where, `must be a text, got ${JSON.stringify(value)}`);
  return value;
}

const wrong = (where: string, what: string) => new ConformanceError(`conformance pack, ${where}: ${what}`, 2);

const guide = 'https://docs.aws.amazon.com/redshift/latest/dg';
export const pageUrl = (page: string): string => `${guide}/${page}.html`;
