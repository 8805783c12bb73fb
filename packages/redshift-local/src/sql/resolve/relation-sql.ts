import type { Relation } from '../../statement';
import { quoteIdentifier } from './value';

/** DuckDB's name of a relation. System views have their own schema; temporary tables are in DuckDB's `temp`. */
export function relationSql(relation: Pick<Relation, 'kind' | 'schema' | 'name' | 'query'>): string {
  if (relation.kind === 'temp-table') return `temp.main.${quoteIdentifier(relation.name)}`;
  if (relation.query !== undefined) return `(${relation.query})`;
  const schema = relation.kind === 'system-view' ? 'millrace_system' : relation.schema;
  return `${quoteIdentifier(schema)}.${quoteIdentifier(relation.name)}`;
}
