/**
 * Measures whether the cost of a merge follows the new records and not the size of `events`: the merge of 100,000 new
 * records into 100,000 events and into 10 million. Records are put onto the stream and read by the landing view. Then
 * only the merge is timed, submitted through the Data API. Each size is measured several times with new records, and
 * the median counts. `events` grows by copies of its rows with other ids and earlier times, as a history of months
 * would have, without payloads.
 */
import { grouped } from '../cli/terminal';
import { pipelineTables, refreshPlan } from '../sql';
import { type Environment, line, median, pipeline, withEnvironment } from './environment';
import { print } from './print';
import { runStep } from './stream-to-events';

const batch = 100_000;

export const mergeGrowth = (large: number, repeats: number) =>
  withEnvironment(async (environment) => {
    await mergeOnce(environment, 'base');
    const small = await measure(environment, 'small', repeats);
    await growEvents(environment, large);
    const big = await measure(environment, 'large', repeats);
    print(`ratio ${(big / small).toFixed(2)}; wanted: below 2`);
  });

async function measure(environment: Environment, label: string, repeats: number): Promise<number> {
  const held = await environment.number('select count(*) from estore.events');
  const seconds: number[] = [];
  for (let i = 1; i <= repeats; i += 1) seconds.push(await mergeOnce(environment, `${label} ${i}`));
  const typical = median(seconds);
  line(`merge ${grouped(batch)} into ${grouped(held)} events (median of ${repeats})`, typical, batch);
  print(`  each: ${seconds.map((second) => second.toFixed(2)).join(', ')} s`);
  return typical;
}

/** Puts new records into the landing view, then times their merge. */
async function mergeOnce(environment: Environment, seed: string): Promise<number> {
  await environment.feed(batch, seed);
  const [landing, merge] = refreshPlan(pipeline).steps;
  await runStep(environment, landing!);
  return runStep(environment, merge!);
}

export async function growEvents(environment: Environment, wanted: number): Promise<void> {
  const columns = pipeline.columns.map(({ name }) => name).filter((name) => name !== 'occurred_at');
  for (let days = 1; ; days *= 2) {
    const held = await environment.number('select count(*) from estore.events');
    if (held >= wanted) return;
    const kept = [...columns, 'source', 'shard_id', 'partition_key', 'run_id'].join(', ');
    await environment.run([
      `insert into ${pipelineTables(pipeline).events} (event_id, ${kept}, occurred_at, arrived_at, merged_at, sequence_number)
select sha2(event_id || '${days}', 256), ${kept}, dateadd(day, -${days}, occurred_at), dateadd(day, -${days}, arrived_at), dateadd(day, -${days}, merged_at),
  sequence_number
from estore.events
limit ${wanted - held}`,
    ]);
  }
}
