import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { literal } from './database';
import { WarehouseError } from './errors';
import type { Session } from './session';
import { columnAt, outputSql, type Unload, unloaded, writerOptions } from './unload-format';

/** A written file, whose target is `folder`: `col=value/` for each partition column, empty without PARTITION BY. */
export interface Part {
  readonly folder: string;
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
}

const table = 'temp.millrace_unload';

/** Writes the query's rows, in their order, to files of at most MAXFILESIZE. A partition without rows has no file. */
export class PartWriter {
  private made = 0;

  constructor(
    private readonly session: Session,
    private readonly statement: Unload,
    private readonly work: string,
  ) {}

  async write(): Promise<Part[]> {
    const { statement } = this;
    if (statement.partitionBy.length === 0) {
      const part = await this.copy('', outputSql(statement, unloaded(statement)));
      if (part.bytes <= this.maxBytes) return part.rows > 0 ? [part] : [];
      rmSync(part.file);
    }
    await this.materialize();
    try {
      const parts: Part[] = [];
      for (const { folder, condition, first, last } of await this.groups())
        parts.push(...(await this.range(folder, condition, first, last)));
      return parts;
    } finally {
      // An aborted transaction cannot drop anything. Its rollback does it.
      await this.session.connection.run(`drop table if exists ${table}`).catch(() => undefined);
    }
  }

  /** Redshift rounds the size of Parquet files down to a multiple of 32 MB. */
  private get maxBytes(): number {
    const { format, maxFileBytes } = this.statement;
    return format === 'parquet' ? Math.max(1, Math.floor(maxFileBytes / 2 ** 25)) * 2 ** 25 : maxFileBytes;
  }

  private async materialize(): Promise<void> {
    await this.session.connection.run(
      `create or replace temp table millrace_unload as select row_number() over () as n, ${this.keys()} as folder, * from ${unloaded(this.statement)}`,
    );
  }

  /** Returns the partition's values as a list of texts. NULL stays NULL. */
  private keys(): string {
    const { columns, partitionBy } = this.statement;
    const values = partitionBy.map(
      (name) => `cast(${columnAt(columns.findIndex((column) => column.name === name))} as varchar)`,
    );
    return `[${values.join(', ')}]::varchar[]`;
  }

  /** Returns the folders and the row numbers of each, from `first` to `last`. Without rows there are no folders. */
  private async groups(): Promise<{ folder: string; condition: string; first: number; last: number }[]> {
    const { partitionBy } = this.statement;
    const found = await this.session.connection.rows<{
      folder: readonly (string | null)[];
      first: bigint;
      last: bigint;
    }>(`select folder, min(n) as first, max(n) as last from ${table} group by folder order by folder`);
    return found.map(({ folder, first, last }) => ({
      folder: folder
        .map((value, index) => `${safe(partitionBy[index]!)}=${folderValue(partitionBy[index]!, value)}/`)
        .join(''),
      condition: `folder = [${folder.map(literal).join(', ')}]::varchar[]`,
      first: Number(first),
      last: Number(last),
    }));
  }

  /** Writes the rows in a range to one file, or to several if one would be too large. */
  private async range(folder: string, condition: string, first: number, last: number): Promise<Part[]> {
    const relation = `(select * from ${table} where ${condition} and n between ${first} and ${last})`;
    const part = await this.copy(folder, outputSql(this.statement, relation));
    if (part.rows <= 1 || part.bytes <= this.maxBytes) return part.rows > 0 ? [part] : [];
    rmSync(part.file);
    const parts: Part[] = [];
    const step = Math.ceil((last - first + 1) / Math.ceil(part.bytes / this.maxBytes));
    for (let from = first; from <= last; from += step)
      parts.push(...(await this.range(folder, condition, from, Math.min(last, from + step - 1))));
    return parts;
  }

  /** Writes one file. With several files, DuckDB would not keep the order of the rows. */
  private async copy(folder: string, query: string): Promise<Part> {
    this.made += 1;
    const file = join(this.work, String(this.made));
    const rows = await this.session.connection.run(
      `copy (${query}) to ${literal(file)} (${writerOptions(this.statement)})`,
    );
    return { folder, file, rows, bytes: statSync(file).size };
  }
}

/** Matches characters that the Hive convention does not escape. AWS does not document how Redshift writes others. */
const plain = /^[^\p{Cc}"#%'*/:=?\\{}[\]^]+$/u;

function safe(name: string): string {
  if (plain.test(name)) return name;
  throw new WarehouseError(
    `UNLOAD partition column "${name}" is not modelled by the local warehouse: its name has characters that a folder's name does not show as they are`,
  );
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html#unload-partitionby-usage */
function folderValue(name: string, value: string | null): string {
  if (value === null) return '__HIVE_DEFAULT_PARTITION__';
  if (plain.test(value)) return value;
  throw new WarehouseError(
    `UNLOAD partition value ${JSON.stringify(value)} of column "${name}" is not modelled by the local warehouse: it must not be empty or hold any of "#%'*/:=?\\{}[]^`,
  );
}
