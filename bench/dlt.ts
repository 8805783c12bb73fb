import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dltSource } from '../test/judges/kinesis/dlt-source';
import { runProgram } from '../test/judges/ministack/processes';
import type { Taken } from './environment';
import { type ServedStream, streamName } from './served-stream';

const LONGEST_MS = 300_000;

/**
 * Reads with dlt's Kinesis source into DuckDB. The source ends at a record that is not JSON, so a function of the
 * script parses the payloads, as dlt's own example does. The times are those of the run, without Python's imports.
 */
const script = (most: number) => `
import json, os, resource, time
import dlt
from kinesis import kinesis_stream

def parsed(item):
    try:
        value = json.loads(item["data"])
    except ValueError:
        return item
    if isinstance(value, dict):
        del item["data"]
        item.update(value)
    return item

source = kinesis_stream(
    stream_name="${streamName}",
    credentials={"aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"], "region_name": os.environ["AWS_REGION"]},
    initial_at_timestamp=None,
    max_number_of_messages=${most},
    chunk_size=10000,
    parse_json=False,
).add_map(parsed)
pipeline = dlt.pipeline("bench", destination=dlt.destinations.duckdb("dlt.duckdb"), dataset_name="bench", pipelines_dir=".")

def processor():
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

began, used = time.perf_counter(), processor()
pipeline.run(source)
seconds, processor_seconds = time.perf_counter() - began, processor() - used
with pipeline.sql_client() as client:
    records = client.execute_sql('select count(*) from "${streamName}"')[0][0]
print(json.dumps({"records": records, "seconds": seconds, "processorSeconds": processor_seconds}))
`;

/**
 * Reads a part of the stream with dlt into DuckDB, once: it takes minutes for what the others read in seconds.
 * @returns why dlt is left out, if it is
 */
export async function dltToDuckdb(
  folder: string,
  { client: { endpoint, region, credentials } }: ServedStream,
  most: number,
): Promise<(Taken & { readonly records: number }) | string> {
  const log = join(folder, 'dlt.log');
  try {
    const source = await dltSource(folder, log);
    if (!source) return 'its Kinesis source, which GitHub has, is out of reach';
    const file = join(source.work, 'bench.py');
    writeFileSync(file, script(most));
    const env = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      RUNTIME__DLTHUB_TELEMETRY: 'false',
    };
    const said = await runProgram(source.program, [file], env, log, LONGEST_MS, source.work);
    return JSON.parse(said.trim().split('\n').at(-1)!);
  } catch (error) {
    return (error as Error).message.trim().split('\n').at(-1)!;
  }
}
