import type { ColumnType } from '../../pipelines/definition';

/** The Redshift type of a pipeline's column, as in DDL. */
export function redshiftType(column: ColumnType): string {
  switch (column.type) {
    case 'varchar':
      return `varchar(${column.maxBytes})`;
    case 'char':
      return `char(${column.length})`;
    case 'decimal':
      return `decimal(${column.precision},${column.scale})`;
    case 'double':
      return 'double precision';
    default:
      return column.type;
  }
}
