/**
 * Measures how fast a streaming view reads its stream into SUPER: one refresh of the landing view over records on the
 * stream, submitted through the Data API. DuckDB alone reads the same segment files into a table with the payload as
 * JSON.
 */
import { grouped } from '../cli/terminal';
import { refreshPlan } from '../sql';
import { duckdbAlone, line, pipeline, ratio, taken, withEnvironment } from './environment';
import { runStep, segments } from './stream-to-events';

export const refresh = (events: number) =>
  withEnvironment(async (environment) => {
    const produced = await environment.feed(events, 'bench');
    const [landing] = refreshPlan(pipeline).steps;
    const ours = await taken(() => runStep(environment, landing!));
    const raw = `select shard_id, sequence_number, partition_key, make_timestamp(arrival_ms * 1000) as arrived_at, try_cast(decode(from_base64(data)) as json) as payload
from ${await segments(environment)}`;
    const alone = await taken(() => duckdbAlone(raw));
    line('DuckDB alone: the same files, JSON', alone.seconds, produced);
    line(`refresh of ${grouped(produced)} records into SUPER`, ours.seconds, produced);
    ratio(ours, alone, 'at least 300,000 records/s');
  });
