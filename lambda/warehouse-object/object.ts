import type { Log } from '../shared/log';
import type { Values } from '../shared/statement';
import {
  isPassing,
  isTerminal,
  type Row,
  run,
  StatementError,
  type Warehouse,
  WarehouseAsleepError,
} from '../shared/warehouse';
import {
  checkExternalSchema,
  checkSchemaOwner,
  columnChanges,
  columnsQuery,
  externalSchemaQuery,
  otherTypeAdvice,
  presenceQuery,
  splitName,
} from './catalog';
import { checkView } from './check';
import type { ColumnSpec, FillSpec, Step } from './contract';
import { fill } from './fill';
import { identityChange, identityRefusal } from './identity';
import { lossOf } from './loss';
import { clearTheWay } from './others';
import { passwordDigest, passwordOf, userOf } from './password';
import { type Previous, rebuild, refuseMore, replaced } from './rebuild';
import {
  forgetting,
  leaving,
  othersOf,
  type Recorded,
  recordedFrom,
  recordedQuery,
  recording,
  recordOf,
  resourcesWith,
  sameRecord,
} from './registry';
import { type ObjectRequest, type ResourceRequest, stepsOf, type WarehouseObject } from './request';
import { switchView, type ViewGrants } from './switch';
import { Deadline, renderSteps, type Walk, type WalkResult, walk } from './walk';

export interface ObjectHost {
  readonly environment: string;
  /** The warehouse as that database identity. */
  readonly as: (identity: WarehouseObject['identity']) => Warehouse;
  /** The owner's secret, JSON with `password`. */
  readonly ownerSecret: () => Promise<string>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** How long a request may wait for its statements, in milliseconds: less than CloudFormation waits for the request. */
  readonly limitMs: number;
  readonly log: Log;
}

/** One call of isComplete: all that it submits has the same deadline. */
interface Call extends ObjectHost {
  readonly deadline: Deadline;
}

type Remaining = () => number;

/**
 * Names the object, before anything is done. A table that is there and cannot become what is asked for is refused here and not later: a Create
 * that fails in onEvent has no physical id, so the rollback does not delete the table that was there before.
 */
export async function onEvent(
  host: ObjectHost,
  { physicalId, requests }: ResourceRequest,
  remainingMs: Remaining,
): Promise<{ PhysicalResourceId: string }> {
  for (const request of requests) await prepare(host, request, remainingMs);
  return { PhysicalResourceId: physicalId };
}

async function prepare(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<void> {
  const { type, object } = request;
  await clearTheWay({
    subject: subjectOf(object),
    warehouse: host.as(object.identity),
    prefixes: prefixesOf(host, request),
    now: host.now,
    limitMs: host.limitMs,
    remainingMs,
  });
  if (type === 'Delete') return;
  if (object.kind === 'table') await lacking(host, request, remainingMs);
  if (object.rebuild) await refuseRebuild(host, request, remainingMs);
  if (object.kind === 'landing-view') await refuseLoss(host, request, remainingMs);
  if (object.kind === 'pipeline' && type === 'Create') await refuseIdentity(host, request, remainingMs);
}

/** A new landing view reads what the stream still holds. Throws where that begins after the last merge; an older view that is there reads on. */
async function refuseLoss(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<void> {
  const { type, object, previous } = request;
  const replaces = type === 'Update' && previous !== undefined && previous !== object.name;
  if (!replaces || object.unread === undefined || (await isThere(host, request, remainingMs))) return;
  const [row] = await read(host, request, 'unread', object.unread, remainingMs);
  if (row) throw new Error(`${subjectOf(object)} cannot take the place of ${previous}: ${lossOf(row)}`);
}

async function refuseRebuild(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<void> {
  const recorded = await recordIn(host, request, remainingMs);
  const before = replaced(request, recorded !== undefined);
  if (before) await refuseMore(asking(host, request, remainingMs), before);
}

/** A pipeline that comes back to data that was kept finds it by its identity. */
async function refuseIdentity(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<void> {
  const { events } = request.object;
  const recorded = await recordIn(host, request, remainingMs);
  const change = recorded && identityChange(recorded, request.object);
  if (change === undefined || events === undefined) return;
  const [row] = await readIfThere(host, request, 'events', events, remainingMs);
  const amount = Number(row?.amount ?? 0);
  if (amount > 0) throw new Error(`${subjectOf(request.object)}: ${identityRefusal(change, amount)}`);
}

/** Takes the object's statements as far as they get in the time; throws when one of them fails, which fails the deployment. */
export async function isComplete(
  host: ObjectHost,
  { type, requests }: ResourceRequest,
  remainingMs: Remaining,
): Promise<{ IsComplete: boolean }> {
  const call = { ...host, deadline: new Deadline(host.now, host.limitMs) };
  const work = type === 'Delete' ? remove : create;
  try {
    for (const request of requests)
      if ((await work(call, request, remainingMs)) === 'waiting') return { IsComplete: false };
    return { IsComplete: true };
  } catch (error) {
    if (error instanceof WarehouseAsleepError && error.returning) {
      host.log('the warehouse is on its way back, waiting', { error: error.message });
      return { IsComplete: false };
    }
    if (!isUnanswered(error)) throw error;
    host.log('unanswered', { statement: error.statementName, status: error.state.status, error: error.state.error });
    return { IsComplete: false };
  }
}

/** A read that still runs, or that the same statement may not fail on again: asked anew in the next call, as long as the framework calls. */
const isUnanswered = (error: unknown): error is StatementError =>
  error instanceof StatementError && (!isTerminal(error.state.status) || isPassing(error.state));

/**
 * What says that there is nothing to remove. A landing view is merged before it goes: that one of the merge's columns or tables is missing is no
 * reason to drop what was not merged.
 */
function absence({ kind, name }: WarehouseObject): RegExp {
  if (kind !== 'landing-view') return /does not exist/i;
  const [, view] = splitName(name);
  return new RegExp(`\\b(?:${view}|schema)\\b.*does not exist`, 'is');
}

/**
 * What removes an object whose statements went with an earlier version of the function: they are recorded with the object. One that is not recorded never became
 * what it was to be, so nothing was done with it: its short statements drop it.
 */
const removalOf = (object: WarehouseObject, recorded: Recorded | undefined): readonly Step[] =>
  object.incomplete && recorded?.removal
    ? stepsOf(recorded.removal, 'removal')
    : object.delete.filter(({ statements }) => statements.length > 0);

async function remove(host: Call, request: ObjectRequest, remainingMs: Remaining): Promise<WalkResult> {
  const { object } = request;
  const walkHost = { ...walkOf(host, request, remainingMs), harmless: absence(object) };
  const recorded = await recordIn(host, request, remainingMs);
  const others = othersOf(recorded, request.resource);
  if (others.length > 0)
    return walk(walkHost, [{ name: 'leave', mode: 'transaction', statements: leaving(object, others) }], 'leave-');
  const result = await walk(walkHost, renderSteps(removalOf(object, recorded), offered(request)));
  if (result === 'waiting' || object.identity === 'admin') return result;
  return walk(walkHost, [{ name: 'forget', mode: 'transaction', statements: forgetting(object) }], 'forget-');
}

/** For Create and Update alike: what exists is met, and then compared with what is asked for; in the end it is recorded. */
async function create(host: Call, request: ObjectRequest, remainingMs: Remaining): Promise<WalkResult> {
  const { object, requestId } = request;
  const recorded = await recordIn(host, request, remainingMs);
  // A table is never created anew. Of anything else the record has to say the same; alone it says nothing of what somebody dropped since.
  const asRecorded = object.kind === 'table' || recorded?.version === object.version;
  const there = request.type === 'Update' && asRecorded && (await isThere(host, request, remainingMs));
  const result = await (there ? complete : bring)(host, request, recorded, remainingMs);
  if (result === 'waiting' || object.identity === 'admin') return result;
  if (recorded?.version !== object.version && (await checked(host, request, remainingMs)) === 'waiting')
    return 'waiting';
  const switched = object.kind === 'public-view' && !there;
  const resources = resourcesWith(recorded, request);
  if (switched || (recorded && sameRecord(recorded, recordOf(object, resources)))) return result;
  const record = { name: 'record', mode: 'transaction', statements: recording(object, resources, requestId) } as const;
  return walk(walkOf(host, request, remainingMs), [record], 'record-');
}

/** Creates it, and compares what was there already. */
async function bring(
  host: Call,
  request: ObjectRequest,
  recorded: Recorded | undefined,
  remainingMs: Remaining,
): Promise<WalkResult> {
  const { object } = request;
  const walkHost = { ...walkOf(host, request, remainingMs), harmless: /already exists/i, apart: true };
  const steps = renderSteps(object.create, await values(host, request));
  const result =
    object.kind === 'public-view'
      ? await switchOver(host, request, recorded, steps, remainingMs)
      : await walk(walkHost, steps);
  if (result === 'waiting') return result;
  // Compared in any case: `if not exists` finishes without a word, whatever is there.
  if (object.kind === 'schema')
    checkSchemaOwner(object.name, await read(host, request, 'schema', presenceQuery(object)!, remainingMs));
  return complete(host, request, recorded, remainingMs);
}

/** What holds for an object that is there, whoever created it: the role of an external schema, the columns of a table. */
async function complete(
  host: Call,
  request: ObjectRequest,
  recorded: Recorded | undefined,
  remainingMs: Remaining,
): Promise<WalkResult> {
  const { object } = request;
  if (object.kind === 'external-schema')
    checkExternalSchema(
      object,
      await read(host, request, 'external-schema', externalSchemaQuery(object.name), remainingMs),
    );
  if (object.kind !== 'table') return 'done';
  const walkHost = { ...walkOf(host, request, remainingMs), harmless: /already exists/i, apart: true };
  for (const { name, add } of await lacking(host, request, remainingMs)) {
    const added = await walk(walkHost, [{ name: `add-${name}`, mode: 'single', statements: [add] }], `add-${name}-`);
    if (added === 'waiting') return 'waiting';
  }
  const before = replaced(request, recorded !== undefined);
  if (before && (await rebuildBooks(host, request, before, remainingMs)) === 'waiting') return 'waiting';
  return object.fill ? fillColumns(host, request, object.fill, remainingMs) : 'done';
}

function rebuildBooks(
  host: Call,
  request: ObjectRequest,
  before: Previous,
  remainingMs: Remaining,
): Promise<WalkResult> {
  const ask = asking(host, request, remainingMs);
  return rebuild({ walk: walkOf(host, request, remainingMs), ask }, request.object.name, before);
}

async function fillColumns(
  host: Call,
  request: ObjectRequest,
  spec: FillSpec,
  remainingMs: Remaining,
): Promise<WalkResult> {
  const { name } = request.object;
  const ask = asking(host, request, remainingMs);
  const present = new Set((await ask('columns', columnsQuery(name))).map((row) => String(row.column_name)));
  const walkHost = walkOf(host, request, remainingMs);
  return fill({ walk: walkHost, ask, present }, name, spec);
}

/** A version that was recorded has stood its checks: a rollback may go back to it, whatever became of it since. */
async function checked(host: Call, request: ObjectRequest, remainingMs: Remaining): Promise<WalkResult> {
  const { object, previous } = request;
  const { begunAt } = host.deadline;
  if (!object.checks || begunAt === undefined) return 'done';
  const walkHost = walkOf(host, request, remainingMs);
  const replaced = previous === object.name ? undefined : previous;
  return checkView(walkHost, { name: object.name, previous: replaced, checks: object.checks, begunAt });
}

/**
 * The last step is the switch; what comes before it brings its source up to date. A source that cannot be refreshed is shown as it is: it has stood
 * its checks, and a rollback has nothing better.
 */
async function switchOver(
  host: Call,
  request: ObjectRequest,
  recorded: Recorded | undefined,
  steps: readonly Step[],
  remainingMs: Remaining,
): Promise<WalkResult> {
  const walkHost = walkOf(host, request, remainingMs);
  if ((await walk({ ...walkHost, harmless: /(?:)/ }, steps.slice(0, -1), 'before-')) === 'waiting') return 'waiting';
  return switchView(
    { ...walkHost, ...(await viewGrants(host, request, remainingMs)) },
    request.object.name,
    switchRecorded(request, recorded, steps.at(-1)!),
  );
}

/** Readers are switched and the new version is recorded in one transaction: a record that lags would make a rollback believe that nothing changed. */
const switchRecorded = (request: ObjectRequest, recorded: Recorded | undefined, { name, statements }: Step): Step => ({
  name,
  mode: 'transaction',
  statements: recording(request.object, resourcesWith(recorded, request), request.requestId, statements),
});

/** What the registry has of the object; nothing where there is no registry yet. The owner comes before it. */
async function recordIn(
  host: ObjectHost,
  request: ObjectRequest,
  remainingMs: Remaining,
): Promise<Recorded | undefined> {
  if (request.object.identity === 'admin') return undefined;
  return recordedFrom(await readIfThere(host, request, 'recorded', recordedQuery(request.object), remainingMs));
}

/** No rows where there is nothing to read from. */
async function readIfThere(...question: Parameters<typeof read>): Promise<Row[]> {
  try {
    return await read(...question);
  } catch (error) {
    if (error instanceof StatementError && /does not exist/i.test(error.state.error ?? '')) return [];
    throw error;
  }
}

async function isThere(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<boolean> {
  const query = presenceQuery(request.object);
  return query === undefined || (await read(host, request, 'presence', query, remainingMs)).length > 0;
}

/** Grants are read by the admin, who alone sees all of them. */
async function viewGrants(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<ViewGrants> {
  const owner = userOf(await host.ownerSecret());
  return {
    ask: (what, queryOf) =>
      run(host.as('admin'), `${namePrefix(host, request)}/${what}`, queryOf(request.object.name, owner), remainingMs),
  };
}

/** The columns that an existing table lacks; none when there is no table yet. Throws when a column has another type. */
async function lacking(
  host: ObjectHost,
  request: ObjectRequest,
  remainingMs: Remaining,
): Promise<readonly ColumnSpec[]> {
  const { name, columns = [] } = request.object;
  if (columns.length === 0) return [];
  const catalog = await read(host, request, 'columns', columnsQuery(name), remainingMs);
  if (catalog.length === 0) return [];
  const { add, refused } = columnChanges(name, columns, catalog);
  if (refused.length > 0) throw new Error(`${refused.join('; ')}. Nothing was changed; ${otherTypeAdvice}`);
  return add;
}

const asking = (host: ObjectHost, request: ObjectRequest, remainingMs: Remaining) => (what: string, sql: string) =>
  read(host, request, what, sql, remainingMs);

const read = (host: ObjectHost, request: ObjectRequest, what: string, sql: string, remainingMs: Remaining) =>
  run(host.as(request.object.identity), `${namePrefix(host, request)}/${what}`, sql, remainingMs);

/** What the names of statements begin with: of all about the object, of those of the stack, and of those of the request. */
function prefixesOf({ environment }: ObjectHost, { object, stack, requestId }: ObjectRequest) {
  const ofObject = `millrace/${environment}/deploy/${object.name}/`;
  return { object: ofObject, stack: `${ofObject}${stack}/`, request: `${ofObject}${stack}/${requestId}` };
}

const namePrefix = (host: ObjectHost, request: ObjectRequest) => prefixesOf(host, request).request;

const subjectOf = ({ kind, name }: WarehouseObject) => `${kind} ${name}`;

/** A walk that takes no failure for harmless. */
function walkOf(host: Call, request: ObjectRequest, remainingMs: Remaining): Walk {
  const { object } = request;
  return {
    subject: subjectOf(object),
    deadline: host.deadline,
    namePrefix: namePrefix(host, request),
    warehouse: host.as(object.identity),
    log: host.log,
    remainingMs,
    harmless: undefined,
    apart: false,
  };
}

/** What any statement may ask for. */
const offered = ({ requestId }: ObjectRequest): Values => ({ run_id: `deploy-${requestId}` });

async function values(host: ObjectHost, request: ObjectRequest): Promise<Values> {
  if (request.object.kind !== 'owner') return offered(request);
  const password = passwordOf(await host.ownerSecret());
  return { ...offered(request), owner_password: passwordDigest(password, request.requestId) };
}
