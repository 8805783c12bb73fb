import { quoteLiteral } from '../../lambda/shared/quote';

/** Reasons of records that Redshift's streaming ingestion skipped begin with this. No column has such a name. */
export const skipPrefix = 'skipped by Redshift (';

export const isSkipReason = (reason: string) => reason.startsWith(skipPrefix);

/** SQL that is true for a reject of which only the position is known. It gives way to the record, whoever brings its bytes. */
export const isSkip = (of = '') => `${of}reason like ${quoteLiteral(`${skipPrefix}%`)}`;
