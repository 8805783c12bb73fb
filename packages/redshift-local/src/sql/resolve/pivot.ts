import type { Body, Expression, FromItem, FunctionCall, Identifier, Query, SelectCore, SelectItem } from '../ast';
import type { Environment } from './environment';
import { Scope } from './scope';

type Pivot = FromItem & { kind: 'pivot' };
type Unpivot = FromItem & { kind: 'unpivot' };

/**
 * Rewrites PIVOT or UNPIVOT as the equivalent query
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_FROM_clause-pivot-unpivot-examples.html).
 */
export function pivoted(item: Pivot | Unpivot, environment: Environment): FromItem & { kind: 'query' } {
  const { context, scope, resolveQuery } = environment;
  const { at, alias, columnAliases } = item;
  const source = select(at, [{ kind: 'star', at }], item.source);
  const { columns } = resolveQuery(asQuery(source), context, scope.parent && new Scope(scope.parent));
  const inner: FromItem = { kind: 'query', query: asQuery(source), alias: name('source', at), columnAliases: [], at };
  const names = columns.map((column) => column.name);
  const body =
    item.kind === 'pivot' ? pivot(item, names, inner, environment) : unpivot(item, names, inner, environment);
  return { kind: 'query', query: asQuery(body), alias, columnAliases, at };
}

const name = (text: string, at: number): Identifier => ({ text, quoted: true, at });
const column = (text: string, at: number): Expression => ({ kind: 'name', parts: [name(text, at)], at });
const asQuery = (body: Body): Query => ({ with: [], body, orderBy: [], at: body.at });

const select = (at: number, items: readonly SelectItem[], from: FromItem): SelectCore => ({
  kind: 'select',
  distinct: false,
  items,
  from,
  groupBy: [],
  at,
});

const shown = (text: string, at: number): SelectItem => ({
  kind: 'expression',
  expression: column(text, at),
  alias: name(text, at),
});

function found(identifier: Identifier, names: readonly string[], { context }: Environment): string {
  const folded = context.fold(identifier);
  if (!names.includes(folded)) throw context.source.error(`column "${folded}" does not exist`, identifier.at);
  return folded;
}

/** One row for each group of the columns that PIVOT does not name. */
function pivot(item: Pivot, names: readonly string[], from: FromItem, environment: Environment): SelectCore {
  const { context } = environment;
  const { at, aggregates, values } = item;
  const by = found(item.column, names, environment);
  const used = new Set([by, ...aggregates.flatMap(({ call }) => namesIn(call).map((part) => context.fold(part)))]);
  const keys = names.filter((one) => !used.has(one));
  if (aggregates.length > 1 && aggregates.some(({ alias }) => !alias))
    throw context.source.error('each of several aggregates of PIVOT needs an alias', at);
  const items = values.flatMap(({ value, alias }) =>
    aggregates.map((aggregate): SelectItem => {
      const start = alias ? context.fold(alias) : valueName(value, environment);
      const text = aggregate.alias ? `${start}_${context.fold(aggregate.alias)}` : start;
      return { kind: 'expression', expression: where(aggregate.call, by, value, environment), alias: name(text, at) };
    }),
  );
  const core = select(at, [...keys.map((key) => shown(key, at)), ...items], from);
  return { ...core, groupBy: keys.map((key) => column(key, at)) };
}

/** The column name for a value without an alias. */
function valueName(value: Expression, { context }: Environment): string {
  if (value.kind === 'string' || value.kind === 'number') return value.text;
  if (value.kind === 'null') return 'null';
  throw context.source.unsupported('PIVOT of a value that is not a literal and has no alias', value.at);
}

const pivotable = ['count', 'sum', 'avg', 'min', 'max'];

/** The aggregate over the rows with the given value. */
function where(call: FunctionCall, by: string, value: Expression, { context }: Environment): FunctionCall {
  const { at } = call;
  if (!pivotable.includes(call.name) || call.over || (!call.star && call.args.length !== 1))
    throw context.source.unsupported(`PIVOT of ${call.name.toUpperCase()}`, at);
  const subject = column(by, at);
  const when: Expression =
    value.kind === 'null'
      ? { kind: 'is', operand: subject, what: 'null', negated: false, at }
      : { kind: 'binary', operator: '=', left: subject, right: value, at };
  const result: Expression = call.star ? { kind: 'number', text: '1', at } : call.args[0]!;
  return { ...call, star: false, args: [{ kind: 'case', branches: [{ when, result }], at }] };
}

/** The last part of each name in an expression. */
function namesIn(node: unknown): Identifier[] {
  if (typeof node !== 'object' || node === null) return [];
  if (Array.isArray(node)) return node.flatMap(namesIn);
  const { kind, parts } = node as { kind?: string; parts?: readonly Identifier[] };
  return kind === 'name' ? [parts!.at(-1)!] : Object.values(node).flatMap(namesIn);
}

/** One row for each of the columns, with the column's name and value. */
function unpivot(item: Unpivot, names: readonly string[], from: FromItem, environment: Environment): Body {
  const { at, includeNulls } = item;
  const listed = item.columns.map(({ column: identifier }) => found(identifier, names, environment));
  const rest = names.filter((one) => !listed.includes(one));
  const bodies = listed.map((text, i): Body => {
    const named: SelectItem = {
      kind: 'expression',
      expression: { kind: 'string', text: item.columns[i]!.shown, at },
      alias: item.name,
    };
    const value: SelectItem = { kind: 'expression', expression: column(text, at), alias: item.value };
    const there: Expression = { kind: 'is', operand: column(text, at), what: 'null', negated: true, at };
    const core = select(at, [...rest.map((one) => shown(one, at)), named, value], from);
    return includeNulls ? core : { ...core, where: there };
  });
  return bodies.reduce((left, right) => ({ kind: 'set', operator: 'union all', left, right, at }));
}
