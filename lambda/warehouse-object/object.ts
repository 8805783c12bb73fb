import type { Log } from '../shared/log';
import type { Values } from '../shared/statement';
import { run, type Warehouse } from '../shared/warehouse';
import { checkExternalSchema, columnChanges, columnsQuery, externalSchemaQuery, otherTypeAdvice } from './catalog';
import type { ColumnSpec } from './contract';
import { passwordDigest, passwordOf, userOf } from './password';
import { type ObjectRequest, physicalIdOf, type WarehouseObject } from './request';
import { switchView, type ViewGrants } from './switch';
import { renderSteps, type Walk, type WalkResult, walk } from './walk';

export interface ObjectHost {
  readonly environment: string;
  /** The warehouse as that database identity. */
  readonly as: (identity: WarehouseObject['identity']) => Warehouse;
  /** The owner's secret, JSON with `password`. */
  readonly ownerSecret: () => Promise<string>;
  readonly log: Log;
}

type Remaining = () => number;

/**
 * Names the object, before anything is done. A table that is there and cannot become what is asked for is refused here and not later: a Create
 * that fails in onEvent has no physical id, so the rollback does not delete the table that was there before.
 */
export async function onEvent(
  host: ObjectHost,
  request: ObjectRequest,
  remainingMs: Remaining,
): Promise<{ PhysicalResourceId: string }> {
  const { type, object, physicalId } = request;
  if (type === 'Delete') return { PhysicalResourceId: physicalId ?? physicalIdOf(object) };
  if (object.kind === 'table') await lacking(host, request, remainingMs);
  return { PhysicalResourceId: physicalIdOf(object) };
}

/** Takes the object's statements as far as they get in the time; throws when one of them fails, which fails the deployment. */
export async function isComplete(
  host: ObjectHost,
  request: ObjectRequest,
  remainingMs: Remaining,
): Promise<{ IsComplete: boolean }> {
  const result =
    request.type === 'Delete' ? await remove(host, request, remainingMs) : await create(host, request, remainingMs);
  return { IsComplete: result !== 'waiting' };
}

async function remove(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<WalkResult> {
  const steps = renderSteps(request.object.delete, offered(request));
  return walk({ ...walkOf(host, request, remainingMs), harmless: /does not exist/i, apart: false }, steps);
}

/** For Create and Update alike: what exists is met, and then compared with what is asked for. */
async function create(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Promise<WalkResult> {
  const { object } = request;
  const walkHost = { ...walkOf(host, request, remainingMs), harmless: /already exists/i, apart: true };
  const steps = renderSteps(object.create, await values(host, request));
  const result =
    object.kind === 'public-view'
      ? await switchView({ ...walkHost, ...(await viewGrants(host, request, remainingMs)) }, object.name, steps)
      : await walk(walkHost, steps);
  if (result === 'waiting') return result;
  // Compared in any case: `if not exists` finishes without a word, whatever is there.
  if (object.kind === 'external-schema')
    checkExternalSchema(
      object,
      await read(host, request, 'external-schema', externalSchemaQuery(object.name), remainingMs),
    );
  if (object.kind !== 'table') return result;
  for (const { name, add } of await lacking(host, request, remainingMs)) {
    const added = await walk(walkHost, [{ name: `add-${name}`, mode: 'single', statements: [add] }], `add-${name}-`);
    if (added === 'waiting') return 'waiting';
  }
  return result;
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

const read = (host: ObjectHost, request: ObjectRequest, what: string, sql: string, remainingMs: Remaining) =>
  run(host.as(request.object.identity), `${namePrefix(host, request)}/${what}`, sql, remainingMs);

const namePrefix = ({ environment }: ObjectHost, { requestId }: ObjectRequest) =>
  `millrace/${environment}/deploy/${requestId}`;

function walkOf(host: ObjectHost, request: ObjectRequest, remainingMs: Remaining): Omit<Walk, 'harmless' | 'apart'> {
  const { object } = request;
  const subject = `${object.kind} ${object.name}`;
  return {
    subject,
    namePrefix: namePrefix(host, request),
    warehouse: host.as(object.identity),
    log: host.log,
    remainingMs,
  };
}

/** What any statement may ask for. */
const offered = ({ requestId }: ObjectRequest): Values => ({ run_id: `deploy-${requestId}` });

async function values(host: ObjectHost, request: ObjectRequest): Promise<Values> {
  if (request.object.kind !== 'owner') return offered(request);
  const password = passwordOf(await host.ownerSecret());
  return { ...offered(request), owner_password: passwordDigest(password, request.requestId) };
}
