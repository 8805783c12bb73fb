import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort, python } from '../test/judges/ministack/processes';
import { type Environment, withDuckdb } from './environment';

const version = '0.12.7';
const startMs = 20_000;

/**
 * Serves tables of the estore with ROAPI, from Parquet files with the rows that they have now.
 * @returns why it is left out, if it is
 */
export async function withRoapi(
  environment: Environment,
  tables: readonly string[],
  use: (address: string) => Promise<void>,
): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-roapi-'));
  try {
    const program = await python('roapi', [`roapi==${version}`], join(folder, 'pip.log')).catch(
      (error: Error) => error,
    );
    if (program instanceof Error) return program.message.trim().split('\n').at(-1);
    for (const table of tables) await toParquet(environment, table, join(folder, `${table}.parquet`));
    const address = `127.0.0.1:${await freePort()}`;
    const postgres = `127.0.0.1:${await freePort()}`;
    const served = tables.flatMap((table) => ['--table', `${table}=${join(folder, `${table}.parquet`)}`]);
    const child = spawn(
      join(dirname(program), 'roapi'),
      ['--addr-http', address, '--addr-postgres', postgres, ...served],
      {
        stdio: 'ignore',
      },
    );
    try {
      await answering(`http://${address}/health`);
      await use(`http://${address}`);
    } finally {
      child.kill();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return undefined;
}

async function toParquet({ runtime }: Environment, table: string, file: string): Promise<void> {
  const { columns, rows } = await runtime.warehouse.query(`select * from estore.${table}`);
  const lines = rows.map((row) => JSON.stringify(Object.fromEntries(columns.map((name, at) => [name, row[at]]))));
  writeFileSync(`${file}.ndjson`, lines.join('\n'));
  await withDuckdb([], (run) => run(`copy (from read_json('${file}.ndjson')) to '${file}' (format parquet)`));
}

async function answering(address: string): Promise<void> {
  for (const until = performance.now() + startMs; ; await wait(100)) {
    const ok = await fetch(address).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) return;
    if (performance.now() > until) throw new Error(`${address} did not answer within ${startMs / 1000} s`);
  }
}
