import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { SqlFailure, SqlResult } from '../../api';
import { Chart } from '../chart';
import { call, save } from '../client';
import { grouped, plural } from '../format';
import { DataTable, Failed, Heading } from '../parts';
import { tokens } from '../sql-tokens';
import { route, snapshot } from '../state';

const HISTORY = 'millrace-sql';
const KEPT = 50;
const FIRST = 'select hour, revenue, purchases\nfrom estore.hourly_revenue\norder by hour';

const remembered = (): string[] => {
  try {
    return JSON.parse(localStorage.getItem(HISTORY) ?? '[]') as string[];
  } catch {
    return [];
  }
};

export function SqlView() {
  const past = useSignal(remembered());
  const sql = useSignal(route.value.argument || past.value[0] || FIRST);
  const result = useSignal<SqlResult | undefined>(undefined);
  const failure = useSignal<SqlFailure | undefined>(undefined);
  const running = useSignal<string | undefined>(undefined);
  const asRecords = useSignal(false);

  const run = async () => {
    if (running.value !== undefined || sql.value.trim() === '') return;
    const id = crypto.randomUUID();
    running.value = id;
    failure.value = undefined;
    past.value = [sql.value, ...past.value.filter((text) => text !== sql.value)].slice(0, KEPT);
    localStorage.setItem(HISTORY, JSON.stringify(past.value));
    try {
      const answer = await call('/api/sql', { sql: sql.value, id });
      if ('error' in answer) failure.value = answer;
      else result.value = answer;
    } catch (thrown) {
      failure.value = { error: (thrown as Error).message };
    } finally {
      running.value = undefined;
    }
  };

  return (
    <>
      <Heading title="SQL">
        {snapshot.value?.readOnly
          ? 'Runs one query in a transaction that is READ ONLY. Ctrl-Enter runs it. Statements that write are refused.'
          : 'Runs one Redshift statement as the owner of the database. Ctrl-Enter runs it. The local warehouse refuses what it does not model, by name.'}
      </Heading>
      <Editor sql={sql.value} failure={failure.value} change={(text) => (sql.value = text)} run={() => void run()} />
      <p class="actions">
        <button type="button" class="main" disabled={running.value !== undefined} onClick={() => void run()}>
          {running.value === undefined ? 'Run' : 'Running …'}
        </button>
        {running.value !== undefined && (
          <button type="button" onClick={() => void call('/api/sql/cancel', { id: running.value! })}>
            Cancel
          </button>
        )}
        <label>
          History
          <select
            value=""
            onChange={(event) => {
              const chosen = past.value[Number(event.currentTarget.value)];
              if (chosen !== undefined) sql.value = chosen;
            }}
          >
            <option value="">{plural(past.value.length, 'statement')}</option>
            {past.value.map((text, n) => (
              <option key={text} value={n}>
                {text.replace(/\s+/g, ' ').slice(0, 90)}
              </option>
            ))}
          </select>
        </label>
        {result.value !== undefined && result.value.rows.length > 0 && (
          <button type="button" aria-pressed={asRecords.value} onClick={() => (asRecords.value = !asRecords.value)}>
            One line a value
          </button>
        )}
        {result.value !== undefined && result.value.columns.length > 0 && (
          <button
            type="button"
            onClick={() => save(new Blob([csv(result.value!)], { type: 'text/csv' }), 'result.csv')}
          >
            Save as CSV
          </button>
        )}
      </p>
      <Failed error={failure.value?.error} />
      {result.value !== undefined && failure.value === undefined && (
        <Result result={result.value} asRecords={asRecords.value} />
      )}
    </>
  );
}

/** A text field above its coloured copy. */
function Editor(props: {
  readonly sql: string;
  readonly failure: SqlFailure | undefined;
  readonly change: (sql: string) => void;
  readonly run: () => void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  const { sql, failure } = props;
  const position = failure?.position;
  useEffect(() => {
    if (position === undefined || field.current === null) return;
    field.current.focus();
    field.current.setSelectionRange(position, position);
  }, [failure]);
  const lines = Math.max(6, Math.min(24, sql.split('\n').length + 1));
  return (
    <div class="editor panel">
      <pre aria-hidden="true">
        {tokens(sql).map(({ kind, text, at }) => {
          const marked = position !== undefined && position >= at && position < at + text.length;
          return (
            <span key={at} class={`t-${kind}${marked ? ' wrong' : ''}`}>
              {text}
            </span>
          );
        })}
        {position !== undefined && position >= sql.length ? <span class="wrong"> </span> : null}
        {'\n'}
      </pre>
      <textarea
        ref={field}
        aria-label="SQL statement"
        aria-invalid={failure !== undefined}
        spellcheck={false}
        rows={lines}
        value={sql}
        onInput={(event) => props.change(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          props.run();
        }}
      />
    </div>
  );
}

const numeric = (type: string) => /^(int|bigint|smallint|integer|numeric|decimal|double|float|real)/.test(type);
const timed = (type: string) => /^(timestamp|date)/.test(type);

function Result({ result, asRecords }: { readonly result: SqlResult; readonly asRecords: boolean }) {
  const { columns, rows, changed, milliseconds, cut } = result;
  if (columns.length === 0)
    return <p role="status">{`${plural(changed ?? 0, 'row')} changed in ${grouped(milliseconds)} ms`}</p>;
  return (
    <>
      <p class="muted" role="status">
        {plural(rows.length, 'row')} in {grouped(milliseconds)} ms
        {columns.length > MANY_COLUMNS ? `; ${columns.length} columns` : ''}
        {cut ? '; the result has more, and the rest is not shown' : ''}
      </p>
      <Plot result={result} />
      {asRecords ? (
        <Records result={result} />
      ) : (
        <DataTable
          label="Result"
          columns={columns.map(({ name, type }) => ({ name, numeric: numeric(type) }))}
          rows={rows}
          height={460}
        />
      )}
    </>
  );
}

/** More columns than this are wider than most screens. */
const MANY_COLUMNS = 8;
const MOST_RECORDS = 50;

/** Each row with its values below each other, none of them cut. */
function Records({ result: { columns, rows } }: { readonly result: SqlResult }) {
  return (
    <div class="records">
      {rows.slice(0, MOST_RECORDS).map((row, n) => (
        <section key={n} class="panel" aria-label={`Row ${n + 1}`}>
          <h3>row {n + 1}</h3>
          <dl>
            {columns.map(({ name }, column) => [
              <dt key={`${column} name`}>{name}</dt>,
              <dd key={`${column} value`}>
                {row[column] === null ? <span class="null">null</span> : String(row[column])}
              </dd>,
            ])}
          </dl>
        </section>
      ))}
      {rows.length > MOST_RECORDS && (
        <p class="empty">
          The first {MOST_RECORDS} of {plural(rows.length, 'row')}. The table has all of them.
        </p>
      )}
    </div>
  );
}

const MOST_BARS = 20;

/** A time against numbers is drawn as lines, a category against a number as bars; other results are not drawn. */
function Plot({ result: { columns, rows } }: { readonly result: SqlResult }) {
  const time = columns.findIndex(({ type }) => timed(type));
  const numbers = columns.flatMap(({ type }, n) => (numeric(type) ? [n] : []));
  if (rows.length < 2 || numbers.length === 0) return null;
  if (time >= 0) {
    const points = rows
      .map((row) => ({
        at: Date.parse(`${String(row[time]).replace(' ', 'T')}${String(row[time]).length > 10 ? 'Z' : ''}`),
        row,
      }))
      .filter(({ at }) => !Number.isNaN(at))
      .sort((one, other) => one.at - other.at);
    const lines = numbers.slice(0, 4).map((n) => ({
      name: columns[n]!.name,
      values: points.map(({ row }) => (row[n] === null ? null : Number(row[n]))),
    }));
    return <Chart title="Result" unit="" times={points.map(({ at }) => at)} lines={lines} />;
  }
  const category = columns.findIndex(({ type }) => !numeric(type));
  if (category < 0 || rows.length > MOST_BARS) return null;
  const value = (row: (typeof rows)[number]) => Number(row[numbers[0]!] ?? 0);
  const most = Math.max(...rows.map(value), 0);
  return (
    <div class="bars panel" role="img" aria-label={`${columns[numbers[0]!]!.name} by ${columns[category]!.name}`}>
      {rows.map((row, n) => (
        <div key={`${row[category]} ${n}`}>
          <span>{String(row[category])}</span>
          <span class="bar" style={{ width: `${most > 0 ? Math.max(0, (value(row) / most) * 60) : 0}%` }} />
          <span>{grouped(value(row))}</span>
        </div>
      ))}
    </div>
  );
}

/** RFC 4180. A null is an empty field. */
function csv({ columns, rows }: SqlResult): string {
  const field = (value: unknown) => {
    const text = value === null ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.map(({ name }) => name), ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}
