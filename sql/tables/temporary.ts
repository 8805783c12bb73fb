/** The temporary tables of one merge. */
export function temporaryTables(name: string) {
  return {
    /** The new rows, unchanged. */
    arrived: `${name}_arrived`,
    /** One row: how many rows arrived, and between which times. */
    read: `${name}_read`,
    /** Positions that already have an outcome, from the time range of the new rows. */
    merged: `${name}_merged`,
    /** The remaining rows, parsed. Only for pipelines whose records wrap events. */
    wrapped: `${name}_wrapped`,
    /** The events of the remaining rows, parsed. */
    parsed: `${name}_parsed`,
    /** The parsed rows that are meant for another pipeline. Only for pipelines with `where`. */
    filtered: `${name}_filtered`,
    /** The parsed rows, numbered. Only for pipelines with too many columns for one statement. */
    rows: `${name}_rows`,
    /** The typed rows. */
    incoming: `${name}_incoming`,
    /** Ids that several rows share, or that `events` already has. */
    shared: `${name}_shared`,
    /** The rows with those ids. */
    copies: `${name}_copies`,
    /** Positions that were rejected as skipped by streaming ingestion and have arrived after all. */
    recovered: `${name}_recovered`,
  };
}

export type TemporaryTables = ReturnType<typeof temporaryTables>;
