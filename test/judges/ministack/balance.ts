import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Cloud } from '../../../cli/cloud/ports';
import { run } from '../../../lambda/shared/warehouse';
import type { Pipeline } from '../../../pipelines/definition';
import { landingName, ofLanding, publicTables } from '../../../sql';

/** Where every record of a pipeline is; each term is counted by itself. */
export interface Account {
  readonly produced: number;
  readonly events: number;
  readonly duplicates: number;
  readonly skipped: number;
  readonly rejects: number;
  readonly pending: number;
}

const QUERY_MS = 60_000;

/** @param historyRows rows of the objects that were put into the history bucket */
export async function accountOf(cloud: Cloud, pipeline: Pipeline, historyRows: number): Promise<Account> {
  const tables = publicTables(pipeline);
  const landing = landingName(pipeline);
  const count = (relation: string) => `(select count(*) from ${relation})`;
  const deadline = performance.now() + QUERY_MS;
  const [row] = await run(
    cloud.warehouse,
    'judge/account',
    `select ${count(tables.events)} as events, ${count(tables.duplicates)} as duplicates, ${count(tables.rejects)} as rejects,
  ${count(tables.skipped)} as skipped, ${count(tables.staged)} as staged, (select coalesce(sum(row_count), 0) from ${tables.ledger}) as loaded,
  ${count(`(select distinct shard_id, sequence_number from ${landing}) as positions`)} as landed,
  (select count(*) from ${landing} where refresh_time > coalesce(
    (select max(refresh_time) from ${tables.checkpoints} where ${ofLanding(pipeline)}), '1970-01-01'::timestamp)) as unmerged`,
    () => deadline - performance.now(),
  );
  const number = (name: string) => Number(row![name]);
  const onStream = await streamRecords(cloud, pipeline.name);
  return {
    produced: onStream + historyRows,
    events: number('events'),
    duplicates: number('duplicates'),
    skipped: number('skipped'),
    rejects: number('rejects'),
    pending: onStream - number('landed') + number('unmerged') + (historyRows - number('loaded')) + number('staged'),
  };
}

/** Counted from the stream itself, shard by shard. */
async function streamRecords(cloud: Cloud, pipeline: string): Promise<number> {
  const stream = cloud.names.stream(pipeline);
  let records = 0;
  for (const shard of await cloud.streams.shards(stream))
    for await (const page of cloud.streams.records(stream, shard, undefined)) records += page.length;
  return records;
}

/** Looks until nothing is pending. @throws Error with the last account when the time is up or a count does not add up */
export async function settle(cloud: Cloud, pipeline: Pipeline, historyRows: number, limitMs: number): Promise<Account> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const account = await accountOf(cloud, pipeline, historyRows);
    if (account.pending === 0) return account;
    if (performance.now() > deadline)
      throw new Error(
        `${pipeline.name}: ${account.pending} records are pending after ${limitMs / 1000} s: ${equation(account)}`,
      );
    await wait(2000);
  }
}

export const equation = ({ produced, events, duplicates, rejects, skipped, pending }: Account) =>
  `${produced} produced = ${events} events + ${duplicates} duplicates + ${rejects} rejects + ${skipped} skipped + ${pending} pending`;

/** What differs from the equation, and from what the generator knows. */
export function problemsOf(account: Account, oracleFile: string): string[] {
  const { produced, events, duplicates, rejects, skipped, pending } = account;
  const known = JSON.parse(readFileSync(oracleFile, 'utf8')) as Omit<Account, 'pending'>;
  const terms = ['produced', 'events', 'duplicates', 'rejects'] as const;
  return [
    ...(produced === events + duplicates + rejects + skipped + pending
      ? []
      : [`does not balance: ${equation(account)}`]),
    ...terms
      .filter((term) => account[term] !== known[term])
      .map((term) => `${account[term]} ${term}, the generator knows ${known[term]}`),
  ];
}
