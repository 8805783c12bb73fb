import type { RemainingMs } from '../shared/deadline';
import type { Values } from '../shared/statement';
import { isConflict, type Row, run, StatementError } from '../shared/warehouse';
import { columnChanges, columnsQuery, otherTypeAdvice, presenceQuery } from './catalog';
import type { ColumnSpec } from './contract';
import type { ObjectHost } from './host';
import { passwordDigest, passwordOf } from './password';
import { type Recorded, recordedFrom, recordedQuery } from './registry';
import type { ObjectRequest } from './request';
import type { Deadline, StepRun } from './steps';

/** The part of one call of the function that is about one object. */
export interface ObjectCall extends ObjectHost {
  readonly request: ObjectRequest;
  readonly deadline: Deadline;
  readonly remainingMs: RemainingMs;
}

export const subjectOf = ({ request: { object } }: ObjectCall) => `${object.kind} ${object.name}`;

/** Name prefixes: of all statements about the object, of those of its stack, and of those of the request. */
export function prefixesOf({ environment, request: { object, stack, requestId } }: ObjectCall) {
  const ofObject = `millrace/${environment}/deploy/${object.name}/`;
  return { object: ofObject, stack: `${ofObject}${stack}/`, request: `${ofObject}${stack}/${requestId}` };
}

/** How the object's steps are run when no failure is harmless. */
export const stepRun = (call: ObjectCall): StepRun => ({
  subject: subjectOf(call),
  deadline: call.deadline,
  namePrefix: prefixesOf(call).request,
  warehouse: call.as(call.request.object.identity),
  log: call.log,
  remainingMs: call.remainingMs,
  harmless: undefined,
  retrySingly: false,
});

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

/** The object's record in the registry. Users have none: the owner is created before the registry. */
export async function recordedObject(call: ObjectCall): Promise<Recorded | undefined> {
  const { object } = call.request;
  if (object.identity === 'admin') return undefined;
  return recordedFrom(await queryIfExists(call, 'recorded', recordedQuery(object)));
}

export async function objectExists(call: ObjectCall): Promise<boolean> {
  const sql = presenceQuery(call.request.object);
  return sql === undefined || (await query(call, 'presence', sql)).length > 0;
}

/** The declared columns that an existing table lacks. None where there is no table yet. Throws when a column has another type. */
export async function missingColumns(call: ObjectCall): Promise<readonly ColumnSpec[]> {
  const { name, columns = [] } = call.request.object;
  if (columns.length === 0) return [];
  const catalog = await query(call, 'columns', columnsQuery(name));
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
