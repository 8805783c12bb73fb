import { useSignal } from '@preact/signals';
import type { Action, FaultName } from '../../api';
import { call } from '../client';
import { grouped, timeOf } from '../format';
import { Failed, Heading } from '../parts';
import { activities, snapshot } from '../state';

const rates: readonly (readonly [rate: number, text: string])[] = [
  [0, 'stopped'],
  [1, 'real time'],
  [10, '10×'],
  [60, '60×'],
  [600, '600×'],
];

const sends: readonly (readonly [what: Extract<Action, { kind: 'send' }>['what'], text: string, about: string])[] = [
  ['events', '1,000 events', 'with the usual few duplicates and malformed records'],
  ['malformed', '100 malformed records', 'and 100 good ones'],
  ['duplicates', '100 events, each twice', 'an event counts once'],
  ['history', 'A history object', 'with 200 events that the stream has too'],
];

const faults: readonly (readonly [fault: FaultName, text: string, about: string])[] = [
  ['lose-notification', 'Lose a notification', 'the next history object is not announced; the reconcile finds it'],
  ['double-notification', 'Double a notification', 'the next history object is announced twice'],
  ['kill-load', 'Kill the load function', 'in the middle of its next run'],
  ['abort-merge', 'Abort a merge', 'in the middle of its next transaction'],
  ['reshard', 'Reshard the streams', 'shards are split, or merged again'],
  ['pause-warehouse', 'Pause the cluster', 'it refuses every statement until it is resumed'],
  ['resume-warehouse', 'Resume the cluster', 'the next run merges what waited'],
];

export function TryItView() {
  const done = useSignal<string | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);
  const state = snapshot.value;
  const act = async (action: Action) => {
    busy.value = true;
    error.value = undefined;
    done.value = undefined;
    try {
      done.value = (await call('/api/try', action)).done;
    } catch (thrown) {
      error.value = (thrown as Error).message;
    } finally {
      busy.value = false;
    }
  };
  const disabled = busy.value || state === undefined || state.catchingUp;
  return (
    <>
      <Heading title="Try it">
        Press a button and watch the equation hold. Everything here happens on this machine only.
      </Heading>
      {state !== undefined && (
        <p class={`watched panel ${state.counts.balanced ? '' : 'failed'}`}>
          <strong>{grouped(state.counts.produced)}</strong> produced {state.counts.balanced ? '=' : '≠'}{' '}
          {state.counts.terms.map(({ name, records }, n) => (
            <span key={name}>
              {n > 0 && '+ '}
              <strong>{grouped(records)}</strong> {name}{' '}
            </span>
          ))}
        </p>
      )}
      <p class="done" role="status">
        {state?.catchingUp === true
          ? 'The first records are still being merged. The buttons work when that is done.'
          : done.value}
      </p>
      <Failed error={error.value} />
      <div class="groups">
        <section class="panel" aria-labelledby="try-clock">
          <h2 id="try-clock">Clock</h2>
          <fieldset class="spans">
            <legend class="hidden">Rate of the clock</legend>
            {rates.map(([rate, text]) => (
              <button
                key={rate}
                type="button"
                disabled={disabled}
                aria-pressed={state?.clockRate === rate}
                onClick={() => void act({ kind: 'rate', rate })}
              >
                {text}
              </button>
            ))}
          </fieldset>
          <Deed
            text="Jump"
            about="to the next thing that is due"
            disabled={disabled}
            act={() => void act({ kind: 'jump' })}
          />
        </section>
        <section class="panel" aria-labelledby="try-send">
          <h2 id="try-send">Send</h2>
          {sends.map(([what, text, about]) => (
            <Deed
              key={what}
              text={text}
              about={about}
              disabled={disabled}
              act={() => void act({ kind: 'send', what })}
            />
          ))}
        </section>
        <section class="panel" aria-labelledby="try-faults">
          <h2 id="try-faults">Break</h2>
          {faults.map(([fault, text, about]) => (
            <Deed
              key={fault}
              text={text}
              about={about}
              disabled={disabled}
              act={() => void act({ kind: 'fault', fault })}
            />
          ))}
        </section>
      </div>
      <Faults />
    </>
  );
}

function Deed(props: {
  readonly text: string;
  readonly about: string;
  readonly disabled: boolean;
  readonly act: () => void;
}) {
  return (
    <p class="deed">
      <button type="button" disabled={props.disabled} onClick={props.act}>
        {props.text}
      </button>
      <span class="muted">{props.about}</span>
    </p>
  );
}

const SHOWN = 12;

function Faults() {
  const shown = activities.value
    .filter(({ kind, failed }) => kind === 'fault' || failed)
    .slice(-SHOWN)
    .reverse();
  if (shown.length === 0) return null;
  return (
    <section class="happenings" aria-labelledby="try-happened">
      <h2 id="try-happened">What came of it</h2>
      <ol>
        {shown.map(({ id, at, kind, what, failed }) => (
          <li key={id} class={failed ? 'bad' : ''}>
            <time>{timeOf(at)}</time>
            <span class="kind">{kind}</span>
            <span>{what}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
