import { alarms, functionMetrics } from '../../lib/monitoring/alarms';
import type { charts } from '../../lib/monitoring/charts';
import {
  exportAgeHours,
  historyAgeHours,
  missingRuns,
  runsAlways,
  streamLagHours,
} from '../../lib/monitoring/thresholds';
import type { Pipeline } from '../../pipelines/definition';
import type { ChartAlarm } from '../../ui/api';
import { plural } from '../terminal';
import type { PagePorts } from './ports';

type Charts = Readonly<Record<keyof typeof charts, readonly ChartAlarm[]>>;

const HOUR_SECONDS = 3600;

/** The alarms of each chart. Where pipelines have different thresholds, the lowest one is the line. */
export function chartAlarms(
  ports: Pick<PagePorts, 'environment' | 'absenceAlarms'>,
  pipelines: readonly Pipeline[],
): Charts {
  const watched = new Set(ports.absenceAlarms().map(({ metric }) => metric));
  const absence = (metric: string) => (watched.has(metric) ? {} : { absent: whyAbsent(ports) });
  const lag = lowest(pipelines.map(streamLagHours));
  const age = lowest(pipelines.map(exportAgeHours));
  return {
    throughput: [
      {
        heading: alarms.refreshMissing.heading,
        fires: `when ${missingRuns} runs in a row did not complete`,
        ...absence(functionMetrics.refreshCompleted),
      },
    ],
    freshness:
      lag === undefined
        ? []
        : [
            {
              heading: alarms.streamLag.heading,
              fires: `when a consumer is ${hours(lag)} behind, half of the retention`,
              value: lag * HOUR_SECONDS,
            },
          ],
    pending: pipelines.some(({ history }) => history !== undefined)
      ? [{ heading: alarms.historyAge.heading, fires: `when an object waits for ${hours(historyAgeHours)}` }]
      : [],
    rejects: [
      { heading: alarms.recordsRaised.heading, fires: 'when a record made a statement fail' },
      { heading: alarms.recordsSkipped.heading, fires: 'when streaming ingestion skipped a record' },
    ],
    statements: [],
    duration: [{ heading: alarms.refreshFailed.heading, fires: 'when a run failed' }],
    exportAge:
      age === undefined
        ? []
        : [
            {
              heading: alarms.exportAge.heading,
              fires: `when no window was published for ${hours(age)}`,
              value: age,
              ...absence(functionMetrics.exportedWindows),
            },
          ],
  };
}

function whyAbsent({ environment }: Pick<PagePorts, 'environment'>): string {
  const { name, schedulesEnabled } = environment;
  if (runsAlways(environment)) return `${name} does not have it`;
  return schedulesEnabled
    ? `${name} does not have it, because its cluster pauses by schedule; environments that never pause do`
    : `${name} does not have it, because its schedules are not enabled`;
}

const hours = (amount: number) => plural(amount, 'hour');

const lowest = (values: readonly (number | undefined)[]) =>
  values.reduce((one, other) => (one === undefined || (other !== undefined && other < one) ? other : one), undefined);
