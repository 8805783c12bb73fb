import {
  createValues,
  missingColumns,
  type ObjectCall,
  objectExists,
  query,
  queryAs,
  stepRun,
  subjectOf,
} from './call';
import { checkExternalSchema, checkSchemaOwner, columnsQuery, externalSchemaQuery, presenceQuery } from './catalog';
import { checkView } from './check';
import type { FillSpec, Step } from './contract';
import { fill } from './fill';
import { userOf } from './password';
import { switchView, type ViewGrants } from './public-view';
import { previousTables, rebuild } from './rebuild';
import { type Recorded, recordOf, recordStatements, resourcesWith, sameRecord } from './registry';
import { type Result, renderSteps, runSteps } from './steps';

/** Creates or updates the object, checks it and records it. An object that exists is compared with the requested one. */
export async function createOrUpdate(call: ObjectCall): Promise<Result> {
  const { object, requestId, type } = call.request;
  const recorded = await call.group.recorded(call);
  // A record alone does not prove that the object exists: a person may have dropped it since.
  const mayExist = type === 'Update' && (object.kind === 'table' || recorded?.version === object.version);
  const exists = mayExist && (await objectExists(call));
  const result = await (exists ? compareAndFill : createAndCompare)(call, recorded);
  if (result === 'waiting' || object.identity === 'admin') return result;
  if (recorded?.version !== object.version && (await checkNewView(call)) === 'waiting') return 'waiting';
  // The switch of a public view has recorded it.
  if (object.kind === 'public-view' && !exists) return result;
  const resources = resourcesWith(recorded, call.request);
  if (recorded && sameRecord(recorded, recordOf(object, resources))) return result;
  const statements = recordStatements(object, resources, requestId);
  return runSteps(stepRun(call), [{ name: 'record', mode: 'transaction', statements }], 'record-');
}

async function createAndCompare(call: ObjectCall, recorded: Recorded | undefined): Promise<Result> {
  const { object } = call.request;
  const steps = renderSteps(object.create, await createValues(call));
  let existed = object.kind === 'table' && (await call.group.columnsOf(call)).length > 0;
  const onHarmless = () => {
    existed = true;
  };
  const result =
    object.kind === 'public-view'
      ? await refreshAndSwitch(call, recorded, steps)
      : await runSteps({ ...stepRun(call), harmless: /already exists/i, onHarmless, retrySingly: true }, steps);
  if (result === 'waiting' || (await prove(call)) === 'waiting') return 'waiting';
  // Needed even if the create finished: `if not exists` finishes whatever exists.
  if (object.kind === 'schema') checkSchemaOwner(object.name, await query(call, 'schema', presenceQuery(object)!));
  return compareAndFill(call, recorded, existed);
}

/** Runs statements as a user that was created or updated. */
async function prove(call: ObjectCall): Promise<Result> {
  const { type, object } = call.request;
  if (object.secretArn === undefined) return 'done';
  const run = { ...stepRun(call), warehouse: call.asUser(object.secretArn) };
  // For a new user only: later the locks would wait for the functions' own.
  if (type === 'Create' && object.proof && (await runSteps(run, object.proof, 'proof-')) === 'waiting')
    return 'waiting';
  return object.trial ? runSteps(run, object.trial, 'trial-') : 'done';
}

/** Compares the role of an external schema. Adds the missing columns of a table and fills it. */
async function compareAndFill(call: ObjectCall, recorded: Recorded | undefined, existed = true): Promise<Result> {
  const { object } = call.request;
  if (object.kind === 'external-schema')
    checkExternalSchema(object, await query(call, 'external-schema', externalSchemaQuery(object.name)));
  if (object.kind !== 'table') return 'done';
  const run = { ...stepRun(call), harmless: /already exists/i, retrySingly: true };
  if (existed) await call.group.lookAgain(call);
  else call.group.noteCreated(call);
  for (const { name, add } of existed ? await missingColumns(call) : []) {
    const added = await runSteps(run, [{ name: `add-${name}`, mode: 'single', statements: [add] }], `add-${name}-`);
    if (added === 'waiting') return 'waiting';
  }
  const batches = { run: stepRun(call), query: (what: string, sql: string) => query(call, what, sql) };
  const previous = previousTables(call.request, recorded !== undefined);
  if (previous && (await rebuild(batches, object.name, previous)) === 'waiting') return 'waiting';
  return object.fill ? fillColumns(call, object.fill) : 'done';
}

/** Checks the columns of the tables that the call has created, which it has not compared yet. */
export async function checkCreated({ group }: Pick<ObjectCall, 'group'>): Promise<void> {
  for (const call of group.takeCreated()) {
    const missing = await missingColumns(call);
    if (missing.length > 0)
      throw new Error(`${subjectOf(call)} was created without ${missing.map(({ name }) => name).join(', ')}`);
  }
}

async function fillColumns(call: ObjectCall, spec: FillSpec): Promise<Result> {
  const { name } = call.request.object;
  const catalog = await query(call, 'columns', columnsQuery([name]));
  const present = new Set(catalog.map((row) => String(row.column_name)));
  return fill({ run: stepRun(call), query: (what, sql) => query(call, what, sql), present }, name, spec);
}

/** A recorded version is not checked again: a rollback may return to it, whatever its state. */
async function checkNewView(call: ObjectCall): Promise<Result> {
  const { object, previous } = call.request;
  const { begunAt } = call.deadline;
  if (!object.checks || begunAt === undefined) return 'done';
  const replaced = previous === object.name ? undefined : previous;
  return checkView(stepRun(call), { name: object.name, previous: replaced, checks: object.checks, begunAt });
}

/**
 * The last step is the switch; those before it refresh the new version. A version that cannot be refreshed is shown all the same: it has passed its
 * checks, and a rollback has nothing better.
 */
async function refreshAndSwitch(
  call: ObjectCall,
  recorded: Recorded | undefined,
  steps: readonly Step[],
): Promise<Result> {
  const run = stepRun(call);
  const anyError = /(?:)/;
  if ((await runSteps({ ...run, harmless: anyError }, steps.slice(0, -1), 'before-')) === 'waiting') return 'waiting';
  const grants = await viewGrants(call);
  return switchView({ ...run, ...grants }, call.request.object.name, recordedSwitch(call, recorded, steps.at(-1)!));
}

/** The switch and the record of the new version in one transaction. If the record lagged behind, a rollback would believe that nothing changed. */
const recordedSwitch = ({ request }: ObjectCall, recorded: Recorded | undefined, { name, statements }: Step): Step => ({
  name,
  mode: 'transaction',
  statements: recordStatements(request.object, resourcesWith(recorded, request), request.requestId, statements),
});

/** The admin reads grants, because only the admin sees all of them. */
async function viewGrants(call: ObjectCall): Promise<ViewGrants> {
  const owner = userOf(await call.ownerSecret());
  return { query: (what, queryOf) => queryAs(call, 'admin', what, queryOf(call.request.object.name, owner)) };
}
