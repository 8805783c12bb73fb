import type { Runtime } from '../../local/runtime';
import type { Alarm } from '../../ui/api';

/** An alarm in the deployed template on a metric of the functions. */
interface Definition {
  readonly name: string;
  readonly description: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly periodMs: number;
  readonly threshold: number;
  readonly below: boolean;
  readonly periods: number;
  readonly ofThem: number;
  readonly silenceAlarms: boolean;
}

/** The namespace of the functions' metrics. AWS itself publishes all others, so no local run has them. */
export const NAMESPACE = 'Millrace';

/** Returns the alarms on the functions' metrics, as the environment's templates define them. */
export function alarmDefinitions(runtime: Pick<Runtime, 'ofType'>): Definition[] {
  return runtime
    .ofType('AWS::CloudWatch::Alarm')
    .filter(({ properties }) => properties['Namespace'] === NAMESPACE)
    .map(({ properties: given }) => ({
      name: String(given['AlarmName']),
      description: String(given['AlarmDescription'] ?? ''),
      metric: String(given['MetricName']),
      dimensions: Object.fromEntries(
        ((given['Dimensions'] ?? []) as { Name: string; Value: string }[]).map(({ Name, Value }) => [Name, Value]),
      ),
      periodMs: Number(given['Period']) * 1000,
      threshold: Number(given['Threshold']),
      below: String(given['ComparisonOperator']).startsWith('LessThan'),
      periods: Number(given['EvaluationPeriods']),
      ofThem: Number(given['DatapointsToAlarm'] ?? given['EvaluationPeriods']),
      silenceAlarms: given['TreatMissingData'] === 'breaching',
    }));
}

/** Splits an alarm's name, such as `millrace dev estore: refresh failed (detail)`. */
export function partsOf(name: string): { pipeline: string; heading: string } {
  const [, pipeline = '', heading = name] = /^millrace \S+ (\S+): (.+?)(?: \(.*\))?$/.exec(name) ?? [];
  return { pipeline, heading };
}

/**
 * Returns the alarms that fire now. It evaluates the metrics like CloudWatch: sums by period, over the last whole
 * periods. The current period counts once it is above the threshold. Periods before `since` do not count, because the
 * metrics begin with the runtime.
 */
export function firing(runtime: Pick<Runtime, 'ofType' | 'metrics' | 'clock'>, since: number): Alarm[] {
  const now = runtime.clock.now();
  return alarmDefinitions(runtime).flatMap((definition) => {
    const { metric, periodMs, periods, ofThem, below } = definition;
    const values = runtime.metrics
      .find(NAMESPACE, metric)
      .filter(({ dimensions }) =>
        Object.entries(definition.dimensions).every(([key, value]) => dimensions[key] === value),
      );
    const current = Math.floor(now / periodMs) * periodMs;
    const breached = (from: number) => {
      const found = values.filter(({ at }) => at >= from && at < from + periodMs);
      if (found.length === 0) return definition.silenceAlarms && from >= since;
      return isBeyond(
        definition,
        found.reduce((total, { value }) => total + value, 0),
      );
    };
    const first = !below && breached(current) ? current : current - periodMs;
    const breaches = Array.from({ length: periods }, (_, n) => breached(first - n * periodMs)).filter(Boolean).length;
    if (breaches < ofThem) return [];
    const [impact = ''] = definition.description.replace(/^Impact: /, '').split('. What to do:');
    return [{ ...partsOf(definition.name), impact, what: `${metric}, in ${breaches} of ${periods} periods` }];
  });
}

const isBeyond = ({ below, threshold }: Definition, sum: number) => (below ? sum < threshold : sum > threshold);
