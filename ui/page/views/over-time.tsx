import { useSignal } from '@preact/signals';
import { Chart } from '../chart';
import { Empty, Failed, Heading, useAnswer } from '../parts';
import { Runbook } from '../runbook';

const spans: readonly (readonly [minutes: number, text: string])[] = [
  [15, '15 minutes'],
  [60, 'an hour'],
  [6 * 60, '6 hours'],
  [24 * 60, 'a day'],
  [7 * 24 * 60, 'a week'],
  [30 * 24 * 60, '30 days'],
];

export function OverTimeView() {
  const minutes = useSignal(6 * 60);
  const { answer, error } = useAnswer('/api/series', { minutes: minutes.value }, 3000);
  const series = answer.value;
  return (
    <>
      <Heading title="Over time">
        Read from the warehouse, by the runtime’s clock in UTC. Beside each name is the sum of counts, or the last
        value.
      </Heading>
      <fieldset class="spans">
        <legend class="hidden">Time span</legend>
        {spans.map(([amount, text]) => (
          <button
            key={amount}
            type="button"
            aria-pressed={minutes.value === amount}
            onClick={() => {
              minutes.value = amount;
            }}
          >
            {text}
          </button>
        ))}
      </fieldset>
      <Failed error={error.value} />
      <div class="charts">
        {series?.charts.map(({ title, unit, lines, threshold, legend }) => (
          <div key={title}>
            <Chart
              title={title}
              unit={unit}
              times={series.times}
              lines={lines}
              threshold={threshold?.value}
              legend={legend}
            />
            {lines.length === 0 && <Empty>Nothing in this time.</Empty>}
            {threshold !== undefined && (
              <div class="alarm-line">
                <p class="muted">
                  The dashed line is the alarm <strong>{threshold.alarm}</strong>.
                </p>
                <Runbook heading={threshold.alarm} />
              </div>
            )}
          </div>
        ))}
      </div>
    </>
  );
}
