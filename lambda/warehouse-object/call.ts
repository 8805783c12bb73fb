import type { RemainingMs } from '../shared/deadline';
import { withForgetKeys } from '../shared/forget-keys';
import type { Values } from '../shared/statement';
import {
  isConflict,
  isTerminal,
  type Row,
  run,
  StatementError,
  type StatementSummary,
  type Warehouse,
} from '../shared/warehouse';
import { columnChanges, columnsQuery, otherTypeAdvice, presenceQuery, splitName } from './catalog';
import type { ColumnSpec } from './contract';
import type { ObjectHost } from './host';
import { passwordDigest, passwordOf } from './password';
import type { WarehouseObject } from './properties';
import { type Recorded, recordedFrom, recordedQuery } from './registry';
import type { ObjectRequest } from './request';
import type { Deadline, StepRun } from './steps';

/** The part of one call of the function that is about one object. */
export interface ObjectCall extends ObjectHost {
  readonly request: ObjectRequest;
  readonly group: Group;
  readonly deadline: Deadline;
  readonly remainingMs: RemainingMs;
}

export const subjectOf = ({ request: { object } }: ObjectCall) => `${object.kind} ${object.name}`;

/** Name prefixes: of statements about any object, about this one, of those of its stack, and of those of the request. */
export function prefixesOf({ environment, request: { object, stack, requestId } }: ObjectCall) {
  const all = `millrace/${environment}/deploy/`;
  const ofObject = `${all}${object.name}/`;
  return { all, object: ofObject, stack: `${ofObject}${stack}/`, request: `${ofObject}${stack}/${requestId}` };
}

/** How the object's steps are run when no failure is harmless. */
export const stepRun = (call: ObjectCall): StepRun => ({
  subject: subjectOf(call),
  deadline: call.deadline,
  namePrefix: prefixesOf(call).request,
  warehouse: withMarks(call),
  log: call.log,
  remainingMs: call.remainingMs,
  harmless: undefined,
  retrySingly: false,
});

/** The last merge of a landing view compares marks. */
function withMarks(call: ObjectCall): Warehouse {
  const { identity, pipeline } = call.request.object;
  const warehouse = call.as(identity);
  return pipeline === undefined ? warehouse : withForgetKeys(warehouse, () => call.forgetKeys(pipeline));
}

/** Runs a query as the identity. @param what ends the statement's name */
export const queryAs = (call: ObjectCall, identity: 'admin' | 'owner', what: string, sql: string): Promise<Row[]> =>
  run(call.as(identity), `${prefixesOf(call).request}/${what}`, sql, call.remainingMs);

export const query = (call: ObjectCall, what: string, sql: string): Promise<Row[]> =>
  queryAs(call, call.request.object.identity, what, sql);

/** No rows where a relation of the query does not exist. */
export async function queryIfExists(call: ObjectCall, what: string, sql: string): Promise<Row[]> {
  try {
    return await query(call, what, sql);
  } catch (error) {
    if (error instanceof StatementError && !isConflict(error.state) && /does not exist/i.test(error.state.error ?? ''))
      return [];
    throw error;
  }
}

/** With more objects, one look for the active statements of all takes fewer calls than a list for each. */
const listedSingly = 3;

/**
 * What the warehouse says of the objects of a resource. A call of the function asks once for all of them. The answer
 * about an object stays right until the call's own work on that object, and that begins after it was asked for.
 */
export class Group {
  private records: Promise<readonly Row[]> | undefined;
  private columns: Promise<readonly Row[]> | undefined;
  private active: Promise<readonly StatementSummary[]> | undefined;
  private readonly created: ObjectCall[] = [];

  constructor(private readonly objects: readonly WarehouseObject[]) {}

  /** The object's record in the registry. Users have none: the owner is created before the registry. */
  async recorded(call: ObjectCall): Promise<Recorded | undefined> {
    const { object } = call.request;
    if (object.identity === 'admin') return undefined;
    const objects = this.objects.filter(({ identity }) => identity !== 'admin');
    this.records ??= queryIfExists(call, 'recorded', recordedQuery(objects));
    return recordedFrom((await this.records).filter(({ kind, name }) => kind === object.kind && name === object.name));
  }

  /** The catalog's rows of a table's columns. None if there was no such table when the call asked. */
  async columnsOf(call: ObjectCall): Promise<readonly Row[]> {
    const tables = this.objects.filter(({ kind }) => kind === 'table').map(({ name }) => name);
    this.columns ??= query(call, 'columns', columnsQuery(tables));
    const [schema, table] = splitName(call.request.object.name);
    return (await this.columns).filter((row) => row.table_schema === schema && row.table_name === table);
  }

  /** Asks for the columns again, if the table of the call exists and did not when they were asked for. */
  async lookAgain(call: ObjectCall): Promise<void> {
    if ((await this.columnsOf(call)).length === 0) this.columns = undefined;
  }

  noteCreated(call: ObjectCall): void {
    this.created.push(call);
  }

  /** Returns the calls whose tables were created, and asks for the columns again. */
  takeCreated(): readonly ObjectCall[] {
    this.columns = undefined;
    return this.created.splice(0);
  }

  /** Statements of any request about the object that have not ended. */
  async activeOn(call: ObjectCall): Promise<readonly StatementSummary[]> {
    const warehouse = call.as(call.request.object.identity);
    const { object, all } = prefixesOf(call);
    if (this.objects.length <= listedSingly)
      return (await warehouse.list(object)).filter(({ status }) => !isTerminal(status));
    this.active ??= warehouse.active(all);
    // A statement that went on during the look is there twice.
    const byId = new Map((await this.active).map((statement) => [statement.id, statement]));
    return [...byId.values()].filter(({ name }) => name.startsWith(object));
  }
}

export async function objectExists(call: ObjectCall): Promise<boolean> {
  const { object } = call.request;
  if (object.kind === 'table') return (await call.group.columnsOf(call)).length > 0;
  const sql = presenceQuery(object);
  return sql === undefined || (await query(call, 'presence', sql)).length > 0;
}

/** The declared columns that an existing table lacks. None where there is no table yet. Throws when a column has another type. */
export async function missingColumns(call: ObjectCall): Promise<readonly ColumnSpec[]> {
  const { name, columns = [] } = call.request.object;
  if (columns.length === 0) return [];
  const catalog = await call.group.columnsOf(call);
  if (catalog.length === 0) return [];
  const { add, refused } = columnChanges(name, columns, catalog);
  if (refused.length > 0) throw new Error(`${refused.join('; ')}. Nothing was changed; ${otherTypeAdvice}`);
  return add;
}

/** Values for placeholders that any statement may have. */
export const commonValues = ({ request: { requestId } }: ObjectCall): Values => ({ run_id: `deploy-${requestId}` });

export async function createValues(call: ObjectCall): Promise<Values> {
  const { object, requestId } = call.request;
  if (object.kind === 'owner')
    return { ...commonValues(call), owner_password: passwordDigest(passwordOf(await call.ownerSecret()), requestId) };
  if (object.secretArn === undefined) return commonValues(call);
  const password = passwordOf(await call.secret(object.secretArn));
  return { ...commonValues(call), user_password: passwordDigest(password, requestId) };
}
