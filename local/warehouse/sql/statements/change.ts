import type { Name, RedshiftType, Relation, Statement } from '../../statement';
import type { Expression, FromItem, Identifier, StatementNode } from '../ast';
import { Caster } from '../resolve/cast';
import { resolveCondition } from '../resolve/expression';
import { findRelation, relationSql, resolveFrom } from '../resolve/from';
import { environmentOf, resolveQuery } from '../resolve/query';
import { type Context, Scope } from '../resolve/scope';
import { quoteIdentifier, type Value } from '../resolve/value';

type Node<K extends StatementNode['kind']> = StatementNode & { kind: K };

export function targetOf(parts: readonly Identifier[], context: Context, verb: string): Relation {
  const relation = findRelation(parts, context);
  if (relation.kind !== 'table' && relation.kind !== 'temp-table') {
    throw context.source.error(`cannot ${verb} ${relation.kind} "${relation.name}"`, parts[0]!.at);
  }
  return relation;
}

export const nameOf = ({ schema, name }: Relation): Name => ({ schema, name });

function targetColumns(relation: Relation, names: readonly Identifier[], context: Context) {
  if (names.length === 0) return relation.columns;
  const found = names.map((identifier) => columnOf(relation, identifier, context));
  if (new Set(found).size < found.length) throw context.source.error('column specified more than once', names[0]!.at);
  return found;
}

function columnOf(relation: Relation, identifier: Identifier, context: Context) {
  const name = context.fold(identifier);
  const column = relation.columns.find((candidate) => candidate.name === name);
  if (!column)
    throw context.source.error(`column "${name}" of relation "${relation.name}" does not exist`, identifier.at);
  return column;
}

const assigned = (value: Value, type: RedshiftType, context: Context, at: number) =>
  new Caster(context.source).cast(value, type, 'assignment', at).sql;

export function translateInsert(node: Node<'insert'>, context: Context): Statement {
  const relation = targetOf(node.table, context, 'insert into');
  const columns = targetColumns(relation, node.columns, context);
  const into = `insert into ${relationSql(relation)} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})`;
  const duckdb = node.query
    ? `${into} ${insertedQuery(node, columns, context)}`
    : `${into} values ${insertedRows(node, columns, context)}`;
  return { kind: 'change', verb: 'insert', target: nameOf(relation), duckdb };
}

type Target = Relation['columns'];

function checkWidth(given: number, columns: Target, named: boolean, context: Context, at: number): void {
  if (given > columns.length) throw context.source.error('INSERT has more expressions than target columns', at);
  if (given < columns.length) {
    if (named) throw context.source.error('INSERT has more target columns than expressions', at);
    throw context.source.unsupported(
      'INSERT with fewer expressions than the table has columns and no list of columns',
      at,
    );
  }
}

function insertedQuery(node: Node<'insert'>, columns: Target, context: Context): string {
  const at = node.query!.at;
  const { sql, columns: given } = resolveQuery(node.query!, context);
  checkWidth(given.length, columns, node.columns.length > 0, context, at);
  const values = columns.map(({ type }, i) => {
    const { constant, type: from } = given[i]!;
    const value: Value =
      constant === undefined
        ? { sql: `"new"."c${i + 1}"`, type: from }
        : { sql: '', type: { name: 'unknown' }, constant };
    return assigned(value, type, context, at);
  });
  return `select ${values.join(', ')} from (${sql}) as "new"(${columns.map((_, i) => `"c${i + 1}"`).join(', ')})`;
}

function insertedRows(node: Node<'insert'>, columns: Target, context: Context): string {
  const environment = environmentOf(context, new Scope(), 'VALUES');
  const rows = node.rows!.map((row) => {
    checkWidth(row.length, columns, node.columns.length > 0, context, node.at);
    const values = row.map((expression, i) =>
      expression === 'default'
        ? 'default'
        : assigned(environment.resolve(expression, environment), columns[i]!.type, context, expression.at),
    );
    return `(${values.join(', ')})`;
  });
  return rows.join(', ');
}

/** The target, its alias and the other relations; the target is seen first. */
function changedScope(
  relation: Relation,
  alias: Identifier | undefined,
  others: FromItem | undefined,
  context: Context,
) {
  const scope = new Scope();
  const name = alias ? context.fold(alias) : relation.name;
  const quoted = quoteIdentifier(name);
  scope.relations.push({
    alias: name,
    schema: alias ? undefined : relation.schema,
    columns: relation.columns.map((column) => ({
      name: column.name,
      type: column.type,
      sql: `${quoted}.${quoteIdentifier(column.name)}`,
    })),
  });
  const from = others && resolveFrom(others, environmentOf(context, scope, 'FROM'));
  return { scope, target: `${relationSql(relation)} as ${quoted}`, from };
}

function whereSql(where: Expression | undefined, scope: Scope, context: Context): string {
  return where ? ` where ${resolveCondition(where, environmentOf(context, scope, 'WHERE')).sql}` : '';
}

export function translateUpdate(node: Node<'update'>, context: Context): Statement {
  const relation = targetOf(node.table, context, 'update');
  const { scope, target, from } = changedScope(relation, node.alias, node.from, context);
  const environment = environmentOf(context, scope, 'UPDATE');
  targetColumns(
    relation,
    node.set.map(({ column }) => column),
    context,
  );
  const set = node.set.map(({ column, value }) => {
    const { name, type } = columnOf(relation, column, context);
    return `${quoteIdentifier(name)} = ${assigned(environment.resolve(value, environment), type, context, value.at)}`;
  });
  const duckdb = `update ${target} set ${set.join(', ')}${from ? ` from ${from}` : ''}${whereSql(node.where, scope, context)}`;
  return { kind: 'change', verb: 'update', target: nameOf(relation), duckdb };
}

export function translateDelete(node: Node<'delete'>, context: Context): Statement {
  const relation = targetOf(node.table, context, 'delete from');
  const { scope, target, from } = changedScope(relation, node.alias, node.using, context);
  const duckdb = `delete from ${target}${from ? ` using ${from}` : ''}${whereSql(node.where, scope, context)}`;
  return { kind: 'change', verb: 'delete', target: nameOf(relation), duckdb };
}
