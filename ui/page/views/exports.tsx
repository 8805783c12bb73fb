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
  const days = byDay(windows).slice(-DAYS_SHOWN);
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
          <strong data-export={name}>{grouped(published)}</strong> <span class="muted">windows,</span>{' '}
          <strong>{grouped(rows)}</strong> <span class="muted">rows</span>
        </span>
        <span class="muted">{readers.length === 0 ? 'no partner reads it' : `read by ${readers.join(', ')}`}</span>
      </div>
      {windows.length === 0 ? (
        <p class="muted">No window is published yet: a window is published once it is closed and has rows.</p>
      ) : (
        <div class="days">
          {days.map(([day, list]) => (
            <div class="day" key={day}>
              <span class="day-name">{day}</span>
              <div class="windows">
                {list.map((item) => (
                  <Cell
                    key={item.start}
                    window={item}
                    wide={calendar.windowMinutes >= DAY_MINUTES}
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

function byDay(windows: readonly ExportWindow[]): [string, ExportWindow[]][] {
  const days = new Map<string, ExportWindow[]>();
  for (const window of windows) {
    const day = window.start.slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), window]);
  }
  return [...days];
}

function Cell(props: {
  readonly window: ExportWindow;
  readonly wide: boolean;
  readonly chosen: boolean;
  readonly choose: () => void;
}) {
  const { window } = props;
  const hour = window.start.slice(11, 13);
  const about = `${minuteOf(Date.parse(window.start))}, ${window.state}, ${plural(window.rows, 'row')}`;
  return (
    <button
      type="button"
      class={`window ${window.state}`}
      style={props.wide ? undefined : { '--column': `${Number(hour) + 1}` }}
      aria-pressed={props.chosen}
      aria-label={about}
      title={about}
      onClick={props.choose}
    >
      {props.wide ? window.start.slice(5, 10) : hour}
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
  const span = `${minuteOf(Date.parse(start))} to ${minuteOf(Date.parse(window.end)).slice(11)}`;
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
