import { createHash } from 'node:crypto';
import { type Authorizer, AwsError, type Clock, type JsonOperations, type Principal } from '../../ports';
import { booleanOf, integerOf, invalid, objectOf, oneOf, requiredText, textOf } from '../../properties';
import type { Engine } from '../engine/engine';
import type { Executor } from './executor';
import { batchInput, executeInput, limits, type Submission, waitOf } from './input';
import type { Login, Logins } from './logins';
import { describe, listed, resultPage, submitted } from './output';
import {
  isTerminal,
  newStatementId,
  ownerOf,
  type StatementRecord,
  type SubStatement,
  type WarehouseTarget,
} from './records';
import type { StatementStore } from './store';

/** A cluster or workgroup as the Data API reaches it. */
export interface ReachableWarehouse {
  readonly target: WarehouseTarget;
  readonly database: string;
  readonly engine: Engine;
}

export interface DataApiOptions {
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly logins: Logins;
  readonly store: StatementStore;
  readonly executor: Executor;
  /** @param database as the caller named it; a warehouse may have another one only */
  find(kind: 'cluster' | 'workgroup', name: string, database: string): Promise<ReachableWarehouse | undefined>;
  /** As in `aws:userid`: `<role id>:<session>`. */
  userIdOf(principal: Principal): string;
  /** ARN for the authorization of a warehouse that may not exist. */
  arnOf(kind: 'cluster' | 'workgroup', name: string): string;
}

/** The operations of the Redshift Data API, in its JSON. */
export function dataApiOperations(options: DataApiOptions): JsonOperations {
  const api = new DataApi(options);
  return {
    ExecuteStatement: (input, principal) => api.submit('ExecuteStatement', input, executeInput(input), principal),
    BatchExecuteStatement: (input, principal) =>
      api.submit('BatchExecuteStatement', input, batchInput(input), principal),
    DescribeStatement: (input, principal) => api.describe(input, principal),
    GetStatementResult: (input, principal) => api.result(input, principal),
    CancelStatement: (input, principal) => api.cancel(input, principal),
    ListStatements: (input, principal) => api.list(input, principal),
  };
}

class DataApi {
  private pids = 1_073_741_824;

  constructor(private readonly options: DataApiOptions) {}

  async submit(operation: string, raw: unknown, submission: Submission, principal: Principal): Promise<unknown> {
    const { store, authorizer, executor } = this.options;
    const kind = submission.cluster === undefined ? 'workgroup' : 'cluster';
    const name = (submission.cluster ?? submission.workgroup)!;
    const warehouse = await this.options.find(kind, name, submission.database);
    const arn = warehouse?.target.arn ?? this.options.arnOf(kind, name);
    authorizer.authorize({ principal, action: `redshift-data:${operation}`, resource: arn });
    if (!warehouse)
      throw new AwsError('ValidationException', `Redshift endpoint doesn't exist in this region: ${kind} ${name}`);
    const login = await this.options.logins.login({ ...submission, principal, warehouse });
    const fingerprint = fingerprintOf(raw, operation);
    const repeated =
      submission.clientToken === undefined ? undefined : store.findToken(principal, submission.clientToken);
    if (repeated && repeated.fingerprint !== fingerprint)
      throw new AwsError(
        'ValidationException',
        `ClientToken ${submission.clientToken} was used for a different request`,
      );
    const record = repeated ?? this.record(submission, warehouse, principal, login.user, fingerprint);
    if (!repeated) {
      if (store.active() >= limits.activeStatements)
        throw new AwsError(
          'ActiveStatementsExceededException',
          `${limits.activeStatements} statements are active, which is the limit`,
        );
      store.add(record);
      executor.start(record, warehouse.engine, (signal) => connect(submission.database, warehouse, login, signal));
    }
    await this.wait(record, submission.waitSeconds);
    return submitted(record, submission.waitSeconds > 0);
  }

  async describe(raw: unknown, principal: Principal): Promise<unknown> {
    const input = objectOf(raw, ['Id', 'WaitTimeSeconds'], 'DescribeStatement') ?? {};
    const { record, member } = this.statement('DescribeStatement', input['Id'], principal);
    await this.wait(record, waitOf(input));
    return describe(record, member);
  }

  async result(raw: unknown, principal: Principal): Promise<unknown> {
    const input = objectOf(raw, ['Id', 'NextToken', 'WaitTimeSeconds'], 'GetStatementResult') ?? {};
    const { record, member } = this.statement('GetStatementResult', input['Id'], principal);
    await this.wait(record, waitOf(input));
    if (record.batch && !member)
      throw new AwsError(
        'ValidationException',
        `statement ${record.id} is a batch: results are those of ${record.id}:1 and following`,
      );
    const statement = member ?? record.members[0]!;
    if (statement.status !== 'FINISHED' || !statement.result)
      throw new AwsError(
        'ResourceNotFoundException',
        'Query does not have result. Please check query status with DescribeStatement.',
      );
    return resultPage(statement.result, textOf(input['NextToken'], 'NextToken'));
  }

  cancel(raw: unknown, principal: Principal): unknown {
    const input = objectOf(raw, ['Id'], 'CancelStatement') ?? {};
    const { record, member } = this.statement('CancelStatement', input['Id'], principal);
    if (member) throw new AwsError('ValidationException', 'a statement of a batch cannot be cancelled by itself');
    if (isTerminal(record.status))
      throw new AwsError(
        'ValidationException',
        `Could not cancel a query that is already in ${record.status} state with ID: ${record.id}`,
      );
    this.options.executor.cancel(record);
    return { Status: true };
  }

  list(raw: unknown, principal: Principal): unknown {
    const known = [
      'NextToken',
      'MaxResults',
      'StatementName',
      'Status',
      'RoleLevel',
      'Database',
      'ClusterIdentifier',
      'WorkgroupName',
    ];
    const input = objectOf(raw, known, 'ListStatements') ?? {};
    this.authorize('ListStatements', principal, principal);
    const states = ['SUBMITTED', 'PICKED', 'STARTED', 'FINISHED', 'ABORTED', 'FAILED', 'ALL'] as const;
    // By default only finished statements are shown.
    const status = oneOf(input['Status'], states, 'Status') ?? 'FINISHED';
    const prefix = textOf(input['StatementName'], 'StatementName');
    const roleLevel = booleanOf(input['RoleLevel'], 'RoleLevel') ?? true;
    const database = textOf(input['Database'], 'Database');
    const cluster = textOf(input['ClusterIdentifier'], 'ClusterIdentifier');
    const workgroup = textOf(input['WorkgroupName'], 'WorkgroupName');
    const size = integerOf(input['MaxResults'], 'MaxResults', 0, 100) || 100;
    const matching = this.options.store
      .all()
      .filter(
        (record) =>
          (roleLevel ? ownerOf(record.principal) === ownerOf(principal) : record.principal.arn === principal.arn) &&
          (status === 'ALL' || record.status === status) &&
          (prefix === undefined || (record.name ?? '').startsWith(prefix)) &&
          (database === undefined || record.database === database) &&
          (cluster === undefined || (record.warehouse.kind === 'cluster' && record.warehouse.name === cluster)) &&
          (workgroup === undefined || (record.warehouse.kind === 'workgroup' && record.warehouse.name === workgroup)),
      );
    const after = textOf(input['NextToken'], 'NextToken');
    const start = after === undefined ? 0 : matching.findIndex((record) => record.id === after) + 1;
    if (after !== undefined && start === 0) throw invalid('NextToken', after, 'a token of an earlier page');
    const page = matching.slice(start, start + size);
    return { Statements: page.map(listed), NextToken: start + size < matching.length ? page.at(-1)!.id : undefined };
  }

  private authorize(operation: string, principal: Principal, owner: Principal): void {
    const context = { 'redshift-data:statement-owner-iam-userid': this.options.userIdOf(owner) };
    this.options.authorizer.authorize({ principal, action: `redshift-data:${operation}`, resource: '*', context });
  }

  private async wait(record: StatementRecord, seconds: number): Promise<void> {
    const { store } = this.options;
    if (seconds > 0 && !isTerminal(record.status) && store.waiting(record.id) >= limits.waitersPerStatement)
      throw new AwsError(
        'ActiveWaitingRequestsExceededException',
        `${limits.waitersPerStatement} requests wait for statement ${record.id}, which is the limit`,
      );
    await store.settled(record, seconds);
  }

  /** A statement, or with `<id>:<n>` a member of a batch, of the caller's role. */
  private statement(
    operation: string,
    id: unknown,
    principal: Principal,
  ): { record: StatementRecord; member?: SubStatement } {
    const text = requiredText(id, 'Id');
    const match = /^([0-9a-f-]{36})(?::([1-9]\d*))?$/.exec(text);
    if (!match) throw invalid('Id', text, 'a statement id, or <id>:<n> for a statement of a batch');
    const record = this.options.store.find(match[1]!);
    this.authorize(operation, principal, record?.principal ?? principal);
    if (!record || ownerOf(record.principal) !== ownerOf(principal))
      throw new AwsError('ResourceNotFoundException', `Query does not exist: ${text}`);
    if (match[2] === undefined) return { record };
    const member = record.batch ? record.members[Number(match[2]) - 1] : undefined;
    if (!member) throw new AwsError('ResourceNotFoundException', `Query does not exist: ${text}`);
    return { record, member };
  }

  private record(
    submission: Submission,
    warehouse: ReachableWarehouse,
    principal: Principal,
    dbUser: string,
    fingerprint: string,
  ): StatementRecord {
    const now = this.options.clock.now();
    this.pids += 1;
    return {
      id: newStatementId(),
      warehouse: warehouse.target,
      database: submission.database,
      dbUser,
      secretArn: submission.secretArn,
      principal,
      name: submission.name,
      batch: submission.batch,
      mode: submission.mode,
      parameters: submission.parameters,
      withEvent: submission.withEvent,
      clientToken: submission.clientToken,
      fingerprint,
      createdMs: now,
      pid: this.pids,
      updatedMs: now,
      status: 'SUBMITTED',
      durationMs: 0,
      members: submission.sqls.map((sql) => ({
        sql,
        status: 'SUBMITTED',
        updatedMs: now,
        durationMs: 0,
        queryId: -1,
        rows: -1,
      })),
    };
  }
}

/** Redshift answers these when the Data API connects: the statement fails, the call does not. */
async function connect(
  database: string,
  warehouse: ReachableWarehouse,
  login: Login,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (database !== warehouse.database) return `FATAL: database "${database}" does not exist`;
  return login.connect(signal);
}

function fingerprintOf(raw: unknown, operation: string): string {
  const { ClientToken, WaitTimeSeconds, ...rest } = raw as Record<string, unknown>;
  const sorted = Object.entries(rest).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256').update(operation).update(JSON.stringify(sorted)).digest('hex');
}
