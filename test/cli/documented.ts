import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What docs/commands.md shows of `--json`, by verb. */
export const documented: ReadonlyMap<string, unknown> = new Map(
  [
    ...readFileSync(join(__dirname, '../../docs/commands.md'), 'utf8').matchAll(
      /^## ([\w-]+)$[\s\S]*?```json\n([\s\S]*?)```/gm,
    ),
  ].map(([, verb, example]) => [verb!, JSON.parse(example!)]),
);

/** Of lists the first elements are compared; `facts` differ by place. */
export function same(given: unknown, example: unknown, at: string): void {
  if (example === null || given === null || at.endsWith('.facts')) return;
  if (Array.isArray(example)) {
    expect([at, Array.isArray(given)]).toEqual([at, true]);
    const [first] = given as unknown[];
    if (first !== undefined && example.length > 0) same(first, example[0], `${at}[]`);
  } else if (typeof example === 'object') {
    const optional = new Set(['reason', 'runId', 'estimate', 'query', 'pipeline', 'kept', 'failedStatus']);
    const names = (value: object) =>
      Object.keys(value)
        .filter((name) => !optional.has(name))
        .sort();
    expect([at, names(given as object)]).toEqual([at, names(example)]);
    for (const [name, value] of Object.entries(example))
      if (name in (given as object)) same((given as Record<string, unknown>)[name], value, `${at}.${name}`);
  } else expect([at, typeof given]).toEqual([at, typeof example]);
}
