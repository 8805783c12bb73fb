import { chartAlarms } from '../../cli/page/chart-alarms';
import type { AbsenceAlarm } from '../../cli/page/ports';
import { dev } from '../../environments/dev';
import { prod } from '../../environments/prod';
import { alarms, functionMetrics } from '../../lib/monitoring/alarms';
import { pipelines } from '../../pipelines';

const absence = (metric: string): AbsenceAlarm => ({ name: '', metric, hours: 2 });
const everything = [absence(functionMetrics.exportedWindows), absence(functionMetrics.refreshCompleted)];

test('an environment that pauses says why it lacks the alarms on missing runs and windows', () => {
  const { exportAge, throughput, freshness } = chartAlarms({ environment: dev, absenceAlarms: () => [] }, pipelines);
  expect(exportAge).toEqual([
    {
      heading: 'export age',
      fires: 'when no window was published for 2 hours',
      value: 2,
      absent: 'dev does not have it, because its cluster pauses by schedule; environments that never pause do',
    },
  ]);
  expect(throughput[0]!.absent).toMatch(/^dev does not have it/);
  expect(freshness[0]!).toEqual({
    heading: 'stream lag',
    fires: 'when a consumer is 12 hours behind, half of the retention',
    value: 12 * 3600,
  });
});

test('an environment that never pauses has them, and each names a section of the runbook', () => {
  const charts = chartAlarms({ environment: prod, absenceAlarms: () => everything }, pipelines);
  const headings = Object.values(alarms).map(({ heading }) => heading as string);
  for (const alarm of Object.values(charts).flat()) {
    expect(alarm.absent).toBeUndefined();
    expect(headings).toContain(alarm.heading);
  }
});

test('without pipelines there is no line', () => {
  const { freshness, pending, exportAge } = chartAlarms({ environment: prod, absenceAlarms: () => everything }, []);
  expect([freshness, pending, exportAge]).toEqual([[], [], []]);
});
