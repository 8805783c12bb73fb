import { randomUUID } from 'node:crypto';
import type { Actions } from './actions';
import { inOrder } from './order';
import type { Leftover, Operation, StoredResource, StoredStack } from './state';
import { failed, isSamePhysical, perform, took } from './update';
import { sameValue } from './values';

/**
 * Learns how the steps ended that the end of the process cut off, by doing them again: twins open what they find, and a custom resource is asked
 * under the same request id.
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
 * Takes back what an operation did. Resources that were updated get their old properties, in the order of the old template, so the code of a
 * provider is the old one again before its resources are asked. Those that were replaced keep the old physical resource. What the operation
 * made is left for the cleanup, unless its deletion policy retains it.
 * @returns what could not be taken back, a line each; then the operation stays open
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

/** Of a replacement that failed nothing is there: a twin makes its resource whole or not at all. */
async function undo(id: string, operation: Operation, stored: StoredStack, actions: Actions): Promise<void> {
  const before = operation.before[id]!;
  const step = operation.underway[id];
  if (step?.action === 'update') {
    // Whether a failed update changed anything is not known, so it is updated back in any case.
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

/** What the failed update made under another id, and what an answer with another id leaves behind, goes in the cleanup. */
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

/** The physical resources that only the operation made. */
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
