import type { EnvironmentDeclaration } from '../../environments/declaration';
import { type CreateChange, differences, otherDifferences } from './differences';
import type { Change } from './plan';

type Existing = NonNullable<EnvironmentDeclaration['existing']>;

/** What a deployment does with things that Millrace did not make: all of it is in these changes. */
export function existingChanges(was: Existing = {}, is: Existing = {}, change: CreateChange): Change[] {
  return differences(was, is).map(({ name, before, after }) => {
    if (!after)
      return change(name, 'removed', 'It is no longer used.', 'Millrace did not make it and leaves it as it is.');
    const uses = usesOf(name, after);
    return before
      ? change(name, 'online', otherDifferences(before, after, []).join(' '), ...uses)
      : change(name, 'added', `${String(after['existing'])} is used. Millrace did not make it.`, ...uses);
  });
}

function usesOf(name: string, { role }: Existing[string]): string[] {
  if (name.startsWith('stream of '))
    return [
      'It is read, and neither changed nor deleted.',
      role === undefined
        ? 'It gets two readers that poll every shard: the landing view and the archive.'
        : 'It gets a reader that polls every shard: the landing view. There is no archive of it.',
    ];
  if (name === 'history bucket')
    return [
      'It is read below the prefixes of the pipelines, and neither changed nor emptied.',
      'A rule of EventBridge for each pipeline with history sends its new objects to a queue. Older objects are found by the reconcile and by `npx millrace backfill`.',
    ];
  if (name === 'warehouse')
    return [
      'Its database gets the schema of each pipeline, one for its external stream, and the schema `millrace`. The warehouse gets the database users `millrace_owner` and `millrace_<purpose>_<pipeline>`. Nothing else of it is changed or deleted.',
      'A deletion removes them again, except what `retainData` keeps.',
    ];
  return [];
}
