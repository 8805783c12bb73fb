/** An alarm of a template. */
export interface Alarm {
  readonly name: string;
  readonly type: 'MetricAlarm' | 'CompositeAlarm';
  /** The alarm in the form that DescribeAlarms returns. */
  readonly shown: Readonly<Record<string, unknown>>;
}

/** The deployed alarms. */
export interface Alarms {
  set(alarm: Alarm): void;
  delete(name: string): void;
  list(): readonly Alarm[];
}

export function createAlarms(): Alarms {
  const alarms = new Map<string, Alarm>();
  return {
    set: (alarm) => void alarms.set(alarm.name, alarm),
    delete: (name) => void alarms.delete(name),
    list: () => [...alarms.values()],
  };
}

/** Members of a MetricAlarm that are numbers. CloudFormation may pass them as text. */
const numbers = ['DatapointsToAlarm', 'EvaluationPeriods', 'Period', 'Threshold'];

/** The alarm as DescribeAlarms returns it. Alarms are not evaluated here, so the state is that of a new alarm. */
export function shownAlarm(
  properties: Readonly<Record<string, unknown>>,
  { name, arn, now }: { readonly name: string; readonly arn: string; readonly now: number },
): Readonly<Record<string, unknown>> {
  const { Tags: _, ActionsEnabled = true, Metrics, ...rest } = properties;
  const shown = Object.entries(rest).map(([member, value]) => [
    member,
    numbers.includes(member) ? Number(value) : value,
  ]);
  return {
    ...Object.fromEntries(shown),
    AlarmName: name,
    AlarmArn: arn,
    ActionsEnabled: String(ActionsEnabled) === 'true',
    ...(Array.isArray(Metrics) && { Metrics: Metrics.map(shownQuery) }),
    StateValue: 'INSUFFICIENT_DATA',
    StateReason: 'The local runtime does not evaluate alarms',
    StateUpdatedTimestamp: new Date(now),
    AlarmConfigurationUpdatedTimestamp: new Date(now),
  };
}

/** A query of a metric math alarm, with numbers and booleans converted from text. */
function shownQuery(query: {
  readonly Period?: unknown;
  readonly ReturnData?: unknown;
  readonly MetricStat?: { readonly Period?: unknown };
}) {
  const { Period, ReturnData, MetricStat, ...rest } = query;
  return {
    ...rest,
    ...(Period !== undefined && { Period: Number(Period) }),
    ...(ReturnData !== undefined && { ReturnData: String(ReturnData) === 'true' }),
    ...(MetricStat && { MetricStat: { ...MetricStat, Period: Number(MetricStat.Period) } }),
  };
}
