import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BatchExecuteStatementCommand,
  DescribeStatementCommand,
  type RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { everyNth, secondTierTest } from '../support/tier';
import { dataClient, place, rows, run, startServer } from './warehouse-server';

jest.setTimeout(120_000);

const writers = 4;
/** Answers to wait for before the kill: early and late, so that it falls into opening, writing, committing and answering. */
const kills = everyNth([1, 2, 3, 5, 8, 13, 21, 34], 3);

const folder = mkdtempSync(join(tmpdir(), 'millrace-killed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One transaction of four statements: a row in each of two tables, and a table of its own with a row. */
const transaction = (id: number) => [
  `insert into one values (${id})`,
  `create table own_${id} (a integer)`,
  `insert into own_${id} values (${id})`,
  `insert into two values (${id})`,
];

/** The token finds the statement again, whether its answer arrived or not. */
const submission = (id: number) => ({
  ...place,
  Sqls: transaction(id),
  ClientToken: `transaction-${id}`,
  WaitTimeSeconds: 30,
});

/** Writes transactions until the server is gone; notes those that were reported as finished. */
async function write(client: RedshiftDataClient, next: () => number, onFinished: (id: number) => void): Promise<void> {
  for (;;) {
    const id = next();
    try {
      const { Id } = await client.send(new BatchExecuteStatementCommand(submission(id)));
      const { Status, Error: why } = await client.send(new DescribeStatementCommand({ Id }));
      if (Status !== 'FINISHED') throw new Error(`unexpected ${Status}: ${why}`);
    } catch (error) {
      if ((error as Error).message.startsWith('unexpected')) throw error;
      return;
    }
    onFinished(id);
  }
}

test('kill -9 at any moment loses nothing that was reported, leaves nothing half done, and the folder opens again', async () => {
  const finished = new Set<number>();
  let last = 0;
  let before = await startServer(folder);
  const setUp = dataClient(before.endpoint);
  for (const table of ['one', 'two'])
    expect((await run(setUp, `create table ${table} (id integer)`)).Status).toBe('FINISHED');

  for (const after of kills) {
    let answers = 0;
    const client = dataClient(before.endpoint);
    const onFinished = (id: number) => {
      finished.add(id);
      answers += 1;
      if (answers === after) before.kill('SIGKILL');
    };
    await Promise.all(Array.from({ length: writers }, () => write(client, () => ++last, onFinished)));
    expect(await before.exited()).toBe('SIGKILL');

    before = await startServer(folder);
    const reader = dataClient(before.endpoint);
    const one = (await rows(reader, 'select id from one order by id')).map(([id]) => id as number);
    const two = (await rows(reader, 'select id from two order by id')).map(([id]) => id as number);
    const own = (await rows(reader, `select table_name from svv_tables where table_name like 'own%'`)).map(([name]) =>
      Number(String(name).slice('own_'.length)),
    );
    expect(two).toEqual(one);
    expect(own.sort((left, right) => left - right)).toEqual(one);
    expect(new Set(one).size).toBe(one.length);
    expect([...finished].filter((id) => !one.includes(id))).toEqual([]);
    // at most what was under way may have been committed without an answer
    expect(one.filter((id) => !finished.has(id)).length).toBeLessThanOrEqual(writers);
    // what the server says of a transaction that it was killed in is what happened to it
    for (let id = last - writers + 1; id <= last; id++) {
      const { Status } = await reader.send(new BatchExecuteStatementCommand(submission(id)));
      const now = (await rows(reader, `select count(*) from one where id = ${id}`))[0]![0];
      expect([id, Status, now]).toEqual([id, now === 1 ? 'FINISHED' : 'ABORTED', now]);
    }
    for (const [id] of await rows(reader, 'select id from one')) finished.add(id as number);
  }
  expect(finished.size).toBeGreaterThanOrEqual(kills.reduce((sum, after) => sum + after, 0));
  before.kill('SIGTERM');
  expect(await before.exited()).toBe(0);
});

secondTierTest('a kill of npx ends the server that it started', async () => {
  const own = mkdtempSync(join(tmpdir(), 'millrace-npx-'));
  const npx = spawn('npx', ['millrace', 'warehouse', '--data', own], {
    cwd: join(__dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(npx.stdout!, 'data');
  const pid = Number(readFileSync(join(own, 'lock'), 'utf8').split(' ')[0]);
  expect(pid).not.toBe(npx.pid);
  npx.kill('SIGKILL');
  // The server holds the other end of npx's pipe until it ends.
  npx.stdout!.resume();
  await once(npx.stdout!, 'close');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  rmSync(own, { recursive: true, force: true });
});
