import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ExportCalendar, ExportFiles, ExportWindow } from '../../api';
import { call, download } from '../client';
import { bytes, grouped, minuteOf, plural } from '../format';
import { Empty, Failed, Heading, useAnswer } from '../parts';

const DAY_MINUTES = 24 * 60;
const DAYS_SHOWN = 31;

export function ExportsView() {
  const { answer, error } = useAnswer('/api/exports', {}, 3000);
  return (
    <>
      <Heading title="Exports">
        Every window of every export. A reader sees published windows only, each once. Choose a window to see its rows,
        files and manifest.
      </Heading>
      <Failed error={error.value} />
      {answer.value === undefined && error.value === undefined && <Empty>Reading the windows …</Empty>}
      {answer.value?.exports.length === 0 && <Empty>No pipeline has an export.</Empty>}
      {answer.value?.exports.map((calendar) => (
        <Calendar key={calendar.name} calendar={calendar} />
      ))}
    </>
  );
}

function Calendar({ calendar }: { readonly calendar: ExportCalendar }) {
  const chosen = useSignal<string | undefined>(undefined);
  const { name, content, format, readers, windows } = calendar;
  const isWide = calendar.windowMinutes >= DAY_MINUTES;
  const lines = linesOf(windows, isWide ? '2026-01'.length : '2026-01-31'.length).slice(-DAYS_SHOWN);
  const window = windows.find(({ start }) => start === chosen.value);
  const rows = windows.reduce((sum, item) => sum + item.rows, 0);
  const published = windows.filter(({ state }) => state === 'published' || state === 'revised').length;
  return (
    <section class="panel export" aria-labelledby={`export-${name}`}>
      <div class="export-head">
        <h2 id={`export-${name}`}>{name}</h2>
        <span class="muted">
          {content}, {format}
        </span>
        <span>
          <strong data-export={name}>{grouped(published)}</strong>{' '}
          <span class="muted">{published === 1 ? 'window' : 'windows'},</span> <strong>{grouped(rows)}</strong>{' '}
          <span class="muted">{rows === 1 ? 'row' : 'rows'}</span>
        </span>
        <span class="muted">{readers.length === 0 ? 'no partner reads it' : `read by ${readers.join(', ')}`}</span>
      </div>
      {windows.length === 0 ? (
        <p class="muted">No window is published yet: a window is published once it is closed and has rows.</p>
      ) : (
        <div class="days">
          {lines.map(([line, list]) => (
            <div class="day" key={line}>
              <span class="day-name">{line}</span>
              <div class={`windows ${isWide ? 'wide' : ''}`}>
                {list.map((item) => (
                  <Cell
                    key={item.start}
                    window={item}
                    wide={isWide}
                    chosen={item.start === chosen.value}
                    choose={() => {
                      chosen.value = item.start === chosen.value ? undefined : item.start;
                    }}
                  />
                ))}
              </div>
            </div>
          ))}
        </div>
      )}
      {window !== undefined && <Details calendar={calendar} window={window} />}
    </section>
  );
}

/** Windows of an hour by day, longer ones by month. @param digits of the start that windows of a line share */
function linesOf(windows: readonly ExportWindow[], digits: number): [string, ExportWindow[]][] {
  const lines = new Map<string, ExportWindow[]>();
  for (const window of windows) {
    const line = window.start.slice(0, digits);
    lines.set(line, [...(lines.get(line) ?? []), window]);
  }
  return [...lines];
}

function Cell(props: {
  readonly window: ExportWindow;
  readonly wide: boolean;
  readonly chosen: boolean;
  readonly choose: () => void;
}) {
  const { window } = props;
  const [day, hour] = [window.start.slice(8, 10), window.start.slice(11, 13)];
  const about = `${minuteOf(Date.parse(window.start))}, ${window.state}, ${plural(window.rows, 'row')}`;
  return (
    <button
      type="button"
      class={`window ${window.state}`}
      style={{ '--column': `${props.wide ? Number(day) : Number(hour) + 1}` }}
      aria-pressed={props.chosen}
      aria-label={about}
      title={about}
      onClick={props.choose}
    >
      {props.wide ? day : hour}
    </button>
  );
}

function Details({ calendar, window }: { readonly calendar: ExportCalendar; readonly window: ExportWindow }) {
  const files = useSignal<ExportFiles | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const { name } = calendar;
  const { start, revision, state } = window;
  useEffect(() => {
    files.value = undefined;
    if (state === 'waiting' || state === 'failed') return undefined;
    let ended = false;
    call('/api/exports/window', { export: name, start, revision }).then(
      (found) => {
        if (!ended) files.value = found;
      },
      (thrown: Error) => {
        if (!ended) error.value = thrown.message;
      },
    );
    return () => {
      ended = true;
    };
  }, [name, start, revision, state]);
  const end = minuteOf(Date.parse(window.end));
  const span = `${minuteOf(Date.parse(start))} to ${end.slice(0, 10) === start.slice(0, 10) ? end.slice(11) : end}`;
  return (
    <div class="details" role="status">
      <h3>
        {span}: {state}
        {revision > 0 ? ` ${plural(revision, 'time')}` : ''}
      </h3>
      {window.waitsFor !== undefined && <p>{window.waitsFor}</p>}
      <Failed error={error.value} />
      {files.value !== undefined && (
        <>
          <p>
            {plural(window.rows, 'row')} in {plural(window.files, 'file')}, {bytes(window.bytes)}, published{' '}
            {minuteOf(Date.parse(window.publishedAt!))}.{' '}
            {calendar.readers.length === 0
              ? 'No partner may read it.'
              : `May be read by ${calendar.readers.join(', ')}.`}
          </p>
          <ul>
            {files.value.files.map(({ key, rows, bytes: size }) => (
              <li key={key}>
                <button
                  type="button"
                  onClick={() =>
                    void download(key).catch((thrown: Error) => {
                      error.value = thrown.message;
                    })
                  }
                >
                  Download
                </button>{' '}
                <code>{key}</code>{' '}
                <span class="muted">
                  {rows === null ? '' : `${plural(rows, 'row')}, `}
                  {bytes(size)}
                </span>
              </li>
            ))}
          </ul>
          <details>
            <summary>Manifest</summary>
            <pre>{pretty(files.value.manifest)}</pre>
          </details>
        </>
      )}
    </div>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
