/**
 * Measures how fast records go from the stream through the landing view into `events`, beside the rate at which DuckDB
 * alone loads the same bytes. Putting records onto the estore stream with the AWS SDK is not timed. The statements of
 * the refresh function that move them into `events` are timed: the refresh of the landing view and the merge, submitted
 * through the Data API as the function submits them. The limit is DuckDB directly afterwards, in the same process. It
 * reads the same segment files into a table of the same columns, without reject reasons, deduplication, ids and
 * payload.
 */
import { grouped } from '../cli/terminal';
import { asked, renderAll } from '../lambda/shared/statement';
import { refreshPlan } from '../sql';
import {
  duckdbAlone,
  type Environment,
  line,
  pipeline,
  ratio,
  secondsSince,
  streamName,
  type Taken,
  taken,
  withEnvironment,
} from './environment';
import { print } from './print';

export const ingest = (events: number) =>
  withEnvironment(async (environment) => {
    const began = performance.now();
    const produced = await environment.feed(events, 'bench');
    print(`put ${grouped(produced)} records in ${secondsSince(began).toFixed(1)} s (not part of the result)`);
    const steps: [string, Taken][] = [];
    // The steps after the first two refresh the views.
    for (const step of refreshPlan(pipeline).steps.slice(0, 2))
      steps.push([step.name, await taken(() => runStep(environment, step))]);
    const merged = await environment.number('select count(*) from estore.events');
    if (merged !== events) throw new Error(`${merged} events were merged, ${events} expected`);
    const sum = (of: keyof Taken) => steps.reduce((total, [, step]) => total + step[of], 0);
    const total = { seconds: sum('seconds'), processorSeconds: sum('processorSeconds') };
    const query = await rawQuery(environment);
    const raw = await taken(() => duckdbAlone(query));
    for (const [name, { seconds }] of steps) line(`  ${name}`, seconds, produced);
    line('stream → landing → events', total.seconds, produced);
    line('DuckDB alone: the same files, typed', raw.seconds, produced);
    ratio(total, raw, 'at least 100,000 records/s');
  });

/** Runs a step of the refresh plan as the refresh function does. */
export function runStep(environment: Environment, step: { readonly statements: readonly string[] }): Promise<number> {
  return environment.run(
    renderAll(step.statements, asked(step.statements, { run_id: 'bench', started: '1970-01-01', failures: '[]' })),
  );
}

/** Returns a DuckDB relation of the stream's records: the segment files that the landing view reads. */
export async function segments({ runtime }: Environment): Promise<string> {
  const { files } = await runtime.kinesis.readSlice(runtime.administrator.principal, streamName, {});
  const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ');
  return `read_json([${list}], format = 'newline_delimited',
    columns = {shard_id: 'varchar', sequence_number: 'varchar', partition_key: 'varchar', arrival_ms: 'bigint', data: 'varchar'})`;
}

async function rawQuery(environment: Environment): Promise<string> {
  return `select shard_id, sequence_number, partition_key, make_timestamp(arrival_ms * 1000) as arrived_at, ${typedColumns}
from (
  select *, try_cast(decode(from_base64(data)) as json) as body
  from ${await segments(environment)}
)`;
}

/** Selects the typed columns of an estore event in `body`. */
export const typedColumns = `body ->> '$.customer_id' as customer_id, body ->> '$.product.product_id' as product_id, body ->> '$.action' as action,
  try_cast(body ->> '$.product.price' as decimal(12, 2)) as price, try_cast(body ->> '$.timestamp' as timestamp) as occurred_at`;
