import type { FileStatus, HistoryState } from '../../api';
import { bytes, grouped, plural } from '../format';
import { DataTable, Empty, Failed, Heading, useAnswer } from '../parts';

const meanings: Readonly<Record<FileStatus, string>> = {
  loaded: 'in the bucket and in the ledger',
  pending: 'in the bucket, not in the ledger',
  failed: 'given up, with a reason',
  unknown: 'in the ledger only, or of no source',
};
const statuses = Object.keys(meanings) as FileStatus[];

export function HistoryView() {
  const { answer, error } = useAnswer('/api/history', {}, 3000);
  const state = answer.value;
  return (
    <>
      <Heading title="History">The objects of the history bucket against the ledger of loaded objects.</Heading>
      <Failed error={error.value} />
      {state === undefined && error.value === undefined && <Empty>Comparing the bucket with the ledger …</Empty>}
      {state !== undefined && (
        <>
          {Object.entries(state.counts).map(([pipeline, counts]) => (
            <section class="panel objects" key={pipeline} aria-label={pipeline}>
              <h2>{pipeline}</h2>
              <dl>
                {statuses.map((status) => (
                  <div key={status} class={counts[status].objects > 0 ? status : ''}>
                    <dt>{status}</dt>
                    <dd>
                      <strong data-history={`${pipeline} ${status}`}>{grouped(counts[status].objects)}</strong>{' '}
                      {counts[status].objects > 0 && <span class="muted">{bytes(counts[status].bytes)}</span>}
                    </dd>
                    <dd class="muted">{meanings[status]}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
          <Days days={state.days} />
          <Files state={state} />
        </>
      )}
    </>
  );
}

function Days({ days }: Pick<HistoryState, 'days'>) {
  const most = Math.max(1, ...days.map(({ rows }) => rows));
  return (
    <section class="panel objects" aria-labelledby="history-days">
      <h2 id="history-days">Loaded, by day</h2>
      {days.length === 0 ? (
        <Empty>Nothing is loaded yet.</Empty>
      ) : (
        <ol class="bars">
          {days.map(({ pipeline, day, objects, bytes: size, rows }) => (
            <li key={`${pipeline} ${day}`}>
              <span>
                {day} <span class="muted">{pipeline}</span>
              </span>
              <span class="bar" style={{ width: `${(rows / most) * 50}%` }} />
              <span>
                <span data-day={`${pipeline} ${day}`}>{plural(rows, 'row')}</span>{' '}
                <span class="muted">
                  {plural(objects, 'object')}, {bytes(size)}
                </span>
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Files({ state: { files, bucket } }: { readonly state: HistoryState }) {
  return (
    <section aria-labelledby="history-files">
      <h2 id="history-files" class="spaced">
        Not loaded
      </h2>
      {files.length === 0 ? (
        <p class="muted">
          Every object of <code>{bucket}</code> is loaded.
        </p>
      ) : (
        <DataTable
          label="Objects that are not loaded"
          columns={[{ name: 'status' }, { name: 'key' }, { name: 'bytes', numeric: true }, { name: 'reason' }]}
          rows={files.map(({ status, key, size, reason }) => [status, key, size, reason ?? ''])}
        />
      )}
    </section>
  );
}
