/**
 * Ids of shards begin with this if their rows come from another stream, by an import. A position would otherwise mean a
 * record of the environment's own stream, and the merge takes each position once.
 */
export const foreignShard = 'foreign-';

/** SQL condition: the row came with a full export of another stream. */
export const isForeign = `shard_id like '${foreignShard}%'`;
