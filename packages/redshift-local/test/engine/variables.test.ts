import type { DuckDBConnection } from '@duckdb/node-api';
import { Connection } from '../../src/engine/database';

/** A connection that notes what is sent. A statement with `fail` in it fails. */
function connect() {
  const sent: string[] = [];
  const send = async (sql: string) => {
    sent.push(sql);
    if (sql.includes('fail')) throw new Error('failed');
    return { rowsChanged: 0, rowCount: 0, fetchChunk: async () => undefined, getRowObjectsJS: () => [] };
  };
  const raw = { run: send, runAndReadAll: send } as unknown as DuckDBConnection;
  const events = { onFatal: () => undefined, onSpillLimit: async () => undefined, onClose: () => undefined };
  return { connection: new Connection(raw, events), sent };
}

test('variables are set in the same call as the next statement, and only if they changed', async () => {
  const { connection, sent } = connect();
  connection.set({ a: '1', b: '2' });
  connection.set({ b: '3' });
  await connection.run('select 1');
  connection.set({ a: '1', b: '3' });
  await connection.rows('select 2');
  connection.set({ b: '4' });
  connection.set({ b: '3' });
  await connection.rows('select 3');
  expect(sent).toEqual(['set variable a = 1; set variable b = 3; select 1', 'select 2', 'select 3']);
});

test('after a call that failed, variables are set again, and never before the end of a transaction', async () => {
  const { connection, sent } = connect();
  connection.set({ a: '1' });
  await expect(connection.run('fail')).rejects.toThrow('failed');
  await connection.run('rollback');
  connection.set({ a: '2' });
  await connection.run('commit');
  await connection.ended('select 1', 10);
  expect(sent).toEqual(['set variable a = 1; fail', 'rollback', 'commit', 'set variable a = 2; select 1 limit 11']);
});
