/** The temporary tables of one merge. */
export function temporaryTables(name: string) {
  return {
    /** The new rows, untouched. */
    arrived: `${name}_arrived`,
    /** How many they were, and the times between which they arrived. */
    read: `${name}_read`,
    /** Positions that may be among them and have an outcome. */
    merged: `${name}_merged`,
    /** The others, parsed. */
    parsed: `${name}_parsed`,
    /** The same, numbered: of a pipeline whose columns one statement cannot speak of. */
    rows: `${name}_rows`,
    /** The same, typed. */
    incoming: `${name}_incoming`,
    /** Ids that more than one row has, or an event of before. */
    shared: `${name}_shared`,
    /** The rows of those ids. */
    copies: `${name}_copies`,
    /** Positions of rows that were rejects because streaming ingestion had skipped them. */
    recovered: `${name}_recovered`,
  };
}

export type TemporaryTables = ReturnType<typeof temporaryTables>;
