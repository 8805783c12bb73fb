import { useSignal } from '@preact/signals';
import type { ChartAlarm, Series } from '../../api';
import { Chart } from '../chart';
import { Failed, Heading, useAnswer } from '../parts';
import { Runbook } from '../runbook';
import { snapshot } from '../state';

const spans: readonly (readonly [minutes: number, text: string])[] = [
  [15, '15 minutes'],
  [60, 'an hour'],
  [6 * 60, '6 hours'],
  [24 * 60, 'a day'],
  [7 * 24 * 60, 'a week'],
  [30 * 24 * 60, '30 days'],
];

/** A line that is so many times the highest value would press all others to the axis. */
const HIGHEST = 5;

/** The threshold to be drawn. */
function lineOf(lines: Series['charts'][number]['lines'], alarms: readonly ChartAlarm[]): number | undefined {
  const value = alarms.find((alarm) => alarm.value !== undefined)?.value;
  const most = Math.max(0, ...lines.flatMap(({ values }) => values.map((each) => each ?? 0)));
  return value !== undefined && value <= Math.max(HIGHEST, most * HIGHEST) ? value : undefined;
}

export function OverTimeView() {
  const minutes = useSignal(6 * 60);
  const { answer, error } = useAnswer('/api/series', { minutes: minutes.value }, 3000);
  const series = answer.value;
  return (
    <>
      <Heading title="Over time">
        {snapshot.value?.readOnly
          ? 'Read from CloudWatch, in UTC.'
          : 'Read from the warehouse, by the runtime’s clock in UTC.'}{' '}
        Beside each name is the sum of counts, or the last value.
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
        {series?.charts.map(({ title, unit, lines, alarms, legend }) => (
          <div key={title}>
            <Chart
              title={title}
              unit={unit}
              times={series.times}
              lines={lines}
              threshold={lineOf(lines, alarms)}
              legend={legend}
            />
            {lines.length === 0 && <p class="alarm-line muted">Nothing in this time.</p>}
            {alarms.length === 0 && <p class="alarm-line muted">No alarm watches this.</p>}
            {alarms.map((alarm) => (
              <div class="alarm-line" key={alarm.heading}>
                <Runbook heading={alarm.heading}>
                  Alarm <strong>{alarm.heading}</strong> fires {alarm.fires}
                  {alarm.value !== undefined &&
                    (lineOf(lines, [alarm]) === undefined ? ' (far above these values)' : ' (the dashed line)')}
                  {alarm.absent !== undefined && <span class="muted">; {alarm.absent}</span>}
                </Runbook>
              </div>
            ))}
          </div>
        ))}
      </div>
    </>
  );
}
