import type { Relation, Statement } from '../../statement';
import type { Expression, StatementNode } from '../ast';
import type { Environment } from '../resolve/environment';
import { resolveCondition } from '../resolve/expression';
import { findRelation } from '../resolve/from';
import { environmentOf, resolveQuery } from '../resolve/query';
import { relationSql } from '../resolve/relation-sql';
import { type Context, Scope } from '../resolve/scope';
import { quoteIdentifier } from '../resolve/value';
import { assigned, columnOf, nameOf, targetColumns, targetOf } from './change';
import { requireUnique, toColumns } from './shared';

type Node = StatementNode & { kind: 'merge' };

/** The target or the source, with its name in the statement. */
interface Side {
  readonly relation: Relation;
  readonly alias: string;
  readonly sql: string;
}

const several = 'Found multiple matches to update the same tuple.';
const doubled =
  'MERGE with REMOVE DUPLICATES of a source that has several rows of one key is not supported by the local warehouse';

/** https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html */
export function translateMerge(node: Node, context: Context): Statement {
  const target = sideOf(targetOf(node.table, context, 'merge into'));
  const source = sourceOf(node, context);
  if (target.alias === source.alias)
    throw context.source.unsupported(
      'MERGE of a table with one of the same name, without an alias',
      'body' in node.source ? node.source.at : node.source[0]!.at,
    );
  const both = scopeOf(target, source);
  const environment = environmentOf(context, both, 'MERGE');
  const keys = equalities(node.on, target, environment);
  const on = resolveCondition(node.on, environment).sql;
  return node.clauses
    ? withClauses(node, node.clauses, { target, source, on, environment })
    : withoutDuplicates({ target, source, on, keys }, context, node.at);
}

function sourceOf({ source, alias }: Node, context: Context): Side {
  if ('body' in source) {
    const { sql, columns } = resolveQuery(source, context);
    const named = toColumns(columns);
    requireUnique(named, context, source.at);
    const name = context.fold(alias!);
    const relation = { kind: 'view' as const, schema: '', name, columns: named };
    return { relation, alias: name, sql: `(${sql}) as ${quoteIdentifier(name)}` };
  }
  const found = findRelation(source, context);
  if (found.kind === 'system-view' || found.lateQuery !== undefined)
    throw context.source.unsupported(
      `MERGE with a ${found.kind === 'system-view' ? 'system view' : 'late-binding view'} as its source`,
      source[0]!.at,
    );
  return sideOf(found, alias && context.fold(alias));
}

const sideOf = (relation: Relation, alias = relation.name): Side => ({
  relation,
  alias,
  sql: `${relationSql(relation)} as ${quoteIdentifier(alias)}`,
});

function scopeOf(...sides: Side[]): Scope {
  const scope = new Scope();
  for (const { relation, alias } of sides)
    scope.relations.push({
      alias,
      schema: alias === relation.name ? relation.schema : undefined,
      columns: relation.columns.map(({ name, type }) => ({
        name,
        type,
        sql: `${quoteIdentifier(alias)}.${quoteIdentifier(name)}`,
      })),
    });
  return scope;
}

/** The source's side of each `target.a = source.b`. No other condition may join the two. */
function equalities(on: Expression, target: Side, environment: Environment): string[] {
  const { context } = environment;
  const conditions = on.kind === 'logic' && on.operator === 'and' ? on.operands : [on];
  const own = `${quoteIdentifier(target.alias)}.`;
  return conditions.map((condition) => {
    const sides =
      condition.kind === 'binary' && condition.operator === '='
        ? [condition.left, condition.right].map((side) => ({ side, sql: environment.resolve(side, environment).sql }))
        : [];
    const others = sides.filter(({ sql }) => !sql.startsWith(own));
    if (sides.length === 0 || sides.some(({ side }) => side.kind !== 'name') || others.length !== 1)
      throw context.source.unsupported('MERGE ON anything but equal columns of both tables', condition.at);
    return others[0]!.sql;
  });
}

interface Joined {
  readonly target: Side;
  readonly source: Side;
  readonly on: string;
}

function withClauses(
  node: Node,
  clauses: NonNullable<Node['clauses']>,
  { target, source, on, environment }: Joined & { environment: Environment },
): Statement {
  const { context } = environment;
  const { matched, values } = clauses;
  const inserted = targetColumns(target.relation, clauses.columns, context);
  if (values.length !== inserted.length)
    throw context.source.error(`MERGE inserts ${values.length} values into ${inserted.length} columns`, node.at);
  const only = environmentOf(context, scopeOf(source), 'MERGE INSERT');
  const row = values.map((value, i) => {
    if (value === 'default') return 'default';
    if (inserted[i]!.identity) throw context.source.unsupported('MERGE into an identity column', value.at);
    return assigned(only.resolve(value, only), inserted[i]!.type, context, value.at);
  });
  const set =
    matched === 'delete'
      ? undefined
      : matched.map(({ column, value }) => {
          const { name, type } = columnOf(target.relation, column, context);
          return `${quoteIdentifier(name)} = ${assigned(environment.resolve(value, environment), type, context, value.at)}`;
        });
  const names = inserted.map(({ name }) => quoteIdentifier(name)).join(', ');
  return {
    kind: 'merge',
    target: nameOf(target.relation),
    privileges: ['insert', set ? 'update' : 'delete'],
    conflicts: `select 1 from ${target.sql} join ${source.sql} on ${on} group by ${quoteIdentifier(target.alias)}.rowid having count(*) > 1 limit 1`,
    conflict: several,
    duckdb: [
      `merge into ${target.sql} using ${source.sql} on ${on} when matched then ${set ? `update set ${set.join(', ')}` : 'delete'} when not matched then insert (${names}) values (${row.join(', ')})`,
    ],
  };
}

/** Deletes the target's rows that match a row of the source, then inserts all rows of the source. */
function withoutDuplicates(
  { target, source, on, keys }: Joined & { keys: readonly string[] },
  context: Context,
  at: number,
): Statement {
  const columns = target.relation.columns;
  const given = source.relation.columns;
  if (columns.length !== given.length)
    throw context.source.error(
      `REMOVE DUPLICATES needs tables with the same number of columns, got ${columns.length} and ${given.length}`,
      at,
    );
  const values = columns.map(({ type }, i) => {
    const name = `${quoteIdentifier(source.alias)}.${quoteIdentifier(given[i]!.name)}`;
    return assigned({ sql: name, type: given[i]!.type }, type, context, at);
  });
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  return {
    kind: 'merge',
    target: nameOf(target.relation),
    privileges: ['insert', 'delete'],
    conflicts: `select 1 from ${source.sql} where ${keys.map((key) => `${key} is not null`).join(' and ')} group by ${keys.join(', ')} having count(*) > 1 limit 1`,
    conflict: doubled,
    duckdb: [
      `delete from ${target.sql} using ${source.sql} where ${on}`,
      `insert into ${relationSql(target.relation)} (${names}) select ${values.join(', ')} from ${source.sql}`,
    ],
  };
}
