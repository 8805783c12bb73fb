import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { RejectReason, RetryAnswer } from '../../api';
import { call } from '../client';
import { bytes, grouped, plural } from '../format';
import { Empty, Failed, Heading, useAnswer } from '../parts';
import { snapshot } from '../state';

export function RejectsView() {
  const { answer, error, refresh } = useAnswer('/api/rejects', {}, 3000);
  const reasons = answer.value?.reasons;
  return (
    <>
      <Heading title="Rejects">
        Records that do not fit the columns of their pipeline. They are kept with their payload. After the columns were
        changed and deployed, they can be merged again.
      </Heading>
      <Failed error={error.value} />
      {reasons === undefined && error.value === undefined && <Empty>Reading the rejects …</Empty>}
      {reasons?.length === 0 && <Empty>There are no rejects.</Empty>}
      {reasons?.map((reason) => (
        <Reason key={`${reason.pipeline} ${reason.reason}`} reason={reason} retried={refresh} />
      ))}
    </>
  );
}

function Reason({ reason, retried }: { readonly reason: RejectReason; readonly retried: () => void }) {
  const result = useSignal<RetryAnswer | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);
  const retry = async (apply: boolean) => {
    busy.value = true;
    error.value = undefined;
    try {
      result.value = await call('/api/rejects/retry', { pipeline: reason.pipeline, reason: reason.reason, apply });
      if (apply) retried();
    } catch (thrown) {
      error.value = (thrown as Error).message;
    } finally {
      busy.value = false;
    }
  };
  return (
    <details class="panel reason">
      <summary>
        <span class="reason-count" data-reason={`${reason.pipeline} ${reason.reason}`}>
          {grouped(reason.records)}
        </span>
        <span class="muted">{reason.pipeline}</span>
        <span class="reason-text">{reason.reason}</span>
        <time class="muted">newest {reason.newest.slice(0, 19)}</time>
      </summary>
      <div class="reason-body">
        {snapshot.value?.readOnly ? (
          <p class="muted">
            <code>npx millrace rejects --retry</code> merges them again. This page only reads.
          </p>
        ) : (
          <p class="actions">
            <button type="button" disabled={busy.value} onClick={() => void retry(false)}>
              What would become of them?
            </button>
            <button type="button" class="main" disabled={busy.value} onClick={() => void retry(true)}>
              Merge again
            </button>
            {result.value !== undefined && <Result result={result.value} />}
          </p>
        )}
        <Failed error={error.value} />
        <ol class="samples">
          {reason.samples.map((sample) => (
            <li key={sample.from}>
              <p class="muted">
                {sample.from}, rejected {sample.mergedAt.slice(0, 19)}
              </p>
              {sample.payload === null ? (
                <p class="muted">
                  {sample.payloadBytes === null
                    ? 'The bytes are not JSON.'
                    : `${bytes(sample.payloadBytes)}, too long to be shown.`}
                </p>
              ) : (
                <pre>
                  <Payload text={sample.payload} path={reason.path} />
                </pre>
              )}
            </li>
          ))}
        </ol>
      </div>
    </details>
  );
}

const Result = ({ result: { applied, chosen, events, duplicates, after } }: { readonly result: RetryAnswer }) => (
  <span role="status">
    Of {plural(chosen, 'reject')}, {grouped(events)} {applied ? 'became' : 'would become'} events and{' '}
    {grouped(duplicates)} duplicates. {grouped(after)} {applied ? 'are' : 'would be'} left.
  </span>
);

/** The payload, with the value at the path marked. The text comes from outside: it is only ever shown as text. */
function Payload({ text, path }: { readonly text: string; readonly path: readonly string[] | undefined }) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return <>{text}</>;
  }
  return <>{json(value, path, '')}</>;
}

/** @param path of the marked value within this one; undefined marks nothing */
function json(value: unknown, path: readonly string[] | undefined, indent: string): ComponentChildren {
  const marked = path?.length === 0;
  const shown = inner(value, marked ? undefined : path, indent);
  return marked ? <mark>{shown}</mark> : shown;
}

function inner(value: unknown, path: readonly string[] | undefined, indent: string): ComponentChildren {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = `${indent}  `;
  const entries = Object.entries(value);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const missing = path?.length === 1 && !Object.hasOwn(value, path[0]!) && !Array.isArray(value);
  if (entries.length === 0 && !missing) return `${open}${close}`;
  return (
    <>
      {open}
      {entries.map(([name, member], n) => (
        <span key={name}>
          {`\n${deeper}`}
          {Array.isArray(value) ? '' : `${JSON.stringify(name)}: `}
          {json(member, path?.[0] === name ? path.slice(1) : undefined, deeper)}
          {n < entries.length - 1 ? ',' : ''}
        </span>
      ))}
      {missing && (
        <span>
          {`\n${deeper}`}
          <mark>{`${JSON.stringify(path[0])} is missing`}</mark>
        </span>
      )}
      {`\n${indent}${close}`}
    </>
  );
}
