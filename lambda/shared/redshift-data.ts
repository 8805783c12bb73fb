import {
  BatchExecuteStatementCommand,
  CancelStatementCommand,
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  ListStatementsCommand,
  RedshiftDataClient,
  type StatusString,
} from '@aws-sdk/client-redshift-data';
import { clientSettings } from './client-settings';
import { redshiftStatus } from './redshift-status';
import { retry } from './retry';
import { scalar } from './scalar';
import {
  isTerminal,
  type Row,
  type RowPages,
  type StatementState,
  type StatementStatus,
  type StatementSummary,
  type Submission,
  type Submitted,
  UnknownStatementError,
  type Warehouse,
  WarehouseAsleepError,
} from './warehouse';
import { type AskStatus, statusSentence, type WarehouseStatus } from './warehouse-status';

export interface WarehouseTarget {
  readonly kind: 'provisioned' | 'serverless';
  /** Cluster identifier or workgroup name. */
  readonly name: string;
  readonly database: string;
  /** The database identity that runs the statements. */
  readonly secretArn: string;
}

/** The environment variables that name a warehouse and who runs its statements. */
export interface WarehouseSettings {
  readonly WAREHOUSE_KIND: string;
  readonly WAREHOUSE_NAME: string;
  readonly DATABASE: string;
  readonly SECRET_ARN: string;
}

/** Throws on a WAREHOUSE_KIND other than `provisioned` and `serverless`. */
export function warehouseTarget(settings: WarehouseSettings): WarehouseTarget {
  const kind = settings.WAREHOUSE_KIND;
  if (kind !== 'provisioned' && kind !== 'serverless')
    throw new Error(`WAREHOUSE_KIND must be provisioned or serverless, got ${kind}`);
  return { kind, name: settings.WAREHOUSE_NAME, database: settings.DATABASE, secretArn: settings.SECRET_ARN };
}

/**
 * How long a submission waits for the end of its statement. Always the same: AWS does not document whether a repeated
 * call with a token may have another wait.
 */
export const submitSeconds = 5;
/** Data API limit. */
const maxBatch = 40;
/** Pages of 100 statements. Bounds the time of a listing: the API allows 3 calls a second. */
const maxPages = 20;
const defaultPausesMs = [200, 400, 800, 1600, 3200];
const passing = new Set([
  'ThrottlingException',
  'ActiveStatementsExceededException',
  'ActiveWaitingRequestsExceededException',
  'InternalServerException',
]);

/** Redshift Serverless reports throttling as a ValidationException with HTTP 400, which the SDK does not retry. Only the message shows it. */
const throttled = /throttl|rate exceeded|too many requests|try again later/i;

export function isPassingCall(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return passing.has(error.name) || (error.name === 'ValidationException' && throttled.test(error.message));
}

/** Errors of a call that may mean that the warehouse is away: all documented ones except those about access and rates. */
const mayBeAway = new Set([
  'BatchExecuteStatementException',
  'DatabaseConnectionException',
  'ExecuteStatementException',
  'InternalServerException',
  'QueryTimeoutException',
  'ResourceNotFoundException',
  'ValidationException',
]);

/** Errors for a statement of another role: its policy refuses the call, or the Data API finds nothing. */
const foreign = new Set(['AccessDeniedException', 'ResourceNotFoundException']);

/** The error of a cancel whose statement has ended. */
const hasEnded = (error: unknown) =>
  error instanceof Error && error.name === 'ValidationException' && /could not cancel|already in/i.test(error.message);

const sleepMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The warehouse that the environment variables name. */
export function connectWarehouse(settings: WarehouseSettings, pausesMs = defaultPausesMs): Warehouse & RowPages {
  const target = warehouseTarget(settings);
  return redshiftData(new RedshiftDataClient(clientSettings()), target, redshiftStatus(target), sleepMs, pausesMs);
}

export function redshiftData(
  client: Client,
  target: WarehouseTarget,
  /** Called when a call or a statement has failed. */
  askStatus: AskStatus,
  sleep: (ms: number) => Promise<void> = sleepMs,
  /** Pauses before retries of a call. */
  pausesMs: readonly number[] = defaultPausesMs,
): Warehouse & RowPages {
  const where = placeOf(target);
  const status = () => askStatus().catch(() => undefined);
  const call = retryingCall(target, askStatus, sleep, pausesMs);
  return {
    submit: (submission) => submit(client, call, { ...where, SecretArn: target.secretArn }, submission),
    describe: (id, waitSeconds) => describe(client, call, target, status, id, waitSeconds),
    ...listings(client, call, where),
    async cancel(id) {
      await call(async () => {
        try {
          await client.send(new CancelStatementCommand({ Id: id }));
        } catch (error) {
          if (!hasEnded(error)) throw error;
        }
      });
    },
    ...results(client, call),
    pause: sleep,
  };
}

/** Where a call finds the warehouse. */
export const placeOf = ({ kind, name, database }: WarehouseTarget): Where => ({
  Database: database,
  ...(kind === 'provisioned' ? { ClusterIdentifier: name } : { WorkgroupName: name }),
});

/**
 * Makes calls of the Data API. Retries after passing errors.
 * @throws WarehouseAsleepError
 */
export const retryingCall = (
  target: WarehouseTarget,
  askStatus: AskStatus,
  sleep: (ms: number) => Promise<void>,
  pausesMs: readonly number[],
): Call =>
  statusAwareCall(
    target,
    () => askStatus().catch(() => undefined),
    (send) => retry(send, { retryable: isPassingCall, pausesMs, sleep }),
  );

type Client = Pick<RedshiftDataClient, 'send'>;
type Call = <T>(send: () => Promise<T>) => Promise<T>;
/** Undefined where the control plane gives no answer. */
type Status = () => Promise<WarehouseStatus | undefined>;
type Where = { readonly Database: string; readonly ClusterIdentifier?: string; readonly WorkgroupName?: string };

/** Adds the warehouse's status to the error of a call that may mean that the warehouse is away. */
function statusAwareCall(target: WarehouseTarget, askStatus: Status, withRetries: Call): Call {
  return async (send) => {
    try {
      return await withRetries(send);
    } catch (error) {
      // No page of AWS says how the Data API answers for a paused warehouse, so the control plane is asked.
      const status = error instanceof Error && mayBeAway.has(error.name) ? await askStatus() : undefined;
      if (!status) throw error;
      // The warehouse may have come back meanwhile. If the call fails again, it fails for another reason.
      if (status.kind === 'available') return withRetries(send);
      const message = `${statusSentence(target, status)} (${(error as Error).message})`;
      throw status.kind === 'broken'
        ? new Error(message, { cause: error })
        : new WarehouseAsleepError(message, status.kind === 'returning', { cause: error });
    }
  };
}

async function submit(
  client: Client,
  call: Call,
  where: Where & { readonly SecretArn: string },
  { name, mode, statements, parameters, withEvent, token, waits = false }: Submission,
): Promise<Submitted> {
  const most = mode === 'single' ? 1 : maxBatch;
  if (statements.length === 0 || statements.length > most)
    throw new Error(`${name}: a ${mode} step takes 1 to ${most} statements, got ${statements.length}`);
  const common = {
    ...where,
    StatementName: name,
    WithEvent: withEvent ?? false,
    ClientToken: token,
    WaitTimeSeconds: waits ? submitSeconds : undefined,
    ...(parameters && { Parameters: Object.entries(parameters).map(([key, value]) => ({ name: key, value })) }),
  };
  const { Id, Status, CreatedAt } = await call(() =>
    mode === 'single'
      ? client.send(new ExecuteStatementCommand({ ...common, Sql: statements[0] }))
      : client.send(
          new BatchExecuteStatementCommand({
            ...common,
            Sqls: [...statements],
            ExecutionMode: mode === 'transaction' ? 'TRANSACTION' : 'AUTO_COMMIT',
          }),
        ),
  );
  if (!Id) throw new Error(`${name}: the Data API gave no statement id`);
  if (!waits || Status !== 'FINISHED' || !CreatedAt) return { id: Id };
  return { id: Id, finished: { id: Id, status: Status, createdAt: CreatedAt.getTime() } };
}

async function describe(
  client: Client,
  call: Call,
  target: WarehouseTarget,
  askStatus: Status,
  id: string,
  waitSeconds: number | undefined,
): Promise<StatementState> {
  const answer = await call(() =>
    client.send(new DescribeStatementCommand({ Id: id, WaitTimeSeconds: waitSeconds })),
  ).catch((error: Error) => {
    throw foreign.has(error.name) ? new UnknownStatementError(id, { cause: error }) : error;
  });
  const parts = (answer.SubStatements ?? []).map(({ Id, Status, Error: error, ResultRows }) => ({
    id: Id!,
    status: Status!,
    error: error || undefined,
    // -1 means that the number is not known (API reference, SubStatementData).
    rows: ResultRows === undefined || ResultRows < 0 ? undefined : ResultRows,
  }));
  const { name: _, ...state } = summary(answer);
  const hasFailed = isTerminal(state.status) && state.status !== 'FINISHED';
  const warehouse = hasFailed ? await askStatus() : undefined;
  const error = joinErrors(answer.Error, parts);
  if (!warehouse || warehouse.kind === 'available') return { ...state, error, parts };
  const reason = statusSentence(target, warehouse);
  return { ...state, error: error ? `${error}; ${reason}` : reason, parts, warehouse };
}

function listings(client: Client, call: Call, where: Where): Pick<Warehouse, 'list' | 'active'> {
  const list = async (namePrefix: string, Status: StatusString) => {
    const found: StatementSummary[] = [];
    let NextToken: string | undefined;
    for (let page = 0; page < maxPages; page += 1) {
      const input = { ...where, StatementName: namePrefix, Status, RoleLevel: true, MaxResults: 100, NextToken };
      const answer = await call(() => client.send(new ListStatementsCommand(input)));
      found.push(...(answer.Statements ?? []).map(summary));
      NextToken = answer.NextToken;
      if (!NextToken) return found;
    }
    throw new Error(`more than ${maxPages * 100} statements are named ${namePrefix}*`);
  };
  return {
    list: (namePrefix) => list(namePrefix, 'ALL'),
    async active(namePrefix) {
      const found: StatementSummary[] = [];
      for (const status of ['SUBMITTED', 'PICKED', 'STARTED'] as const) found.push(...(await list(namePrefix, status)));
      return found;
    },
  };
}

function results(client: Client, call: Call): Pick<Warehouse, 'rows'> & RowPages {
  async function* rowPages(Id: string): AsyncGenerator<Row[]> {
    let NextToken: string | undefined;
    do {
      const answer = await call(() => client.send(new GetStatementResultCommand({ Id, NextToken })));
      const names = (answer.ColumnMetadata ?? []).map(({ name }) => (name ?? '').toLowerCase());
      yield (answer.Records ?? []).map((record) =>
        Object.fromEntries(record.map((field, i) => [names[i], scalar(field)])),
      );
      NextToken = answer.NextToken;
    } while (NextToken);
  }
  return {
    rowPages,
    async rows(id) {
      const rows: Row[] = [];
      for await (const page of rowPages(id)) for (const row of page) rows.push(row);
      return rows;
    },
  };
}

function summary(answer: {
  Id?: string;
  StatementName?: string;
  Status?: string;
  CreatedAt?: Date;
  UpdatedAt?: Date;
}): StatementSummary {
  return {
    id: answer.Id!,
    name: answer.StatementName ?? '',
    status: answer.Status as StatementStatus,
    createdAt: answer.CreatedAt?.getTime() ?? 0,
    updatedAt: answer.UpdatedAt?.getTime() ?? 0,
  };
}

/** Adds the errors of a batch's statements, with their numbers, where the batch's own error does not contain them. */
function joinErrors(error: string | undefined, parts: StatementState['parts']): string | undefined {
  const inner = parts.flatMap((part, i) =>
    part.error && !error?.includes(part.error) ? [`statement ${i + 1}: ${part.error}`] : [],
  );
  return [...(error ? [error] : []), ...inner].join('; ') || undefined;
}
