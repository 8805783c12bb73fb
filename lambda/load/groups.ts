import { quoteLiteral } from '../shared/quote';
import type { LoadSource } from './contract';
import { globMatcher } from './glob';
import type { HistoryObject, ToldObject } from './notification';

/** Objects that one transaction may take together: of one source, no key twice. */
export interface Group<Item extends HistoryObject> {
  readonly source: LoadSource;
  /** In the order of their ids, so that the same objects make the same run. */
  readonly objects: Item[];
}

const maxObjects = 250;
const maxBytes = 1024 ** 3;
/** An object that is larger is loaded alone: it would hold up the small ones, and be read again with them if one of those failed. */
const maxSharedBytes = 256 * 1024 ** 2;
/**
 * Of the list of objects as a SQL literal. A varchar takes 65,535 bytes and a statement of the Data API 100 kB, in which the list of
 * files stands beside that of objects.
 */
const maxLiteralBytes = 38_000;

export const idOf = ({ bucket, key, etag }: HistoryObject) => JSON.stringify([bucket, key, etag]);

/** The objects as the statements take them. */
export const objectsJson = (objects: readonly HistoryObject[]) =>
  JSON.stringify(objects.map(({ bucket, key, etag, versionId, size }) => ({ bucket, key, etag, versionId, size })));

/** Finds the source of an object; undefined for one that belongs to none. Console-made folders are objects too, but nobody's. */
export function sourceFinder(
  sources: readonly LoadSource[],
  buckets: Readonly<Record<LoadSource['bucket'], string>>,
): (object: HistoryObject) => LoadSource | undefined {
  const matchers = sources.map((source) => ({ source, matchers: source.globs.map(globMatcher) }));
  return ({ bucket, key }) =>
    key.endsWith('/')
      ? undefined
      : matchers.find(
          ({ source, matchers: globs }) => buckets[source.bucket] === bucket && globs.some((matches) => matches(key)),
        )?.source;
}

/**
 * Divides objects into groups: the newest first, since a late file can wait for the one that arrived now; of a source whose overwritten
 * objects are an alarm the oldest first, so that it is the later one that comes second.
 */
export function groups<Item extends ToldObject>(
  items: readonly { readonly object: Item; readonly source: LoadSource }[],
): Group<Item>[] {
  const bySource = new Map<LoadSource, Item[]>();
  for (const { object, source } of items) bySource.set(source, [...(bySource.get(source) ?? []), object]);
  return [...bySource].flatMap(([source, objects]) => {
    const sign = source.overwritten === 'alarm' ? 1 : -1;
    const sorted = objects.sort((a, b) => sign * (a.writtenAt - b.writtenAt) || compare(a, b));
    return divide(sorted).map((some) => ({ source, objects: some.sort(compare) }));
  });
}

function divide<Item extends HistoryObject>(objects: readonly Item[]): Item[][] {
  const result: Item[][] = [];
  const keys = new Set<string>();
  let room = { objects: 0, bytes: 0, literal: 0 };
  for (const object of objects) {
    const literal = Buffer.byteLength(quoteLiteral(objectsJson([object])));
    const alone = object.size > maxSharedBytes;
    const fits = room.objects >= 1 && room.bytes >= object.size && room.literal >= literal && !keys.has(object.key);
    if (!fits || alone) {
      result.push([]);
      keys.clear();
      room = { objects: maxObjects, bytes: maxBytes, literal: maxLiteralBytes };
    }
    result.at(-1)!.push(object);
    keys.add(object.key);
    room = alone
      ? { objects: 0, bytes: 0, literal: 0 }
      : { objects: room.objects - 1, bytes: room.bytes - object.size, literal: room.literal - literal };
  }
  return result;
}

function compare(a: HistoryObject, b: HistoryObject): number {
  const [idA, idB] = [idOf(a), idOf(b)];
  return idA < idB ? -1 : idA > idB ? 1 : 0;
}
