import { isDeepStrictEqual } from 'node:util';
import { type Row, waitFor } from '../shared/warehouse';
import { missingColumns, type ObjectCall, objectExists, prefixesOf, query, queryIfExists, subjectOf } from './call';
import type { WarehouseObject } from './properties';
import { previousTables, refuseOtherChanges } from './rebuild';
import type { Recorded } from './registry';

/** Throws, before anything is changed, where the request cannot succeed or another stack is at work on the object. */
export async function checkBefore(call: ObjectCall): Promise<void> {
  const { type, object } = call.request;
  await cancelEarlierRequest(call);
  if (type === 'Delete') return;
  if (object.kind === 'table') await missingColumns(call);
  if (object.rebuild) await refuseRebuild(call);
  if (object.kind === 'landing-view') {
    await refuseOtherStream(call);
    await refuseLoss(call);
  }
  if (object.kind === 'pipeline' && type === 'Create') await refuseOtherIdentity(call);
}

/**
 * Cancels statements that an earlier request of this stack left running: CloudFormation makes one change of a stack at a time, so it has given that
 * request up. Throws if another stack has a statement running that it still waits for.
 */
async function cancelEarlierRequest(call: ObjectCall): Promise<void> {
  const { now, limitMs, remainingMs } = call;
  const warehouse = call.as(call.request.object.identity);
  const prefixes = prefixesOf(call);
  const active = (await call.group.activeOn(call)).filter(({ name }) => !name.startsWith(prefixes.request));
  const foreign = active.find(
    ({ name, createdAt }) => !name.startsWith(prefixes.stack) && now() <= createdAt + limitMs,
  );
  if (foreign)
    throw new Error(
      `${subjectOf(call)}: another stack has a statement active on it since ${new Date(foreign.createdAt).toISOString()}: ${foreign.name} (${foreign.id}). Wait until it has ended, and deploy again`,
    );
  for (const { id } of active) await warehouse.cancel(id);
  for (const { id } of active) await waitFor(warehouse, id, remainingMs);
}

async function refuseRebuild(call: ObjectCall): Promise<void> {
  const previous = previousTables(call.request, (await call.group.recorded(call)) !== undefined);
  if (previous) await refuseOtherChanges((what, sql) => query(call, what, sql), previous);
}

/** A view that exists goes on reading its stream, whatever its statement says now. Throws if that is another stream. */
async function refuseOtherStream(call: ObjectCall): Promise<void> {
  const { object } = call.request;
  const recorded = await call.group.recorded(call);
  if (!recorded?.definition || recorded.version !== object.version) return;
  const [was, is] = [recorded.definition, JSON.stringify(object.create)].map(streamIn);
  if (was === undefined || is === undefined || was === is || !(await objectExists(call))) return;
  throw new Error(
    `${subjectOf(call)} reads the stream ${was}, and ${is} is wanted: a view keeps its stream. Keep the stream, or remove the pipeline with its data kept, and deploy it again ` +
      'with the other stream and with stream.recreatedAt, the time from which that one is read',
  );
}

/** The stream in the statement of a landing view, which may be encoded as JSON. */
const streamIn = (text: string) => /_stream\.\\*"([\w.-]+)\\*"/.exec(text)?.[1];

/** A new landing view reads what the stream still holds. Throws if that begins after the last merge, unless the view exists and has read all along. */
async function refuseLoss(call: ObjectCall): Promise<void> {
  const { type, object, previous } = call.request;
  const isReplacement = type === 'Update' && previous !== undefined && previous !== object.name;
  if (!isReplacement || object.unread === undefined || (await objectExists(call))) return;
  const [row] = await query(call, 'unread', object.unread);
  if (row) throw new Error(`${subjectOf(call)} cannot replace ${previous}: ${lossOf(row)}`);
}

/**
 * What replacing a landing view would lose, by a row of its `unread`: `last_merge`, `hours_since`, `hours_kept` by the stream, and `open_gaps` from
 * before.
 */
export function lossOf(row: Row): string {
  const { last_merge: last, hours_since: since, hours_kept: kept, open_gaps: gaps } = row;
  const lost = Math.max(1, Number(since) + 1 - Number(kept));
  const open = Number(gaps ?? 0) === 0 ? '' : ` ${gaps} open gaps are reported already.`;
  return (
    `the last merge that is known to be complete reaches to ${last}, ${since} h ago, the stream keeps ${kept} h and a deployment may take 1 h: ` +
    `what arrived in ${lost} h would be neither merged nor on the stream.${open} Let two refreshes succeed first, which merge what is there, or keep ` +
    'the stream longer (retentionHours); if the present view can no longer be refreshed, set stream.recreatedAt of the pipeline to now: ' +
    'then the hours in between become a gap, which a backfill from the archive closes'
  );
}

/** Throws if a pipeline that is deployed again, to data that was kept, has another identity than that data. */
async function refuseOtherIdentity(call: ObjectCall): Promise<void> {
  const { events } = call.request.object;
  const recorded = await call.group.recorded(call);
  const change = recorded && identityChange(recorded, call.request.object);
  if (change === undefined || events === undefined) return;
  const [row] = await queryIfExists(call, 'events', events);
  const amount = Number(row?.amount ?? 0);
  if (amount === 0) return;
  const { from, to } = change;
  throw new Error(
    `${subjectOf(call)}: it is deployed again with the identity ${JSON.stringify(to)}, and its ${amount} kept events have ${JSON.stringify(from)}: they would not be found. ` +
      'Nothing was changed; deploy it with the identity that it had, and change the identity in the next deployment',
  );
}

/** The recorded part of what a pipeline declares of its identity. */
export interface DeclaredIdentity {
  readonly identity?: unknown;
  /** The parts of an id, whatever the columns are called. @default - the record is older than this field */
  readonly identityParts?: unknown;
}

/** What to compare of two declarations: the parts of the ids, where both have them. */
export function comparedIdentities(before: DeclaredIdentity, after: DeclaredIdentity): [unknown, unknown] {
  const haveParts = before.identityParts !== undefined && after.identityParts !== undefined;
  return haveParts ? [before.identityParts, after.identityParts] : [before.identity, after.identity];
}

/** Undefined where the identity is the recorded one, or none is recorded. */
function identityChange(
  { definition }: Recorded,
  { declaration }: WarehouseObject,
): { readonly from: unknown; readonly to: unknown } | undefined {
  const before = (JSON.parse(definition ?? '{}') as { declaration?: unknown }).declaration;
  const [from, to] = comparedIdentities((before ?? {}) as DeclaredIdentity, (declaration ?? {}) as DeclaredIdentity);
  return from === undefined || isDeepStrictEqual(from, to) ? undefined : { from, to };
}
