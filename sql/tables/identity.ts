import type { Pipeline } from '../../pipelines/definition';
import { shortHash } from '../text/definition';

/**
 * The parts of an event id: the path of each in the payload, and its type. Two pipelines with equal parts give a
 * record the same id, whatever they call their columns and whatever maximum length a text has.
 */
export function identityParts({ identity, columns }: Pick<Pipeline, 'identity' | 'columns'>) {
  if (identity.by === 'stream-position') return identity.by;
  return identity.columns.map((name) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (!column) return { path: [name], as: 'unknown' };
    const as = column.type === 'decimal' ? `decimal of scale ${column.scale}` : column.type;
    // Options can change the value of the same payload, and with it the id.
    const { trim, emptyAsNull, default: value } = column;
    return {
      path: column.path,
      as,
      convert: 'convert' in column ? column.convert : undefined,
      trim,
      emptyAsNull,
      default: value,
    };
  });
}

/** 8 hexadecimal characters of a hash over the parts of an id. The version changes only if ids change. */
export const identityVersion = (pipeline: Pick<Pipeline, 'identity' | 'columns'>) =>
  shortHash(JSON.stringify(identityParts(pipeline)));
