import type { Ran } from '../engine/prompt';

/** Tags of the statements whose tag is not their kind in capital letters. */
const tags: Readonly<Record<string, string>> = {
  // A server of version 8.0 counts no rows of SELECT.
  query: 'SELECT',
  'create-table-as': 'SELECT',
  lock: 'LOCK TABLE',
  truncate: 'TRUNCATE TABLE',
  'add-column': 'ALTER TABLE',
  'create-external-schema': 'CREATE SCHEMA',
  'create-materialized-view': 'CREATE MATERIALIZED VIEW',
  'create-streaming-view': 'CREATE MATERIALIZED VIEW',
  'alter-view': 'ALTER MATERIALIZED VIEW',
  refresh: 'REFRESH MATERIALIZED VIEW',
};

/** What CommandComplete says of a statement. */
export function tagOf({ statement, done, undone }: Ran): string {
  const rows = Math.max(0, done.rows);
  switch (statement.kind) {
    case 'change':
      return statement.verb === 'insert' ? `INSERT 0 ${rows}` : `${statement.verb.toUpperCase()} ${rows}`;
    case 'merge':
      return `MERGE ${rows}`;
    case 'drop':
      return `DROP ${statement.what.toUpperCase()}`;
    case 'maintain':
      return statement.verb.toUpperCase();
    case 'commit':
      return undone ? 'ROLLBACK' : 'COMMIT';
    default:
      return tags[statement.kind] ?? statement.kind.toUpperCase().replaceAll('-', ' ');
  }
}
