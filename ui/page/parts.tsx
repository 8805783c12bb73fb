import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Api, NodeState } from '../api';
import { call } from './client';
import { connection, snapshot } from './state';

const stateNames: Readonly<Record<NodeState, string>> = {
  ok: 'fine',
  running: 'running',
  late: 'late',
  failed: 'failed',
  paused: 'paused',
  idle: 'idle',
};

/** A dot with its meaning as text for a screen reader. A state that needs attention is also written out. */
export function State({ state }: { readonly state: NodeState }) {
  const loud = state === 'late' || state === 'failed' || state === 'paused';
  return (
    <span class={`state ${state}`}>
      <span class={loud ? 'state-text' : 'hidden'}>{stateNames[state]}</span>
    </span>
  );
}

export function Failed({ error }: { readonly error: string | undefined }) {
  return error === undefined ? null : (
    <p class="failed" role="alert">
      {error}
    </p>
  );
}

export const Empty = ({ children }: { readonly children: ComponentChildren }) => <p class="empty">{children}</p>;

export function Heading({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <header class="heading">
      <h1>{title}</h1>
      {children === undefined ? null : <p>{children}</p>}
    </header>
  );
}

/**
 * Asks the server, and again when the environment changes (at most every `everyMs`) or the connection is back. Shows the
 * last answer until the next one is there.
 * @param whatever true asks again also if nothing changed that the runtime knows of
 */
export function useAnswer<Path extends keyof Api>(path: Path, input: Api[Path][0], everyMs = 2000, whatever = false) {
  const answer = useSignal<Api[Path][1] | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const again = useSignal(0);
  const key = JSON.stringify(input);
  useEffect(() => {
    let ended = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asked: unknown;
    const ask = async () => {
      asked = snapshot.peek();
      try {
        const found = await call(path, JSON.parse(key) as Api[Path][0]);
        if (ended) return;
        answer.value = found;
        error.value = undefined;
      } catch (thrown) {
        if (ended) return;
        error.value = (thrown as Error).message;
      }
      timer = setTimeout(wait, everyMs);
    };
    const wait = () => {
      const isKnown = snapshot.peek() === asked && !whatever;
      if (isKnown || document.hidden || connection.peek() !== 'live') timer = setTimeout(wait, 500);
      else void ask();
    };
    void ask();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [path, key, again.value]);
  return { answer, error, refresh: () => again.value++ };
}

export type CellValue = string | number | boolean | null;

const ROW = 28;
const SPARE = 12;

const Spacer = ({ rows, columns }: { readonly rows: number; readonly columns: number }) => (
  <tr class="spacer">
    <td colSpan={columns} style={{ height: `${rows * ROW}px` }} />
  </tr>
);

/** A table that draws only the rows in view: it scrolls through 100,000 of them. */
export function DataTable({
  label,
  columns,
  rows,
  height = 420,
}: {
  readonly label: string;
  readonly columns: readonly { readonly name: string; readonly numeric?: boolean }[];
  readonly rows: readonly (readonly CellValue[])[];
  readonly height?: number;
}) {
  const top = useSignal(0);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
    top.value = 0;
  }, [rows]);
  const first = Math.max(0, Math.floor(top.value / ROW) - SPARE);
  const last = Math.min(rows.length, first + Math.ceil(height / ROW) + 2 * SPARE);
  const widths = columns.map(({ name }, n) => {
    const sample = rows.slice(0, 200).map((row) => String(row[n] ?? '').length);
    return Math.min(48, Math.max(name.length, ...sample) + 3);
  });
  return (
    <section
      class="table"
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
      tabIndex={0}
      aria-label={label}
      style={{ maxHeight: `${height}px` }}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
    >
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {columns.map(({ name, numeric }, n) => (
              <th key={name} scope="col" class={numeric ? 'number' : ''} style={{ minWidth: `${widths[n]}ch` }}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <Spacer rows={first} columns={columns.length} />}
          {rows.slice(first, last).map((row, n) => (
            <tr key={first + n} aria-rowindex={first + n + 2}>
              {row.map((value, column) => (
                <td key={columns[column]?.name} class={columns[column]?.numeric ? 'number' : ''}>
                  {value === null ? <span class="null">null</span> : String(value)}
                </td>
              ))}
            </tr>
          ))}
          {last < rows.length && <Spacer rows={rows.length - last} columns={columns.length} />}
        </tbody>
      </table>
    </section>
  );
}
