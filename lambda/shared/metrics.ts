/** Metrics of the functions. Alarms use these names. */
export const metricUnits = {
  RunFailed: 'Count',
  RunCompleted: 'Count',
  /** From the submission of a run's first statement to the end of its last one. */
  RunSeconds: 'Seconds',
  /** What a run merged from the stream. A repeated event of EventBridge can report a run twice. */
  MergedEvents: 'Count',
  MergedDuplicates: 'Count',
  MergedRejects: 'Count',
  MergedSkipped: 'Count',
  /** Records of subjects that were forgotten. A run without one does not write it. */
  MergedForgotten: 'Count',
  /** Events, duplicates and rejects that a run deleted because they were older than the retention. */
  ExpiredRows: 'Count',
  /** Rejects of a run for one of its commonest reasons, with the dimension Reason. */
  RejectedRecords: 'Count',
  /** From the arrival of the oldest event of a run to the end of the run, when the event is in the views too. */
  FreshnessSeconds: 'Seconds',
  /** Views that could not be refreshed, each with the dimension View. Every run counts each failing view once. */
  ViewFailed: 'Count',
  LoadedFiles: 'Count',
  /** Loads that failed for a reason other than their objects. The messages come back. */
  LoadFailed: 'Count',
  /** Objects that were given up. */
  ParkedObjects: 'Count',
  /** Parked objects whose key was loaded before with other bytes. */
  OverwrittenObjects: 'Count',
  ReconcileCompleted: 'Count',
  ListedObjects: 'Count',
  /** Objects that a reconcile queued, because their notification was lost. */
  MissingObjects: 'Count',
  /** Gaps, per shard: arrival times whose records the stream may have dropped before a merge. */
  StreamGap: 'Count',
  /** Records that made a statement fail and became rejects. */
  RecordsRaised: 'Count',
  /** Records that the warehouse's streaming ingestion skipped and that became rejects in the last hour. Every run counts them again. */
  SkippedRecords: 'Count',
  ExportFailed: 'Count',
  /** Minutes since the end of the newest published window of an export, before a tick publishes what is due. */
  ExportAgeMinutes: 'None',
  ExportedRows: 'Count',
  ExportedWindows: 'Count',
  /** Exported windows that replace a published one. */
  CorrectedWindows: 'Count',
  /** Rows that arrived after the publication of their window and are not in it, and rows without a time. Counted again every hour. */
  LateRows: 'Count',
  /** Requests of an endpoint's pipeline, whatever their answer, and the milliseconds until the answer. */
  EndpointRequests: 'Count',
  EndpointMilliseconds: 'Milliseconds',
  /** Answers with a status of 400 to 499 but 429, with 429, and with 500 or more. */
  EndpointRefusals: 'Count',
  EndpointThrottles: 'Count',
  EndpointErrors: 'Count',
  /** Answers without a statement of their own: 304, kept, or shared with an equal request. */
  EndpointCacheHits: 'Count',
  EndpointStatements: 'Count',
} as const;
export type MetricName = keyof typeof metricUnits;

export const metricNamespace = 'Millrace';

/**
 * Writes metric values. `epochMs` is when the event or statement happened, not when the function saw it. `dimensions`
 * are those besides Environment and Pipeline. `part` writes some of the values once more, with further dimensions.
 */
export type Metrics = (
  epochMs: number,
  values: Partial<Record<MetricName, number>>,
  facts?: Readonly<Record<string, unknown>>,
  dimensions?: Readonly<Record<string, string>>,
  part?: MetricsPart,
) => void;

export interface MetricsPart {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly names: readonly MetricName[];
}

/** Writes metrics as log lines in CloudWatch's embedded metric format. */
export function embeddedMetrics(
  environment: string,
  pipeline: string,
  write: (line: string) => void = console.log,
): Metrics {
  const directive = (names: readonly MetricName[], dimensions: object) => ({
    Namespace: metricNamespace,
    Dimensions: [['Environment', 'Pipeline', ...Object.keys(dimensions)]],
    Metrics: names.map((Name) => ({ Name, Unit: metricUnits[Name] })),
  });
  return (epochMs, values, facts, dimensions = {}, part = { dimensions: {}, names: [] }) => {
    const all = directive(Object.keys(values) as MetricName[], dimensions);
    const further = part.names.length === 0 ? [] : [directive(part.names, { ...dimensions, ...part.dimensions })];
    const CloudWatchMetrics = [all, ...further];
    write(
      JSON.stringify({
        _aws: { Timestamp: epochMs, CloudWatchMetrics },
        Environment: environment,
        Pipeline: pipeline,
        ...dimensions,
        ...part.dimensions,
        ...values,
        ...facts,
      }),
    );
  };
}
