import { quoteLiteral } from '../shared/quote';
import type { LoadSource } from './contract';
import { globMatcher } from './glob';
import type { HistoryObject, NotifiedObject } from './notification';

/** Objects for one transaction: all of one source, no key twice. */
export interface Group<Item extends HistoryObject> {
  readonly source: LoadSource;
  /** Ordered by id, so that the same objects always form the same run. */
  readonly objects: Item[];
}

const maxObjects = 250;
const maxBytes = 1024 ** 3;
/** A larger object is loaded alone. In a group it would delay the small ones, and be read again whenever one of them fails. */
const maxSharedBytes = 256 * 1024 ** 2;
/** Longest list of objects as a SQL literal. A Data API statement has at most 100 kB, and holds the list of files too. */
const maxLiteralBytes = 37_000;

export const idOf = ({ bucket, key, etag }: HistoryObject) => JSON.stringify([bucket, key, etag]);

/** The objects as the statements take them. */
export const objectsJson = (objects: readonly HistoryObject[]) =>
  JSON.stringify(objects.map(({ bucket, key, etag, versionId, size }) => ({ bucket, key, etag, versionId, size })));

/** Finds the source of an object. Undefined where none matches, and for the empty objects that the S3 console creates for folders. */
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
 * Divides objects into groups, the newest objects first: fresh data matters more than late files. A source that alarms on overwritten objects is
 * loaded oldest first instead, so that the alarm names the later object.
 */
export function groups<Item extends NotifiedObject>(
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
