import type { FrameBound, FunctionCall, OrderItem, Window } from '../ast';
import type { Environment } from '../resolve/environment';
import { groupingOf } from '../resolve/grouping';
import { settle } from '../resolve/operators';
import { groupable, orderSql, refuseSuper, sortKey } from '../resolve/order';
import type { Value } from '../resolve/value';
import { aggregateFunctions } from './aggregate';
import { binaryFunctions } from './binary';
import { Call, type FunctionEntry } from './call';
import { catalogFunctions } from './catalog';
import { jsonFunctions } from './json';
import { conditionalFunctions, numberFunctions, sessionFunctions } from './number';
import { patternFunctions } from './pattern';
import { textFunctions } from './text';
import { timeFunctions } from './time';
import { framelessFunctions, nullTreatments, orderedFunctions, unorderedFunctions, windowFunctions } from './window';

/** Every function that the local warehouse supports, beside those of the catalog. */
export const functions: Readonly<Record<string, FunctionEntry>> = {
  ...textFunctions,
  ...patternFunctions,
  ...numberFunctions,
  ...conditionalFunctions,
  ...timeFunctions,
  ...jsonFunctions,
  ...binaryFunctions,
  ...aggregateFunctions,
  ...windowFunctions,
  ...sessionFunctions,
};

function checkShape(node: FunctionCall, entry: FunctionEntry, environment: Environment): void {
  const { source } = environment.context;
  const name = node.name.toUpperCase();
  const [least, most] = entry.arguments;
  if (node.args.length < least || node.args.length > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    throw source.error(`function ${name} takes ${wanted} arguments, got ${node.args.length}`, node.at);
  }
  if (node.star && node.name !== 'count') throw source.unsupported(`function ${name}(*)`, node.at);
  if (node.name === 'count' && !node.star && node.args.length === 0)
    throw source.error('function COUNT takes an argument or *', node.at);
  if (node.distinct && (!entry.distinct || node.over))
    throw source.unsupported(`DISTINCT in function ${name}${node.over ? ' with OVER' : ''}`, node.at);
  if (node.withinGroup && !entry.ordered) throw source.unsupported(`WITHIN GROUP with function ${name}`, node.at);
  if (node.over && entry.alone) throw source.unsupported(`OVER with function ${name}`, node.at);
  if (node.over && !entry.kind) throw source.unsupported(`OVER with function ${name}`, node.at);
  if (!node.over && entry.kind === 'window')
    throw source.error(`window function ${name} requires an OVER clause`, node.at);
  if (node.ignoreNulls !== undefined && !nullTreatments.has(node.name)) {
    throw source.unsupported(`IGNORE NULLS with function ${name}`, node.at);
  }
}

/**
 * Resolves a function call.
 * @param emit replaces the entry's own `emit`, for a call whose context is known
 */
export function resolveCall(node: FunctionCall, environment: Environment, emit?: FunctionEntry['emit']): Value {
  const { context, clause } = environment;
  const known = Object.hasOwn(functions, node.name) ? functions : catalogFunctions;
  const entry = Object.hasOwn(known, node.name) ? known[node.name] : undefined;
  if (!entry) throw context.source.unsupported(`function ${node.name.toUpperCase()}`, node.at);
  checkShape(node, entry, environment);
  if (entry.mutable) context.mark('mutable function', node.at);
  if (entry.node) context.mark(`${entry.node} node function`, node.at);
  if (node.over) return windowCall(node, entry, node.over, environment);
  if (entry.kind !== 'aggregate') {
    const call = new Call(node, environment, '');
    return {
      ...(emit ?? entry.emit)(call),
      aggregate: call.values.some(({ aggregate }) => aggregate),
      window: call.values.some(({ window }) => window),
    };
  }
  if (!environment.aggregates) throw context.source.error(`aggregates not allowed in ${clause}`, node.at);
  if (node.distinct) context.mark('distinct aggregate', node.at);
  if (!incrementalAggregates.includes(node.name)) context.mark('recomputed aggregate', node.at);
  const grouping = groupingOf(environment.scope);
  if (!grouping)
    throw context.source.unsupported(`function ${node.name.toUpperCase()} over the rows of an outer query`, node.at);
  const inner = { ...environment, aggregates: false, windows: false, clause: 'an aggregate' };
  const call = new Call(node, inner, '');
  const { sql, type } = grouping.overRows(() => checkedRows(call, environment, () => entry.emit(call)));
  if (call.values.some((value) => value.type.name === 'varbyte') && node.name !== 'count')
    context.mark('varbyte aggregate', node.at);
  return { sql: grouping.aggregate(sql), type, aggregate: true };
}

/**
 * Aggregates that an incremental refresh of a materialized view can maintain
 * (https://docs.aws.amazon.com/redshift/latest/dg/materialized-view-refresh-sql-command.html).
 */
const incrementalAggregates: readonly string[] = ['count', 'sum', 'min', 'max', 'avg'];

/** Refuses an aggregate over an outer query's columns only. In SQL, such an aggregate belongs to the outer query. */
function checkedRows<T>(call: Call, { scope, context }: Environment, emit: () => T): T {
  const [own, outer] = [scope.used, context.correlations];
  const emitted = emit();
  if (context.correlations > outer && scope.used === own)
    throw call.unsupported(`function ${call.name} of an outer query's columns`);
  return emitted;
}

export const isAggregate = (name: string): boolean =>
  Object.hasOwn(functions, name) && functions[name]!.kind === 'aggregate';

function windowCall(node: FunctionCall, entry: FunctionEntry, window: Window, environment: Environment): Value {
  const { context, clause } = environment;
  if (!environment.windows) throw context.source.error(`window functions not allowed in ${clause}`, node.at);
  context.mark('window function', node.at);
  const inner = { ...environment, windows: false, clause: 'a window function' };
  const call = new Call(node, inner, ` over (${windowSql(node, window, inner)})`);
  const { sql, type } = entry.emit(call);
  return { sql, type, window: true, aggregate: call.values.some(({ aggregate }) => aggregate) };
}

function windowSql(node: FunctionCall, window: Window, environment: Environment): string {
  const { source } = environment.context;
  const frameless = framelessFunctions.has(node.name);
  if (frameless && window.frame) throw source.error(`function ${node.name.toUpperCase()} takes no frame`, window.at);
  if (!frameless && window.orderBy.length > 0 && !window.frame) {
    throw source.error('aggregate window functions with an ORDER BY clause require a frame clause', window.at);
  }
  if (orderedFunctions.has(node.name) && window.orderBy.length === 0)
    throw source.unsupported(`function ${node.name.toUpperCase()} without ORDER BY`, window.at);
  if (unorderedFunctions.has(node.name) && window.orderBy.length > 0)
    throw source.error(`function ${node.name.toUpperCase()} takes no ORDER BY`, window.at);
  const parts: string[] = [];
  if (window.partitionBy.length > 0)
    parts.push(`partition by ${window.partitionBy.map((item) => sortable(item, environment, true)).join(', ')}`);
  if (window.orderBy.length > 0)
    parts.push(
      `order by ${window.orderBy.map((item) => orderSql(sortable(item.expression, environment), item)).join(', ')}`,
    );
  if (window.frame) parts.push(`rows between ${boundSql(window.frame.start)} and ${boundSql(window.frame.end)}`);
  return parts.join(' ');
}

function sortable(node: OrderItem['expression'], environment: Environment, partition = false): string {
  const resolved = environment.resolve(node, environment);
  const value = settle(environment, resolved, { name: 'unknown' }, node.at);
  if (!partition) refuseSuper(value.type, environment.context, node.at);
  // "Neither constants nor constant expressions": an expression without a column is refused.
  if (!value.sql.includes('"'))
    throw environment.context.source.unsupported('a constant in the PARTITION BY or ORDER BY of a window', node.at);
  return sortKey(groupable(value));
}

function boundSql(bound: FrameBound): string {
  return 'rows' in bound ? `${bound.rows} ${bound.kind}` : bound.kind;
}
