import type { Runtime } from '../../local/runtime';
import type { DemoRuntime } from '../commands/local/demo-runtime';

/** The running environment that the page shows. */
export interface PageRuntime {
  readonly runtime: Runtime;
  readonly demo: DemoRuntime;
  /** The data folder, in the form that the commands accept. */
  readonly dataDir: string;
}

/** Converts a cell to a number; null becomes 0. */
export const numberOf = (value: unknown) => Number(value ?? 0);

/** Returns the first row by column name. */
export async function firstRow(
  demo: Pick<DemoRuntime, 'query'>,
  sql: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { columns, rows } = await demo.query(sql);
  return Object.fromEntries(columns.map((name, index) => [name, rows[0]?.[index]]));
}
