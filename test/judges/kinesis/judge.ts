import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { createIam, createKinesis, createKms } from 'aws-local/twins';
import { createClock, createGateway } from 'aws-local-kit';
import { readStream } from 'kinesis-reader';
import { clientSettings } from '../../../lambda/shared/client-settings';
import { readerContract } from '../../contracts/kinesis-reader';
import { Background, freePort, python, runProgram, until } from '../ministack/processes';
import { dltSource } from './dlt-source';

const REGION = 'eu-west-1';
const MOTO = '5.2.5';

/** Differences of moto from Kinesis, by the case that they break (moto/kinesis/models.py). */
const notOfMoto: Readonly<Record<string, string>> = {
  'reads through splits and merges, in pieces of any size, nothing twice and nothing never':
    'it moves the records of a split shard to its children, and the iterator of a closed shard never ends',
};

/**
 * Two independent judges of the Kinesis reader and of the local Kinesis. The reader must pass the contract of
 * test/contracts on moto's Kinesis. dlt's source must give the local Kinesis's records the same ids as the reader.
 */
async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-judges-kinesis-'));
  try {
    const failures = [...(await moto(folder)), ...(await dlt(folder))];
    for (const failure of failures) console.error(failure);
    return failures.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function moto(folder: string): Promise<string[]> {
  const log = join(folder, 'moto.log');
  const program = await python('moto', [`moto[kinesis,server]==${MOTO}`], log);
  const background = new Background();
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new KinesisClient({
    ...clientSettings(),
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'judge', secretAccessKey: 'judge' },
  });
  const failures: string[] = [];
  try {
    const server = background.start(
      program,
      ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
      process.env,
      log,
    );
    await until('moto', server, log, 60_000, async () => (await fetch(`${endpoint}/moto-api/`)).ok);
    for (const [name, run] of Object.entries(readerContract)) {
      if (notOfMoto[name]) {
        console.log(`  left out over moto: ${name}: ${notOfMoto[name]}`);
        continue;
      }
      try {
        await run({ client, now: Date.now, pass: (ms) => wait(ms) }, name.replace(/\W+/g, '-').slice(0, 100));
        console.log(`✔ over moto: ${name}`);
      } catch (error) {
        console.log(`✘ over moto: ${name}`);
        failures.push(`over moto: ${name}: ${(error as Error).message}`);
      }
    }
  } finally {
    client.destroy();
    await background.stop();
  }
  return failures;
}

/** Compares ids with dlt, if it can be installed. */
async function dlt(folder: string): Promise<string[]> {
  const log = join(folder, 'dlt.log');
  const source = await dltSource(folder, log);
  if (!source) {
    console.log('  left out: dlt, whose sources are out of reach');
    return [];
  }
  const { program, work } = source;
  const local = await localKinesis(join(folder, 'data'));
  try {
    const ids = await readIds(local.client);
    const script = join(work, 'ids.py');
    writeFileSync(script, idsScript);
    const said = await runProgram(program, [script], local.env, log, 120_000, work);
    const same = JSON.stringify(JSON.parse(said.trim().split('\n').at(-1)!)) === JSON.stringify(ids);
    console.log(`${same ? '✔' : '✘'} dlt reads the local Kinesis, ${ids.length} records with the reader's ids`);
    return same ? [] : [`dlt gives other records or ids: ${said}\nthe reader: ${JSON.stringify(ids)}`];
  } finally {
    await local.dispose();
  }
}

const STREAM = 'judged';
const RECORDS = 200;

/** Prints the ids with the payloads, sorted. */
const idsScript = `
import json, os
from kinesis import kinesis_stream
resource = kinesis_stream(
    stream_name="${STREAM}",
    credentials={"aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"], "region_name": "${REGION}"},
    initial_at_timestamp=None,
)
print(json.dumps(sorted([item["_kinesis_msg_id"], item["n"]] for item in resource), separators=(",", ":")))
`;

async function readIds(client: KinesisClient): Promise<(string | number)[][]> {
  await client.send(new CreateStreamCommand({ StreamName: STREAM, ShardCount: 3 }));
  const record = (n: number) => ({ PartitionKey: `k${n}`, Data: Buffer.from(JSON.stringify({ n })) });
  await client.send(
    new PutRecordsCommand({ StreamName: STREAM, Records: Array.from({ length: RECORDS }, (_, n) => record(n)) }),
  );
  const ids: [string, number][] = [];
  for await (const { value, _kinesis_msg_id } of readStream<{ n: number }>({ stream: STREAM, until: 'now', client }))
    ids.push([_kinesis_msg_id, value.n]);
  if (ids.length !== RECORDS) throw new Error(`the reader gave ${ids.length} records of ${RECORDS}`);
  return ids.sort(([one], [other]) => (one < other ? -1 : 1));
}

async function localKinesis(dataDir: string) {
  const account = '000000000000';
  const clock = createClock({ start: Date.now(), rate: 1 });
  const iam = createIam({ account, region: REGION, clock });
  const common = { dataDir, account, region: REGION, clock, authorizer: iam.authorizer };
  const kinesis = createKinesis({ ...common, kms: createKms(common).port });
  const gateway = await createGateway({ callerOf: iam.callerOf, services: [kinesis.service], region: REGION });
  const { accessKeyId, secretAccessKey } = iam.administrator.credentials;
  const client = new KinesisClient({
    ...clientSettings(),
    endpoint: gateway.endpoint,
    region: REGION,
    credentials: { accessKeyId, secretAccessKey },
  });
  return {
    client,
    env: {
      AWS_ENDPOINT_URL: gateway.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: REGION,
      RUNTIME__DLTHUB_TELEMETRY: 'false',
    },
    async dispose() {
      client.destroy();
      await gateway.dispose();
      await kinesis.port.dispose();
      clock.dispose();
    },
  };
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
