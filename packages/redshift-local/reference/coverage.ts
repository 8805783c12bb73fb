import { type Case, type Edge, edges, type Topic } from 'redshift-conformance';
import type { Expression } from '../src/sql/ast';
import { functions } from '../src/sql/functions/registry';
import { Source } from '../src/sql/lexer';
import type { Cursor } from '../src/sql/parser/cursor';
import { parseExpression } from '../src/sql/parser/expression';
import { openText } from '../src/sql/parser/open';
import { parseStatement } from '../src/sql/parser/statement';
import { appliesTo, type Item } from './applies';
import { commands, isSupportedCommand, refusalOf } from './probes';

/** What a cell of the matrix is: looked at by a case, without sense for that item, or missing. */
export type Coverage = 'covered' | 'does not apply' | 'missing';

/** Every item of the allow-list, from the front end itself. */
export function allowed(): Item[] {
  const of = (group: Item['group'], names: readonly string[]) => names.map((name) => ({ group, name }));
  return [
    ...of('statements', commands.filter(isSupportedCommand)),
    ...of(
      'types',
      Object.keys(sampleTypes).map((name) => `type ${name}`),
    ),
    ...of('functions', Object.keys(functions)),
    ...of('operators', operators),
    ...of('casts', allowedCasts()),
  ];
}

/** Each type of the allow-list once, as a cast and a literal write it. */
const sampleTypes: Readonly<Record<string, string>> = {
  smallint: 'smallint',
  integer: 'integer',
  bigint: 'bigint',
  decimal: 'decimal(5, 2)',
  real: 'real',
  'double precision': 'double precision',
  boolean: 'boolean',
  char: 'char(5)',
  varchar: 'varchar(5)',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  super: 'super',
  varbyte: 'varbyte(5)',
};

function allowedCasts(): string[] {
  const names = Object.keys(sampleTypes);
  const cast = (from: string, to: string) =>
    refusalOf(`select cast(c as ${sampleTypes[to]}) from (select cast(null as ${sampleTypes[from]}) as c) x`);
  // A literal's text is read before the statement runs, a column's while it does.
  const literals = names.filter((to) => to !== 'varbyte').map((to) => `literal -> ${to}`);
  const casts = names.flatMap((from) =>
    names.filter((to) => cast(from, to) === undefined).map((to) => `${from} -> ${to}`),
  );
  return [...literals, ...casts];
}

/** Expressions that are no call, as `itemOf` names them. */
const operators = [
  ...['+', '-', '*', '/', '%', '||', '=', '<>', '<', '>', '<=', '>=', 'minus sign', 'and', 'or', 'not'],
  ...['is null', 'is true', 'is false', 'is unknown', 'in', 'in query', 'between', 'like', 'ilike', 'similar to'],
  ...['~', 'case', 'exists', 'subquery', 'path', 'interval'],
] as const;

/** What an expression is an item of the allow-list as, if it is one. */
function itemOf(node: Expression): string | undefined {
  switch (node.kind) {
    case 'call':
      return node.name;
    case 'binary':
      return [node.left, node.right].some(({ kind }) => kind === 'interval') ? 'interval' : node.operator;
    case 'negate':
      return 'minus sign';
    case 'logic':
      return node.operator;
    case 'is':
      return `is ${node.what}`;
    case 'like':
      return node.how === 'similar' ? 'similar to' : node.how;
    case 'match':
      return '~';
    case 'navigate':
      return 'path';
    case 'in-query':
      return 'in query';
    case 'cast': {
      const from = typeOf(node.operand);
      return from && `${from} -> ${node.type.name}`;
    }
    case 'not':
    case 'in':
    case 'between':
    case 'case':
    case 'exists':
    case 'subquery':
      return node.kind;
  }
  return undefined;
}

/** The type that an expression shows on its face. */
function typeOf(node: Expression): string | undefined {
  if (node.kind === 'cast') return node.type.name;
  if (node.kind === 'typed-literal') return node.type;
  if (node.kind === 'number') return node.text.includes('.') ? 'decimal' : 'integer';
  if (node.kind === 'negate') return typeOf(node.operand);
  if (node.kind === 'string' || node.kind === 'null') return 'literal';
  if (node.kind === 'boolean') return 'boolean';
  const results: Readonly<Record<string, string>> = { json_parse: 'super', array: 'super', to_varbyte: 'varbyte' };
  return node.kind === 'call' ? results[node.name] : undefined;
}

/** The edges that a literal is. */
function edgesOfText(text: string): Edge[] {
  const found: Edge[] = [];
  if (/^(?:|\{\}|\[\]|"")$/.test(text.trim())) found.push('empty');
  if (text.trim() === 'null') found.push('null');
  if (/[^\0-\x7f]/.test(text)) found.push('unicode');
  if (/\d{4}-?02-?29/.test(text)) found.push('leap');
  return found;
}

/** Calls back with every item below a part of the syntax tree and the edges of the literals below it. Answers those edges. */
function visit(part: unknown, found: (item: string, edges: ReadonlySet<Edge>) => void): Set<Edge> {
  const below = new Set<Edge>();
  if (typeof part !== 'object' || part === null) return below;
  const node = part as Expression;
  if (node.kind === 'null') below.add('null');
  if (node.kind === 'string' || node.kind === 'typed-literal')
    for (const edge of edgesOfText(node.text)) below.add(edge);
  for (const member of Object.values(part)) for (const edge of visit(member, found)) below.add(edge);
  const item = itemOf(node);
  if (item !== undefined) found(item, below);
  return below;
}

/** Marks such as `{s}` as names, so that the text can be parsed. */
const named = (text: string) => text.replace(/\{(\w+)\}/g, 'x_$1');

function statementsOf(each: Case): { text: string; answers: boolean }[] {
  return each.steps.flatMap((step) =>
    step.kind === 'sql'
      ? [step.sql].flat().map((text) => ({ text: named(text), answers: step.rows !== undefined }))
      : [],
  );
}

/** The syntax tree of a text; undefined for one that is refused as it is read. */
function parsed<T>(text: string, parse: (cursor: Cursor) => T): T | undefined {
  try {
    return parse(openText(new Source(text)));
  } catch {
    return undefined;
  }
}

/** The command of a statement, by its first words. */
function commandOf(text: string): string | undefined {
  const words = text
    .toUpperCase()
    .replace(/\s+/g, ' ')
    .replace(/ (OR REPLACE|TEMP|TEMPORARY)(?= )/g, '');
  if (/^(WITH|\()/.test(words)) return 'SELECT';
  if (/^SELECT [^()]* INTO /.test(words)) return 'SELECT INTO';
  if (/^CREATE TABLE \S+( \([^)]*\))?( (DIST|SORT|BACKUP)\S*( ?\(\w+\)| \w+)?)* AS\b/.test(words))
    return 'CREATE TABLE AS';
  if (/^ALTER TABLE \S+ APPEND /.test(words)) return 'ALTER TABLE APPEND';
  const fits = commands.filter((command) => words === command || words.startsWith(`${command} `));
  return fits.sort((one, other) => other.length - one.length)[0];
}

/** What a case says that it looks at, beside what its literals show. */
function itemsOf(each: Case): readonly string[] {
  const statements = statementsOf(each);
  const present = new Set(statements.flatMap(({ text }) => commandOf(text) ?? []));
  for (const { text } of statements) visit(parsed(text, parseStatement), (item) => present.add(item));
  for (const text of each.expressions) visit(parsed(named(text), parseExpression), (item) => present.add(item));
  const absent = each.of?.find((item) => !present.has(item) && !item.startsWith('type '));
  if (absent !== undefined) throw new Error(`conformance pack, ${each.topic}: ${each.name}: has no ${absent}`);
  if (each.of) return each.of;
  if (each.expressions.length === 0) return [commandOf(statements[0]?.text ?? '') ?? ''];
  return each.expressions.map((text) => {
    const node = parsed(named(text), parseExpression);
    const item = node && itemOf(node);
    if (item === undefined)
      throw new Error(
        `conformance pack, ${each.topic}: ${each.name}: ${text} is none of the allow-list: name it with "of"`,
      );
    return item;
  });
}

/** The edges that cases look at, by item. */
function looked(pack: readonly Topic[]): Map<string, Set<Edge>> {
  const seen = new Map<string, Set<Edge>>();
  const add = (item: string, found: Iterable<Edge>) => {
    const known = seen.get(item) ?? new Set<Edge>();
    seen.set(item, known);
    for (const edge of found) known.add(edge);
  };
  for (const each of pack.flatMap(({ cases }) => cases)) {
    for (const { text, answers } of statementsOf(each)) if (answers) visit(parsed(text, parseStatement), add);
    if (each.edges.length > 0) for (const item of itemsOf(each)) add(item, each.edges);
  }
  return seen;
}

/** For every item of the allow-list what becomes of each edge. */
export function coverageOf(pack: readonly Topic[]): { item: Item; cells: Readonly<Record<Edge, Coverage>> }[] {
  const seen = looked(pack);
  return allowed().map((item) => {
    const applies = appliesTo(item);
    const found = seen.get(item.name);
    const cell = (edge: Edge): Coverage =>
      !applies.has(edge) ? 'does not apply' : found?.has(edge) ? 'covered' : 'missing';
    return { item, cells: Object.fromEntries(edges.map((edge) => [edge, cell(edge)])) as Record<Edge, Coverage> };
  });
}
