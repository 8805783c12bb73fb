import { quoteLiteral } from '../../lambda/shared/quote';

/** Prefix of the reasons of records that streaming ingestion skipped. No column has such a name. */
export const skipPrefix = 'skipped by Redshift (';

export const isSkipReason = (reason: string) => reason.startsWith(skipPrefix);

/**
 * SQL condition: a reject of which only the position is known. It gives way when the record arrives from any source.
 */
export const isSkip = (of = '') => `${of}reason like ${quoteLiteral(`${skipPrefix}%`)}`;
