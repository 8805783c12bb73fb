/** The number of small objects that are read, written, deleted or listed at the same time. */
export const parallelObjects = 8;

/**
 * Maps items with at most `limit` calls at the same time. Results are in the order of the items. After a failure no
 * further call begins. The failure is thrown once the running calls have ended, so that none overlaps with the caller's
 * next work.
 */
export async function mapAtMost<T, R>(
  limit: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
