/** The attribute by which the merge knows a tombstone. */
export const tombstoneField = 'millrace_forgotten';

/**
 * What an object has in place of a record of a forgotten subject: a line of history, or the payload of an archived line. So
 * the object keeps its number of lines.
 */
export const tombstone = `{"${tombstoneField}":true}`;

/** The user-defined metadata of an object that was rewritten: the id under which it was claimed, in the table `rewrites`. */
export const rewriteMetadata = 'millrace-rewrite';
