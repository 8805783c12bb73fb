import type { ColumnInfo, Name } from '../../statement';
import type { Identifier } from '../ast';
import type { ResolvedColumn } from '../resolve/environment';
import { splitName } from '../resolve/from';
import type { Context } from '../resolve/scope';

/** The schema in which an unqualified name is created. */
const defaultSchema = 'public';

export function toColumns(columns: readonly ResolvedColumn[]): ColumnInfo[] {
  return columns.map(({ name, type }) => ({
    name,
    type: type.name === 'unknown' ? { name: 'varchar', length: 256 } : type,
  }));
}

/** The name of an object to be created. */
export function newName(parts: readonly Identifier[], context: Context): Name {
  const { schema, name } = splitName(parts, context);
  return { schema: schema ?? context.catalog.defaultSchema ?? defaultSchema, name };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html */
const maxColumns = 1600;

/** Checks that names are unique. DuckDB ignores case in names, so names that differ only in case are refused too. */
export function requireUnique(columns: readonly { readonly name: string }[], context: Context, at: number): void {
  if (columns.length > maxColumns) throw context.source.error(`tables can have at most ${maxColumns} columns`, at);
  const seen = new Map<string, string>();
  for (const { name } of columns) {
    const other = seen.get(name.toLowerCase());
    if (other === name) throw context.source.error(`column "${name}" specified more than once`, at);
    if (other !== undefined) throw context.source.unsupported(`columns that differ only in case ("${name}")`, at);
    seen.set(name.toLowerCase(), name);
  }
}
