import { randomUUID } from 'node:crypto';
import type { Actions } from './actions';
import { inOrder } from './order';
import type { Leftover, StoredStack } from './state';

/**
 * Deletes the leftovers, each before the resources that it depends on.
 * A resource that cannot be deleted is reported. It stays a leftover together with its dependencies, and the next
 * deployment retries them.
 * @returns one line for each resource that could not be deleted
 */
export async function cleanUp(stored: StoredStack, actions: Actions, save: () => void): Promise<string[]> {
  const failures: string[] = [];
  const needed = new Map<string, string>();
  for (const item of lastFirst(stored.leftovers)) {
    const where = item.path ?? item.logicalId;
    const dependent = needed.get(item.logicalId);
    try {
      if (dependent !== undefined) throw new Error(`${dependent} needs it and could not be deleted`);
      await actions.delete(item.logicalId, item, randomUUID());
      stored.leftovers = stored.leftovers.filter((other) => other !== item);
      save();
    } catch (error) {
      for (const id of item.dependsOn) needed.set(id, where);
      failures.push(`${item.ref} could not be deleted: ${(error as Error).message}`);
      actions.trouble(where, failures.at(-1)!);
    }
  }
  return failures;
}

function lastFirst(leftovers: readonly Leftover[]): Leftover[] {
  const groups = new Map<string, Leftover[]>();
  for (const item of leftovers) groups.set(item.logicalId, [...(groups.get(item.logicalId) ?? []), item]);
  const ids = inOrder(groups.keys(), (id) => groups.get(id)!.flatMap(({ dependsOn }) => dependsOn));
  return ids.reverse().flatMap((id) => groups.get(id)!);
}
