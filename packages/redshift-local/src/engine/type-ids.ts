/** Type numbers of PostgreSQL, and those of Redshift's own types. */
export const typeIds: readonly (readonly [oid: number, name: string, type: string])[] = [
  [16, 'bool', 'boolean'],
  [20, 'int8', 'bigint'],
  [21, 'int2', 'smallint'],
  [23, 'int4', 'integer'],
  [700, 'float4', 'real'],
  [701, 'float8', 'double precision'],
  [1042, 'bpchar', 'char'],
  [1043, 'varchar', 'varchar'],
  [1082, 'date', 'date'],
  [1083, 'time', 'time'],
  [1114, 'timestamp', 'timestamp'],
  [1184, 'timestamptz', 'timestamptz'],
  [1700, 'numeric', 'decimal'],
  [4000, 'super', 'super'],
  [6551, 'varbyte', 'varbyte'],
];
