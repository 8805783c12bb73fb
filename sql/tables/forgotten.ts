/** The `filter` of rows of `skipped` for records of forgotten subjects. */
export const forgottenFilter = 'forgotten';

/** SQL condition on `skipped`: the record is of a forgotten subject. */
export const isForgotten = `filter = '${forgottenFilter}'`;

/** The `source` of rows of the ledger for objects that another object has replaced: see forget/rewrites.ts. */
export const replacedSource = 'replaced';

/** SQL condition on the ledger: the row is of a history object that is loaded, and that no other one has replaced. */
export const isLoadedHistory = `source not in ('archive', '${replacedSource}')`;
