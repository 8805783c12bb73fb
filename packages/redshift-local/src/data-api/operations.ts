import { createHash } from 'node:crypto';
import { type Authorizer, AwsError, type Clock, type JsonOperations, type Principal } from 'aws-local-kit';
import type { Executor } from './executor';
import { batchInput, executeInput, limits, listInput, type Place, type Submission, statementInput } from './input';
import type { Login, Logins } from './logins';
import { Metadata } from './metadata';
import { describe, listed, submitted } from './output';
import { listPage, pageOf, resultPage } from './pages';
import type { ReachableWarehouse } from './reachable';
import {
  isTerminal,
  newStatementId,
  ownerOf,
  type ResultFormat,
  type StatementRecord,
  type SubStatement,
} from './records';
import type { ResultFiles } from './results';
import type { DataApiSession, Sessions } from './sessions';
import type { StatementStore } from './store';

export interface DataApiOptions {
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly logins: Logins;
  readonly store: StatementStore;
  readonly executor: Executor;
  readonly results: ResultFiles;
  readonly sessions: Sessions;
  /** @param database as the caller named it; the warehouse may have only a different one */
  find(kind: 'cluster' | 'workgroup', name: string, database: string): Promise<ReachableWarehouse | undefined>;
  /** Returns the databases of a warehouse. */
  databases(kind: 'cluster' | 'workgroup', name: string): readonly string[];
  /** Returns a principal's id as in `aws:userid`: `<role id>:<session>`. */
  userIdOf(principal: Principal): string;
  /** Returns the ARN to authorize, for a warehouse that may not exist. */
  arnOf(kind: 'cluster' | 'workgroup', name: string): string;
}

/** The operations of the Redshift Data API, in its JSON. */
export function dataApiOperations(options: DataApiOptions): JsonOperations {
  const api = new DataApi(options);
  const metadata = new Metadata((operation, place, principal) => api.connect(operation, place, principal));
  return {
    ExecuteStatement: (input, principal) => api.submit('ExecuteStatement', input, executeInput(input), principal),
    BatchExecuteStatement: (input, principal) =>
      api.submit('BatchExecuteStatement', input, batchInput(input), principal),
    DescribeStatement: (input, principal) => api.describe(input, principal),
    GetStatementResult: (input, principal) => api.result(input, principal, 'JSON'),
    GetStatementResultV2: (input, principal) => api.result(input, principal, 'CSV'),
    CancelStatement: (input, principal) => api.cancel(input, principal),
    ListStatements: (input, principal) => api.list(input, principal),
    ListDatabases: (input, principal) => metadata.databases(input, principal),
    ListSchemas: (input, principal) => metadata.schemas(input, principal),
    ListTables: (input, principal) => metadata.tables(input, principal),
    DescribeTable: (input, principal) => metadata.table(input, principal),
  };
}

/** Longest wait for a connection. The creation of a user may wait for a running writer. */
const longestConnectMs = 60_000;

class DataApi {
  private pids = 1_073_741_824;

  constructor(private readonly options: DataApiOptions) {}

  async submit(operation: string, raw: unknown, submission: Submission, principal: Principal): Promise<unknown> {
    const { store, executor } = this.options;
    const connection = await this.connection(operation, submission, principal);
    const fingerprint = fingerprintOf(raw, operation);
    const repeated =
      submission.clientToken === undefined ? undefined : store.findToken(principal, submission.clientToken);
    if (repeated && repeated.fingerprint !== fingerprint)
      throw new AwsError(
        'ValidationException',
        `ClientToken ${submission.clientToken} was used for a different request`,
      );
    if (repeated) return this.answer(repeated, submission.waitSeconds);
    const { warehouse, database, login } = connection;
    if (store.active(warehouse.target.arn) >= limits.activeStatements)
      throw new AwsError(
        'ActiveStatementsExceededException',
        `${limits.activeStatements} statements are active, which is the limit`,
      );
    const session = this.session(connection, submission, principal);
    const record = this.record(submission, { ...connection, sessionId: session?.id }, principal, fingerprint);
    store.add(record);
    executor.start(record, {
      engine: warehouse.engine,
      connect: (signal) => connect(database, warehouse, login, signal),
      held: session?.held,
      onEnd: () => session && this.options.sessions.release(session),
    });
    return this.answer(record, submission.waitSeconds);
  }

  private async answer(record: StatementRecord, waitSeconds: number): Promise<unknown> {
    await this.wait(record, waitSeconds);
    return submitted(record, waitSeconds > 0);
  }

  /** Connects to the place that the caller names, or that its session is in. */
  private async connection(operation: string, { target }: Submission, principal: Principal): Promise<Connection> {
    if ('place' in target) {
      const { database, secretArn } = target.place;
      return { ...(await this.reach(operation, target.place, principal)), database, secretArn };
    }
    const session = this.options.sessions.find(target.sessionId, principal);
    const context = { 'redshift-data:session-owner-iam-userid': this.options.userIdOf(session.principal) };
    const resource = session.warehouse.target.arn;
    this.options.authorizer.authorize({ principal, action: `redshift-data:${operation}`, resource, context });
    return { ...session, session };
  }

  /**
   * Reserves the session to run in: the named one, or a new one if the caller asks to keep it. Returns undefined if
   * there is neither.
   */
  private session(
    { session, ...from }: Connection,
    { keepAliveSeconds }: Submission,
    principal: Principal,
  ): DataApiSession | undefined {
    const { sessions } = this.options;
    const used = session ?? (keepAliveSeconds ? sessions.create({ ...from, principal }, keepAliveSeconds) : undefined);
    if (used) sessions.take(used, keepAliveSeconds);
    return used;
  }

  /** Authorizes the operation and returns the warehouse and the login. */
  async reach(
    operation: string,
    place: Place,
    principal: Principal,
  ): Promise<{ warehouse: ReachableWarehouse; login: Login }> {
    const kind = place.cluster === undefined ? 'workgroup' : 'cluster';
    const name = (place.cluster ?? place.workgroup)!;
    const warehouse = await this.options.find(kind, name, place.database);
    const resource = warehouse?.target.arn ?? this.options.arnOf(kind, name);
    this.options.authorizer.authorize({ principal, action: `redshift-data:${operation}`, resource });
    if (!warehouse)
      throw new AwsError('ValidationException', `Redshift endpoint doesn't exist in this region: ${kind} ${name}`);
    return { warehouse, login: await this.options.logins.login({ ...place, principal, warehouse }) };
  }

  /**
   * Connects for calls that wait for the database themselves.
   * @throws AwsError DatabaseConnectionException if the database refuses the user
   */
  async connect(operation: string, place: Place, principal: Principal) {
    const { warehouse, login } = await this.reach(operation, place, principal);
    const signal = AbortSignal.timeout(longestConnectMs);
    const refusal = await connect(place.database, warehouse, login, signal).catch((error: Error) => {
      if (error.name === 'TimeoutError') throw new AwsError('QueryTimeoutException', 'the database is busy');
      throw error;
    });
    if (refusal !== undefined) throw new AwsError('DatabaseConnectionException', refusal, 500);
    const { kind, name } = warehouse.target;
    return { warehouse, databases: this.options.databases(kind, name) };
  }

  async describe(raw: unknown, principal: Principal): Promise<unknown> {
    const { id, waitSeconds } = statementInput(raw, ['Id', 'WaitTimeSeconds'], 'DescribeStatement');
    const { record, member } = this.statement('DescribeStatement', id, principal);
    await this.wait(record, waitSeconds);
    return describe(record, member);
  }

  /**
   * Returns a page of a result. Each format has its own operation, and the statement must have been submitted with that
   * format.
   */
  async result(raw: unknown, principal: Principal, format: ResultFormat): Promise<unknown> {
    const operation = format === 'JSON' ? 'GetStatementResult' : 'GetStatementResultV2';
    const { id, waitSeconds, nextToken } = statementInput(raw, ['Id', 'NextToken', 'WaitTimeSeconds'], operation);
    // IAM has one action for both (Redshift management guide, "Authorizing access to the Amazon Redshift Data API").
    const { record, member } = this.statement('GetStatementResult', id, principal);
    await this.wait(record, waitSeconds);
    if (record.batch && !member)
      throw new AwsError(
        'ValidationException',
        `statement ${record.id} is a batch: results are those of ${record.id}:1 and following`,
      );
    if (record.resultFormat !== format)
      throw new AwsError(
        'ValidationException',
        `${operation} gives results in ${format} format; statement ${id} was submitted with ResultFormat ${record.resultFormat}`,
      );
    const { result, status } = member ?? record.members[0]!;
    if (status !== 'FINISHED' || !result)
      throw new AwsError(
        'ResourceNotFoundException',
        'Query does not have result. Please check query status with DescribeStatement.',
        400,
        { ResourceId: id },
      );
    const page = pageOf(result, nextToken);
    const rows = await this.options.results.page(
      record.id,
      record.members.indexOf(member ?? record.members[0]!),
      result,
      page,
    );
    return resultPage(result, page, rows, format);
  }

  cancel(raw: unknown, principal: Principal): unknown {
    const { id } = statementInput(raw, ['Id'], 'CancelStatement');
    const { record, member } = this.statement('CancelStatement', id, principal);
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
    const input = listInput(raw);
    this.authorize('ListStatements', principal, principal);
    const { status, prefix, roleLevel, database, cluster, workgroup, size, nextToken } = input;
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
    return listPage(
      matching,
      (record) => record.id,
      size,
      nextToken,
      (page, NextToken) => ({
        Statements: page.flatMap(({ id }) => this.options.store.find(id) ?? []).map(listed),
        NextToken,
      }),
    );
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

  /** Finds a statement of the caller's role, or a member of a batch by `<id>:<n>`. */
  private statement(
    operation: string,
    id: string,
    principal: Principal,
  ): { record: StatementRecord; member?: SubStatement } {
    const [text, number] = id.split(':') as [string, string | undefined];
    const record = this.options.store.find(text);
    this.authorize(operation, principal, record?.principal ?? principal);
    if (!record || ownerOf(record.principal) !== ownerOf(principal)) throw unknownStatement(id);
    if (number === undefined) return { record };
    const member = record.batch ? record.members[Number(number) - 1] : undefined;
    if (!member) throw unknownStatement(id);
    return { record, member };
  }

  private record(
    submission: Submission,
    { warehouse, database, login, secretArn, sessionId }: Connection & { readonly sessionId?: string },
    principal: Principal,
    fingerprint: string,
  ): StatementRecord {
    const now = this.options.clock.now();
    this.pids += 1;
    return {
      id: newStatementId(),
      warehouse: warehouse.target,
      database,
      dbUser: login.user,
      secretArn,
      sessionId,
      principal,
      name: submission.name,
      batch: submission.batch,
      mode: submission.mode,
      parameters: submission.parameters,
      withEvent: submission.withEvent,
      resultFormat: submission.resultFormat,
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

const unknownStatement = (id: string) =>
  new AwsError('ResourceNotFoundException', `Query does not exist: ${id}`, 400, { ResourceId: id });

/** The warehouse, database and login of a submission. */
interface Connection {
  readonly warehouse: ReachableWarehouse;
  readonly database: string;
  readonly secretArn?: string;
  readonly login: Login;
  readonly session?: DataApiSession;
}

/**
 * Checks the database and connects the user. A refusal fails the statement, not the call, because Redshift reports it
 * when the Data API connects.
 */
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
