import type { Name, StoredConstraint } from '../../statement';
import type { TableKey } from '../ast';
import { findRelation, splitName } from '../resolve/from';
import type { Context } from '../resolve/scope';
import { columnOf } from './change';

const suffixes = { primary: 'pkey', unique: 'key', foreign: 'fkey' };

/** The keys for the catalog. They change no result. A key without a name gets the one that PostgreSQL 8.0 gives it. */
export function constraintsOf(keys: readonly TableKey[], own: Name, context: Context): StoredConstraint[] {
  const used = new Set(keys.flatMap(({ name }) => (name ? [context.fold(name)] : [])));
  return keys.map(({ kind, name, columns: identifiers, target }) => {
    const columns = identifiers.map((column) => context.fold(column));
    const named = name ? context.fold(name) : unusedName(kind, own, columns[0]!, used);
    used.add(named);
    if (!target) return { name: named, kind, columns };
    const { schema = own.schema ?? 'public', name: table } = foundName(target.table, own, context);
    const references = target.references.map((column) => context.fold(column));
    return {
      name: named,
      kind,
      columns,
      table: `${schema}.${table}`,
      ...(references.length > 0 && { references }),
    };
  });
}

function unusedName(kind: TableKey['kind'], { name }: Name, column: string, used: ReadonlySet<string>): string {
  const plain = [name, ...(kind === 'primary' ? [] : [column]), suffixes[kind]].join('_');
  for (let i = 0; ; i++) {
    const candidate = i === 0 ? plain : `${plain}${i}`;
    if (!used.has(candidate)) return candidate;
  }
}

const isOwn = ({ schema = 'public', name }: Name, own: Name) => schema === own.schema && name === own.name;

function foundName(table: NonNullable<TableKey['target']>['table'], own: Name, context: Context): Name {
  const name = splitName(table, context);
  return isOwn(name, own) ? name : findRelation(table, context);
}

/** The table and columns of a foreign key must exist, although the key is not enforced. */
export function checkForeignKey({ columns, target }: TableKey, own: Name, context: Context): void {
  if (!target) return;
  const { table, references } = target;
  if (isOwn(splitName(table, context), own)) return;
  const relation = findRelation(table, context);
  for (const reference of references) columnOf(relation, reference, context);
  if (references.length > 0 && references.length !== columns.length)
    throw context.source.error('number of referencing and referenced columns for foreign key disagree', table[0]!.at);
}
