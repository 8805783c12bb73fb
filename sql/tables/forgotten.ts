/** The `filter` of rows of `skipped` for records of forgotten subjects. */
export const forgottenFilter = 'forgotten';

/** SQL condition on `skipped`: the record is of a forgotten subject. */
export const isForgotten = `filter = '${forgottenFilter}'`;
