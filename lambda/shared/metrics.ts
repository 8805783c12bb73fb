/** What the functions count; alarms are set on these names. */
export const metricUnits = {
  RunFailed: 'Count',
  RunCompleted: 'Count',
  /** From the submission of a run's first statement to the end of its last. */
  RunSeconds: 'Seconds',
  LoadedFiles: 'Count',
  LoadFailed: 'Count',
  ExportFailed: 'Count',
  ExportedRows: 'Count',
  ExportedWindows: 'Count',
} as const;
export type MetricName = keyof typeof metricUnits;

export const metricNamespace = 'Millrace';

/** Epoch milliseconds say when it happened by the event or the statement, not when the function got to it. */
export type Metrics = (
  epochMs: number,
  values: Partial<Record<MetricName, number>>,
  facts?: Readonly<Record<string, unknown>>,
) => void;

/** Metrics as log lines in CloudWatch's embedded metric format, with the dimensions Environment and Pipeline. */
export function embeddedMetrics(
  environment: string,
  pipeline: string,
  write: (line: string) => void = console.log,
): Metrics {
  return (epochMs, values, facts) => {
    const Metrics = (Object.keys(values) as MetricName[]).map((Name) => ({ Name, Unit: metricUnits[Name] }));
    const CloudWatchMetrics = [{ Namespace: metricNamespace, Dimensions: [['Environment', 'Pipeline']], Metrics }];
    write(
      JSON.stringify({
        _aws: { Timestamp: epochMs, CloudWatchMetrics },
        Environment: environment,
        Pipeline: pipeline,
        ...values,
        ...facts,
      }),
    );
  };
}
