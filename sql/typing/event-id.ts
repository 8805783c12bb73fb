import type { Column, Identity } from '../../pipelines/definition';
import { identifier } from '../text/identifier';

/**
 * SQL for the id of an event: the SHA-256 of its identity columns. Each text follows its length, so that no two lists
 * of values give the same text. `columns` are required ones: a row without a reason has them all.
 */
export function identityExpression(identity: Identity, columns: readonly Column[]): string {
  if (identity.by === 'stream-position') return "sha2(shard_id || ':' || sequence_number, 256)";
  const parts = identity.columns.map((name) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (!column) throw new Error(`identity names the column ${name}, which is not declared`);
    return identityPart(column);
  });
  return `sha2(${parts.join(" || ','\n      || ")}, 256)`;
}

function identityPart(column: Column): string {
  const name = identifier(column.name);
  if (column.type === 'varchar') return `octet_length(${name})::varchar || ':' || ${name}`;
  if (column.type === 'char') return `octet_length(rtrim(${name}))::varchar || ':' || rtrim(${name})`;
  if (column.type === 'timestamptz') return `(${name} at time zone 'UTC')::varchar`;
  if (column.type === 'boolean') return `case when ${name} then 'true' else 'false' end`;
  return `${name}::varchar`;
}
