import { randomUUID } from 'node:crypto';
import type { Actions } from './actions';
import { inOrder } from './order';
import type { Leftover, Operation, StoredResource, StoredStack } from './state';
import { failed, isSamePhysical, perform, took } from './update';
import { sameValue } from './values';

/**
 * Repeats the steps that were interrupted by the end of the process, to learn their outcome.
 * A twin opens a resource that exists already, and a custom resource receives the same request id.
 */
export async function settle(stored: StoredStack, actions: Actions, save: () => void): Promise<void> {
  const operation = stored.operation!;
  const unknown = Object.keys(operation.underway).filter((id) => !operation.underway[id]!.failed);
  for (const id of inOrder(unknown, (key) => operation.underway[key]!.definition.dependsOn)) {
    const step = operation.underway[id]!;
    try {
      took(stored, id, step.definition, await perform(actions, stored, id, step));
    } catch (error) {
      operation.underway[id] = failed(step, error as Error);
    }
    save();
  }
}

/**
 * Rolls back an operation.
 * - Updated resources get their old properties, in the order of the old template. A provider's code is thus restored
 *   before its custom resources are.
 * - Replaced resources return to the old physical resource.
 * - Created resources become leftovers for the cleanup, unless their deletion policy is Retain.
 * @returns one line for each resource that could not be rolled back; the operation then stays open
 */
export async function rollBack(stored: StoredStack, actions: Actions, save: () => void): Promise<string[]> {
  const operation = stored.operation!;
  stored.status = operation.kind === 'create' ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS';
  save();
  const failures: string[] = [];
  const old = inOrder(Object.keys(operation.before), (id) => operation.before[id]!.dependsOn);
  for (const id of old) {
    try {
      await undo(id, operation, stored, actions);
      save();
    } catch (error) {
      failures.push(`${stored.resources[id]!.path ?? id} (${stored.resources[id]!.type}): ${(error as Error).message}`);
    }
  }
  if (failures.length > 0) {
    stored.status = operation.kind === 'create' ? 'ROLLBACK_FAILED' : 'UPDATE_ROLLBACK_FAILED';
    save();
    return failures;
  }
  stored.leftovers.push(...made(operation, stored, actions));
  stored.resources = { ...operation.before };
  stored.operation = undefined;
  stored.status = operation.kind === 'create' ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS';
  save();
  return [];
}

/** Rolls back one resource. A failed replacement needs nothing: a twin creates a resource completely or not at all. */
async function undo(id: string, operation: Operation, stored: StoredStack, actions: Actions): Promise<void> {
  const before = operation.before[id]!;
  const step = operation.underway[id];
  if (step?.action === 'update') {
    // A failed update may have changed the resource, so it is updated back in any case.
    const from: StoredResource = { ...step.definition, ref: step.physicalId ?? before.ref, attributes: {} };
    await updateBack(id, from, before, stored, actions);
  } else if (!step) {
    const now = stored.resources[id]!;
    if (!isSamePhysical(now, before)) stored.leftovers.push({ ...now, logicalId: id });
    else if (!sameValue(now.properties, before.properties)) await updateBack(id, now, before, stored, actions);
  }
  stored.resources[id] = before;
  delete operation.underway[id];
}

/**
 * Updates a resource back to its old properties. If the update gave it another physical id, that physical resource
 * becomes a leftover.
 */
async function updateBack(
  id: string,
  from: StoredResource,
  before: StoredResource,
  stored: StoredStack,
  actions: Actions,
): Promise<void> {
  if (before.properties === undefined) return;
  const { ref } = await actions.update({ logicalId: id, definition: before, requestId: randomUUID() }, from);
  if (from.ref !== before.ref) stored.leftovers.push({ ...from, logicalId: id });
  if (actions.isCustom(before.type) && ref !== before.ref && ref !== from.ref)
    throw new Error(`took on the physical id ${ref} when it was updated back, it had ${before.ref}`);
}

/** Physical resources that the operation created. */
function made({ before, underway }: Operation, stored: StoredStack, actions: Actions): Leftover[] {
  const created = Object.entries(stored.resources)
    .filter(([id]) => !(id in before))
    .map(([logicalId, resource]) => ({ ...resource, logicalId }));
  const begun = Object.entries(underway)
    .filter(([, { action, definition }]) => action === 'create' && actions.isCustom(definition.type))
    .map(([logicalId, { definition, physicalId }]) => ({
      ...definition,
      ref: physicalId ?? actions.generatedName(logicalId, definition),
      attributes: {},
      logicalId,
    }));
  return [...created, ...begun].filter(({ deletionPolicy }) => deletionPolicy !== 'Retain');
}
