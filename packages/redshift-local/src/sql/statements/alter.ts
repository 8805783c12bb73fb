import type { ColumnInfo, Relation, Statement } from '../../statement';
import type { AlterAction, StatementNode } from '../ast';
import { findRelation } from '../resolve/from';
import { relationSql } from '../resolve/relation-sql';
import type { Context } from '../resolve/scope';
import { quoteIdentifier } from '../resolve/value';
import { describe } from '../types';
import { columnOf, nameOf, targetOf } from './change';
import { columnSql, tableColumn } from './ddl';
import { checkForeignKey, constraintsOf } from './keys';
import { requireUnique } from './shared';

type Node<K extends StatementNode['kind']> = StatementNode & { kind: K };

/** https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html */
export function translateAddColumn(node: Node<'add-column'>, context: Context): Statement {
  const relation = permanent(node.table, context);
  const { name } = node.column;
  const column = tableColumn(node.column, context);
  if (column.identity) throw context.source.error('an added column cannot be an identity', name.at);
  if (relation.columns.some((existing) => existing.name === column.name))
    throw context.source.error(`column "${column.name}" of relation "${relation.name}" already exists`, name.at);
  requireUnique([...relation.columns, column], context, name.at);
  if (column.notNull && column.defaultValue === undefined)
    throw context.source.error(
      `ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression`,
      name.at,
    );
  const table = relationSql(relation);
  // DuckDB cannot add a column with a constraint.
  const add = `alter table ${table} add column ${columnSql({ ...column, notNull: false })}`;
  const duckdb = column.notNull
    ? `${add}; alter table ${table} alter column ${quoteIdentifier(column.name)} set not null`
    : add;
  return { kind: 'add-column', table: nameOf(relation), column, duckdb };
}

export function translateAlterTable(node: Node<'alter-table'>, context: Context): Statement {
  const { table, action, at } = node;
  if (action.kind === 'rename' || action.kind === 'owner') {
    const view = findRelation(table, context);
    if (view.kind === 'view') return alterView(view, action, context);
  }
  const relation = permanent(table, context);
  refuseIdentity(action, relation, context, at);
  const alter = `alter table ${relationSql(relation)}`;
  const base = { kind: 'alter-table', table: nameOf(relation) } as const;
  switch (action.kind) {
    case 'drop-column': {
      const { name } = columnOf(relation, action.column, context);
      if (relation.columns.length === 1)
        throw context.source.error('cannot drop the only column of a table', action.column.at);
      return {
        ...base,
        change: { kind: 'drop-column', column: name, cascade: action.cascade },
        duckdb: [`${alter} drop column ${quoteIdentifier(name)}`],
      };
    }
    case 'rename': {
      const to = context.fold(action.to);
      return { ...base, change: { kind: 'rename', to }, duckdb: [`${alter} rename to ${quoteIdentifier(to)}`] };
    }
    case 'rename-column':
      return { ...base, ...renameColumn(action, relation, alter, context) };
    case 'alter-type':
      return { ...base, ...widen(action, relation, context) };
    case 'owner':
      return { ...base, change: { kind: 'owner', to: context.fold(action.to) }, duckdb: [] };
    case 'add-key': {
      const { key } = action;
      for (const identifier of key.columns) {
        const { name, notNull } = columnOf(relation, identifier, context);
        if (key.kind === 'primary' && !notNull)
          throw context.source.error(`column "${name}" of a primary key must be NOT NULL`, identifier.at);
      }
      checkForeignKey(key, nameOf(relation), context);
      const [constraint] = constraintsOf([key], nameOf(relation), context);
      return { ...base, change: { kind: 'key', constraint: constraint! }, duckdb: [] };
    }
    case 'append':
      return { ...base, ...append(action, relation, context, at) };
  }
}

/** Name and owner of a view change as those of a table do. */
function alterView(view: Relation, action: AlterAction & { kind: 'rename' | 'owner' }, context: Context): Statement {
  const to = context.fold(action.to);
  // A late-binding view is in no catalog but Redshift's.
  const isBound = view.lateQuery === undefined;
  const duckdb =
    action.kind === 'rename' && isBound ? [`alter view ${relationSql(view)} rename to ${quoteIdentifier(to)}`] : [];
  return { kind: 'alter-table', table: nameOf(view), change: { kind: action.kind, to }, duckdb };
}

/** Refuses a change that would separate the table from the sequence of its identity column. */
function refuseIdentity(action: AlterAction, relation: Relation, context: Context, at: number): void {
  const identity = relation.columns.find((column) => column.identity);
  if (!identity) return;
  const touched =
    action.kind === 'rename' || (action.kind === 'drop-column' && context.fold(action.column) === identity.name);
  if (touched)
    throw context.source.unsupported(
      `${action.kind === 'rename' ? 'RENAME of a table with' : 'DROP COLUMN of'} an identity column`,
      at,
    );
}

function permanent(parts: Node<'add-column'>['table'], context: Context): Relation {
  const relation = targetOf(parts, context, 'alter');
  if (relation.kind === 'temp-table')
    throw context.source.unsupported('ALTER TABLE of a temporary table', parts[0]!.at);
  return relation;
}

type Changed = Pick<Statement & { kind: 'alter-table' }, 'change' | 'duckdb'>;

function renameColumn(
  action: AlterAction & { kind: 'rename-column' },
  relation: Relation,
  alter: string,
  context: Context,
): Changed {
  const { name } = columnOf(relation, action.column, context);
  const to = context.fold(action.to);
  if (relation.columns.some((column) => column.name === to))
    throw context.source.error(`column "${to}" of relation "${relation.name}" already exists`, action.to.at);
  requireUnique([...relation.columns.filter((column) => column.name !== name), { name: to }], context, action.to.at);
  return {
    change: { kind: 'rename-column', column: name, to },
    duckdb: [`${alter} rename column ${quoteIdentifier(name)} to ${quoteIdentifier(to)}`],
  };
}

/** Only the size of a VARCHAR can change. Redshift can shrink it if every value fits; here it can only grow. */
function widen(action: AlterAction & { kind: 'alter-type' }, relation: Relation, context: Context): Changed {
  const { name, type, defaultValue } = columnOf(relation, action.column, context);
  if (type.name !== 'varchar' || action.type.name !== 'varchar')
    throw context.source.error(
      `cannot alter column "${name}" of relation "${relation.name}" from ${describe(type)} to ${describe(action.type)}: only the size of a VARCHAR can be changed`,
      action.typeAt,
    );
  if (defaultValue !== undefined)
    throw context.source.error(`cannot alter the type of column "${name}", which has a default value`, action.typeAt);
  if (action.type.length < type.length)
    throw context.source.unsupported(`making ${describe(type)} smaller`, action.typeAt);
  return { change: { kind: 'alter-type', column: name, type: action.type }, duckdb: [] };
}

/**
 * Moves all rows; the source may be a streaming view
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE_APPEND.html).
 */
function append(action: AlterAction & { kind: 'append' }, target: Relation, context: Context, at: number): Changed {
  const source = findRelation(action.from, context);
  if (source.kind !== 'table' && source.kind !== 'materialized-view')
    throw context.source.error(`cannot append from ${source.kind} "${source.name}"`, action.from[0]!.at);
  const same = (columns: readonly ColumnInfo[], { name, type }: ColumnInfo) => {
    const other = columns.find((column) => column.name === name);
    if (other && describe(other.type) !== describe(type))
      throw context.source.error(
        `column "${name}" is ${describe(type)} in the source and ${describe(other.type)} in the target`,
        at,
      );
    return other !== undefined;
  };
  const moved = source.columns.filter((column) => same(target.columns, column));
  if (moved.length < source.columns.length && !action.ignoreExtra)
    throw context.source.error(
      'the source has columns that the target does not have (IGNOREEXTRA leaves them out)',
      at,
    );
  if (moved.length < target.columns.length && !action.fillTarget)
    throw context.source.error('the target has columns that the source does not have (FILLTARGET fills them)', at);
  if ([...source.columns, ...target.columns].some(({ identity }) => identity))
    throw context.source.unsupported('ALTER TABLE APPEND with an identity column', at);
  const names = moved.map(({ name }) => quoteIdentifier(name)).join(', ');
  return {
    change: { kind: 'append', from: nameOf(source) },
    duckdb: [
      `insert into ${relationSql(target)} (${names}) select ${names} from ${relationSql(source)}`,
      `delete from ${relationSql(source)}`,
    ],
  };
}
