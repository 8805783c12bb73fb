/**
 * Measures how long `select 1` takes through the SDK client: ExecuteStatement, DescribeStatement until the end is
 * known, and GetStatementResult, in order. DuckDB alone runs the same statement on a connection of its own.
 */
import {
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { duckdbTimed, type Environment, median, withEnvironment } from './environment';
import { print } from './print';

const warmUp = 20;

export const roundTrip = (times: number) =>
  withEnvironment(async (environment) => {
    const client = new RedshiftDataClient(environment.client);
    try {
      const milliseconds: number[] = [];
      for (let i = -warmUp; i < times; i += 1) {
        const began = performance.now();
        await selectOne(client, environment);
        if (i >= 0) milliseconds.push(performance.now() - began);
      }
      milliseconds.sort((one, other) => one - other);
      const slow = milliseconds[Math.ceil(times * 0.95) - 1]!;
      const alone = (await duckdbTimed([], 'select 1', times)) * 1000;
      print(`DuckDB alone: ${alone.toFixed(2)} ms at the median`);
      print(
        `select 1 through the SDK client, ${times} times: ${median(milliseconds).toFixed(1)} ms at the median, ${slow.toFixed(1)} ms for 95 of 100; wanted: below 15 ms at the median`,
      );
    } finally {
      client.destroy();
    }
  });

async function selectOne(client: RedshiftDataClient, { output }: Environment): Promise<void> {
  const target = {
    ClusterIdentifier: output('WarehouseName'),
    Database: output('DatabaseName'),
    SecretArn: output('OwnerSecretArn'),
  };
  const { Id } = await client.send(new ExecuteStatementCommand({ ...target, Sql: 'select 1' }));
  for (;;) {
    const { Status, Error: message } = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 20 }));
    if (Status === 'FAILED' || Status === 'ABORTED') throw new Error(message ?? Status);
    if (Status === 'FINISHED') break;
  }
  const { Records } = await client.send(new GetStatementResultCommand({ Id }));
  if (Records?.[0]?.[0]?.longValue !== 1) throw new Error(`select 1 gave ${JSON.stringify(Records)}`);
}
