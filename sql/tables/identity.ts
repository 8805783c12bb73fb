import type { Pipeline } from '../../pipelines/definition';
import { shortHash } from '../text/definition';

/**
 * What an id is made of: where each part stands in the payload, and what it is written as. Two pipelines with equal parts give a record the same
 * id, whatever their columns are called and however long a text may be.
 */
export function identityParts({ identity, columns }: Pick<Pipeline, 'identity' | 'columns'>) {
  if (identity.by === 'stream-position') return identity.by;
  return identity.columns.map((name) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (!column) return { path: [name], as: 'unknown' };
    const as = column.type === 'decimal' ? `decimal of scale ${column.scale}` : column.type;
    return { path: column.path, as };
  });
}

/** 8 hexadecimal characters over the parts of an id. The version stays the same for as long as every record keeps its id. */
export const identityVersion = (pipeline: Pick<Pipeline, 'identity' | 'columns'>) =>
  shortHash(JSON.stringify(identityParts(pipeline)));
