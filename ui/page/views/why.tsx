import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Sighting, WhyAnswer } from '../../api';
import { call } from '../client';
import { Empty, Failed, Heading } from '../parts';
import { linkTo, route } from '../state';

const marks = { yes: 'there', no: 'not there', unknown: 'not known' } as const;

/** One event's way through every place. The event is in the address, so the answer can be linked to. */
export function WhyView() {
  const text = useSignal(route.value.argument);
  const answers = useSignal<readonly WhyAnswer[] | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const busy = useSignal(false);
  const { argument } = route.value;
  useEffect(() => {
    text.value = argument;
    answers.value = undefined;
    error.value = undefined;
    busy.value = argument !== '';
    if (argument === '') return undefined;
    let ended = false;
    call('/api/why', { event: argument })
      .then(
        (found) => {
          if (!ended) answers.value = found.answers;
        },
        (thrown: Error) => {
          if (!ended) error.value = thrown.message;
        },
      )
      .finally(() => {
        if (!ended) busy.value = false;
      });
    return () => {
      ended = true;
    };
  }, [argument]);
  return (
    <>
      <Heading title="Why">
        Follows one event through every place, in every pipeline that may have it. Enter its event id, or values of its
        columns: <code>customer_id=customer_7 action=cart</code>
      </Heading>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          location.hash = linkTo('why', text.value.trim());
        }}
      >
        <input
          aria-label="Event id, or column=value"
          placeholder="event id, or column=value …"
          value={text.value}
          spellcheck={false}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        <button type="submit" class="main" disabled={busy.value || text.value.trim() === ''}>
          {busy.value ? 'Searching …' : 'Follow it'}
        </button>
      </form>
      <Failed error={error.value} />
      {answers.value === undefined
        ? error.value === undefined && (
            <Empty>
              {busy.value
                ? 'Searching the stream, the archive, the history and the warehouse …'
                : 'Enter an event to see its way. The column event_id of the tables and exports has its id.'}
            </Empty>
          )
        : answers.value.map((answer) => <Answer key={answer.pipeline} answer={answer} />)}
    </>
  );
}

function Answer({
  answer: { pipeline, eventId, verdict, inEvents, sightings, partners },
}: {
  readonly answer: WhyAnswer;
}) {
  return (
    <article class="panel answer" aria-label={`Answer of ${pipeline}`}>
      <p class="verdict-line">
        <span class={`pill ${inEvents ? 'good' : 'warn'}`}>{pipeline}</span> <strong>{verdict}</strong>
      </p>
      {eventId !== null && (
        <p class="muted id">
          event id <code>{eventId}</code>
        </p>
      )}
      <ol class="timeline">
        {sightings.map((sighting, n) => (
          <Step
            key={`${sighting.place} ${n}`}
            sighting={sighting}
            again={sightings[n - 1]?.place === sighting.place}
            several={eventId === null}
          />
        ))}
        {partners.length > 0 && (
          <li class="yes">
            <span class="place">partners</span>
            <span>{partners.map(({ name, exports }) => `${name} may read ${exports.join(', ')}`).join('; ')}</span>
          </li>
        )}
      </ol>
    </article>
  );
}

interface StepProps {
  readonly sighting: Sighting;
  /** The place is that of the step before. */
  readonly again: boolean;
  /** Several events match: each can be followed alone. */
  readonly several: boolean;
}

const Step = ({ sighting: { place, found, what, facts }, again, several }: StepProps) => (
  <li class={found}>
    <span class="place">{again ? '' : place}</span>
    <span>
      <span class="hidden">{marks[found]}: </span>
      {what}{' '}
      {several && typeof facts['eventId'] === 'string' && <a href={linkTo('why', facts['eventId'])}>follow this one</a>}
    </span>
  </li>
);
