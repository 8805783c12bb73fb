/** What the functions count; alarms are set on these names. */
export const metricUnits = {
  RunFailed: 'Count',
  RunCompleted: 'Count',
  /** From the submission of a run's first statement to the end of its last. */
  RunSeconds: 'Seconds',
  LoadedFiles: 'Count',
  /** Loads that ended without a result for a reason that is not their objects'; the messages come back. */
  LoadFailed: 'Count',
  /** Objects that were given up and set aside. */
  ParkedObjects: 'Count',
  /** Of those, the ones whose key was loaded before with other bytes. */
  OverwrittenObjects: 'Count',
  ReconcileCompleted: 'Count',
  ListedObjects: 'Count',
  /** Objects that a reconcile queued: nobody had told of them. */
  MissingObjects: 'Count',
  /** Times of arrival, per shard, whose records the stream may have dropped unseen. */
  StreamGap: 'Count',
  /** Records that made a statement of the warehouse fail, and became rejects. */
  RecordsRaised: 'Count',
  /** Records that the warehouse's streaming ingestion skipped, which became rejects in the last hour; counted again at every run. */
  SkippedRecords: 'Count',
  ExportFailed: 'Count',
  ExportedRows: 'Count',
  ExportedWindows: 'Count',
  /** Of those, the ones that replace what was published before. */
  CorrectedWindows: 'Count',
  /** Rows that came after their window's publication and are not in it, and rows without a time; counted anew every hour. */
  LateRows: 'Count',
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
