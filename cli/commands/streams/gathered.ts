/** Most items that wait. The source is not read further before they are taken. */
const MOST_WAITING = 5_000;

/**
 * Yields everything that a source gave since the last request, as one list. So a slow consumer takes few large lists
 * where a fast one takes many small ones.
 */
export async function* gathered<Item>(source: AsyncIterable<readonly Item[]>): AsyncGenerator<readonly Item[]> {
  let waiting: Item[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let changed: () => void = () => undefined;
  const change = () =>
    new Promise<void>((resolve) => {
      changed = resolve;
    });
  let taken: () => void = () => undefined;
  const iterator = source[Symbol.asyncIterator]();
  const pump = async () => {
    try {
      for (;;) {
        const next = await iterator.next();
        if (next.done) break;
        waiting.push(...next.value);
        changed();
        if (waiting.length >= MOST_WAITING)
          await new Promise<void>((resolve) => {
            taken = resolve;
          });
      }
      ended = {};
    } catch (error) {
      ended = { error };
    }
    changed();
  };
  const pumping = pump();
  let finished = false;
  try {
    for (;;) {
      if (waiting.length > 0) {
        const items = waiting;
        waiting = [];
        taken();
        yield items;
      } else if (ended) {
        if ('error' in ended) throw ended.error;
        finished = true;
        return;
      } else await change();
    }
  } finally {
    taken();
    // Ends the source, whose next call may still be open: a reading is ended by its signal.
    if (!finished) void iterator.return?.().catch(() => undefined);
    else await pumping;
  }
}
