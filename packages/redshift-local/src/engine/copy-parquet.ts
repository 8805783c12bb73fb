import { largestOf } from '../decimal';
import type { ColumnInfo, RedshiftType } from '../statement';
import type { Sources } from './copy-sources';
import { identifier, literal } from './database';
import { WarehouseError } from './errors';
import type { Session } from './session';

interface FileColumn {
  readonly column_name: string;
  readonly column_type: string;
}

/**
 * Loads COPY … PARQUET. The file's columns must be the table's columns in order, with the same types. One value that
 * does not fit fails the command
 * (https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html). Returns the number of rows
 * of each file, by path.
 */
export async function copyParquet(
  session: Session,
  into: string,
  columns: readonly ColumnInfo[],
  sources: Sources,
  /** Whether SUPER columns are loaded. */
  serializes: boolean,
): Promise<Map<string, number>> {
  const rows = new Map<string, number>();
  const alike = new Map<string, { paths: string[]; columns: FileColumn[] }>();
  for (const { path, url } of sources.files) {
    const found = await session.connection
      .rows<FileColumn>(`describe select * from read_parquet(${literal(path)}, hive_partitioning = false)`)
      .catch(() => {
        throw new WarehouseError(`Spectrum Scan Error. ${url} is not a Parquet file that can be read`);
      });
    const key = JSON.stringify(found);
    const group = alike.get(key) ?? { paths: [], columns: found };
    if (!alike.has(key)) checkColumns(columns, found, url, serializes);
    group.paths.push(path);
    alike.set(key, group);
  }
  for (const { paths, columns: found } of alike.values()) {
    const reader = `read_parquet([${paths.map(literal).join(', ')}], filename = 'millrace_file', hive_partitioning = false)`;
    const values = columns.map((column, index) => valueSql(column, found[index]!));
    const lengths = columns.flatMap((column, index) => tooLong(column, found[index]!));
    if (lengths.length > 0) {
      const [bad] = await session.connection.rows<{ millrace_long: string; millrace_file: string }>(
        `select millrace_long, millrace_file from (select coalesce(${lengths.join(', ')}) as millrace_long, millrace_file from ${reader}) where millrace_long is not null limit 1`,
      );
      if (bad)
        throw new WarehouseError(
          `Spectrum Scan Error. The length of the data column ${bad.millrace_long} is longer than the length defined in the table. File: ${sources.at(bad.millrace_file).url}`,
        );
    }
    for (const large of columns.flatMap((column, index) => tooLarge(column, found[index]!)))
      if ((await session.connection.rows(`select 1 from ${reader} where ${large.sql} limit 1`)).length > 0)
        throw new WarehouseError(
          `COPY PARQUET of a value that does not fit into the 64 bits of column "${large.name}" is not modelled by the local warehouse`,
        );
    const names = columns.map(({ name }) => identifier(name)).join(', ');
    await checkJson(session, columns, found, reader);
    await session.connection.run(`insert into ${into} (${names}) select ${values.join(', ')} from ${reader}`);
    for (const row of await session.connection.rows<{ path: string; n: bigint }>(
      `select millrace_file as path, count(*) as n from ${reader} group by 1`,
    ))
      rows.set(row.path, Number(row.n));
  }
  return rows;
}

const fileTypes: Readonly<Record<string, readonly string[]>> = {
  smallint: ['SMALLINT'],
  integer: ['INTEGER'],
  bigint: ['BIGINT'],
  real: ['FLOAT'],
  'double precision': ['DOUBLE'],
  boolean: ['BOOLEAN'],
  date: ['DATE'],
  timestamp: ['TIMESTAMP', 'TIMESTAMP_MS', 'TIMESTAMP_NS', 'TIMESTAMP WITH TIME ZONE'],
  varchar: ['VARCHAR'],
  char: ['VARCHAR'],
};

function fits(type: RedshiftType, fileType: string): boolean {
  if (type.name === 'decimal') return fileType === `DECIMAL(${type.precision},${type.scale})`;
  return fileTypes[type.name]?.includes(fileType) ?? false;
}

function checkColumns(
  columns: readonly ColumnInfo[],
  found: readonly FileColumn[],
  url: string,
  serializes: boolean,
): void {
  if (columns.length !== found.length)
    throw new WarehouseError(
      `Spectrum Scan Error. Unmatched number of columns between table and file. Table columns: ${columns.length}, Data columns: ${found.length}, File name: ${url}`,
    );
  for (const [index, { name, type }] of columns.entries()) {
    const { column_name, column_type } = found[index]!;
    if (type.name === 'super') {
      if (!serializes)
        throw new WarehouseError(`COPY PARQUET into SUPER column "${name}" needs the option SERIALIZETOJSON`);
      if (column_type !== 'VARCHAR')
        throw new WarehouseError(
          `COPY PARQUET SERIALIZETOJSON of Parquet type ${column_type} into SUPER column "${name}" is not modelled by the local warehouse, which takes the JSON texts of UNLOAD alone`,
        );
      continue;
    }
    if (!fits(type, column_type))
      throw new WarehouseError(
        `Spectrum Scan Error. File ${url} has an incompatible Parquet schema for column ${column_name}. Column type: ${type.name.toUpperCase()}, Parquet type: ${column_type}`,
      );
  }
}

function valueSql({ type }: ColumnInfo, { column_name, column_type }: FileColumn): string {
  const column = identifier(column_name);
  // UNLOAD writes SUPER as JSON, and COPY takes it back
  // (https://docs.aws.amazon.com/redshift/latest/dg/unload-super-parquet.html).
  if (type.name === 'super') return `cast(${column} as json)`;
  if (column_type === 'TIMESTAMP WITH TIME ZONE') return `timezone('UTC', ${column})`;
  return type.name === 'timestamp' ? `cast(${column} as timestamp)` : column;
}

/** Refuses a text that is not JSON, since no page says what COPY makes of it. */
async function checkJson(
  session: Session,
  columns: readonly ColumnInfo[],
  found: readonly FileColumn[],
  reader: string,
): Promise<void> {
  for (const [index, { name, type }] of columns.entries()) {
    if (type.name !== 'super') continue;
    const bad = `not json_valid(${identifier(found[index]!.column_name)})`;
    if ((await session.connection.rows(`select 1 from ${reader} where ${bad} limit 1`)).length > 0)
      throw new WarehouseError(
        `COPY PARQUET SERIALIZETOJSON of a text that is not JSON into SUPER column "${name}" is not modelled by the local warehouse`,
      );
  }
}

function tooLarge({ name, type }: ColumnInfo, { column_name }: FileColumn): { name: string; sql: string }[] {
  const most = largestOf(type);
  return most === undefined ? [] : [{ name, sql: `abs(${identifier(column_name)}) > ${most}` }];
}

function tooLong({ name, type }: ColumnInfo, { column_name }: FileColumn): string[] {
  if (type.name !== 'varchar' && type.name !== 'char') return [];
  return [`case when strlen(${identifier(column_name)}) > ${type.length} then ${literal(name)} end`];
}
