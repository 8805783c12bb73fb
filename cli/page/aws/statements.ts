import { setTimeout as wait } from 'node:timers/promises';
import {
  CancelStatementCommand,
  type ColumnMetadata,
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { clientSettings } from '../../../lambda/shared/client-settings';
import { placeOf, retryingCall, type WarehouseTarget } from '../../../lambda/shared/redshift-data';
import { redshiftStatus } from '../../../lambda/shared/redshift-status';
import { scalar } from '../../../lambda/shared/scalar';
import { WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { statusSentence } from '../../../lambda/shared/warehouse-status';
import { Failure } from '../../failure';
import type { Reach } from '../ports';
import { refusalOf } from '../select-only';

/** Time of one statement. A paused cluster answers sooner: the Data API refuses the call. */
const LONGEST_MS = 60_000;
const WAIT_SECONDS = 20;
const PAUSES_MS = [200, 400, 800];
const ENDED = ['FINISHED', 'FAILED', 'ABORTED'];

export interface Queries {
  query(sql: string): Promise<{ columns: string[]; rows: unknown[][] }>;
  dispose(): void;
}

/** Runs queries through the Data API, with the secret of the target. It sends nothing that could write. */
export function awsQueries(target: WarehouseTarget, reach: Reach): Queries {
  const client = new RedshiftDataClient({ ...clientSettings(), ...reach });
  const askStatus = redshiftStatus(target, reach);
  const call = retryingCall(target, askStatus, (ms) => wait(ms), PAUSES_MS);

  const ended = async (Id: string) => {
    const deadline = performance.now() + LONGEST_MS;
    for (;;) {
      const state = await call(() => client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: WAIT_SECONDS })));
      if (ENDED.includes(state.Status ?? '')) return state;
      if (performance.now() < deadline) continue;
      await client.send(new CancelStatementCommand({ Id })).catch(() => {});
      throw new Failure(
        `the warehouse needs more than ${LONGEST_MS / 1000} seconds for a statement of the page, so it was cancelled; is it busy?`,
      );
    }
  };
  const failed = async (reason: string) => {
    const status = await askStatus().catch(() => undefined);
    if (status === undefined || status.kind === 'available')
      return new Failure(`the warehouse failed a statement of the page: ${reason}`);
    return new WarehouseAsleepError(`${statusSentence(target, status)} (${reason})`, status.kind === 'returning');
  };

  return {
    async query(sql) {
      const refusal = refusalOf(sql);
      if (refusal !== undefined) throw new Error(`a statement of the page is no query: ${refusal.error}`);
      const { Id } = await call(() =>
        client.send(
          new ExecuteStatementCommand({
            ...placeOf(target),
            SecretArn: target.secretArn,
            Sql: sql,
            StatementName: 'millrace-page',
          }),
        ),
      );
      const state = await ended(Id!);
      if (state.Status !== 'FINISHED') throw await failed(state.Error ?? `it was ${state.Status?.toLowerCase()}`);
      const rows: unknown[][] = [];
      let columns: ColumnMetadata[] = [];
      let NextToken: string | undefined;
      do {
        const page = await call(() => client.send(new GetStatementResultCommand({ Id, NextToken })));
        columns = page.ColumnMetadata ?? [];
        for (const record of page.Records ?? []) rows.push(record.map(scalar));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return { columns: columns.map(({ label, name }) => label ?? name ?? ''), rows };
    },
    dispose: () => client.destroy(),
  };
}
