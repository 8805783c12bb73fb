/**
 * All alarms. `docs/runbook.md` has a section for each, under its `heading`. An alarm's name in CloudWatch is
 * `millrace <environment> <pipeline>: <heading>`, and its description states the impact.
 */
export interface AlarmText {
  readonly heading: string;
  /** Who is affected, and how, while the alarm lasts. */
  readonly impact: string;
}

export const alarms = {
  streamLag: {
    heading: 'stream lag',
    impact:
      'a consumer of the stream is behind by more than half of the retention; records that expire before they are read are lost to the events',
  },
  archiveLag: {
    heading: 'archive lag',
    impact:
      'the archive is more than an hour behind the stream; a backfill would miss the newest records, and records that expire unread are lost to it',
  },
  refreshFailed: {
    heading: 'refresh failed',
    impact:
      "a run ended without merging; events and views stay as they were until a run succeeds, nothing is lost before the stream's retention",
  },
  viewFailed: {
    heading: 'view failed',
    impact:
      'the view could not be refreshed; it, the views that read it and their exports stay as they were, all others go on',
  },
  refreshMissing: {
    heading: 'refresh missing',
    impact:
      'no run was completed for three intervals; readers see stale events and views, and no other alarm may say so',
  },
  exportFailed: {
    heading: 'export failed',
    impact: 'a window was not published; partners see the windows before it, complete, and wait for this one',
  },
  exportLateRows: {
    heading: 'export late rows',
    impact:
      'rows arrived after their window was published, in an export without corrections, or have no time; partners do not have them',
  },
  exportAge: {
    heading: 'export age',
    impact: 'no window was published for longer than two windows take; partners read old figures',
  },
  deadLetters: {
    heading: 'history dead letters',
    impact:
      'objects could not be loaded and are in the dead-letter queue, each with its reason; their events are missing until they are redriven',
  },
  objectsParked: {
    heading: 'objects parked',
    impact: 'the load function has given up objects; their events are missing until they are redriven',
  },
  loadFailed: {
    heading: 'load failed',
    impact:
      'loads keep failing, and not because of their objects; objects wait in their queues, so their events come late and none is lost',
  },
  objectsOverwritten: {
    heading: 'objects overwritten',
    impact:
      'a key that was loaded has other bytes now, which the pipeline declares a mistake; the new bytes are not loaded, the events of the old ones stay',
  },
  historyAge: {
    heading: 'history age',
    impact:
      'an object has waited for more than six hours, or in the backlog for more than three days; its events are missing until it is loaded',
  },
  reconcileMissing: {
    heading: 'reconcile missing',
    impact: 'no reconcile was completed for three intervals; an object whose notification was lost stays unloaded',
  },
  streamGap: {
    heading: 'stream gap',
    impact:
      'the stream may have dropped records before they were read; their events are missing until they are backfilled from the archive',
  },
  recordsRaised: {
    heading: 'records raised',
    impact:
      'records made a statement of the warehouse fail and became rejects with its message; their events are missing until the cause is removed and they are retried, all others are merged',
  },
  recordsSkipped: {
    heading: 'records skipped',
    impact:
      'streaming ingestion skipped records of the stream; they are rejects without their bytes until they are backfilled from the archive',
  },
  functionErrors: {
    heading: 'function errors',
    impact:
      'a function threw; the next tick or the queue repeats its work, so events, loads or exports come late while it lasts',
  },
  endpointErrors: {
    heading: 'endpoint errors',
    impact:
      'the API answered requests with a status of 500 or more; applications and partners got no figures, and nothing else is affected',
  },
  endpointLatency: {
    heading: 'endpoint latency',
    impact: 'one of twenty requests waits for its answer for more than five seconds; applications and partners wait',
  },
  endpointThrottles: {
    heading: 'endpoint throttles',
    impact:
      'requests were refused because all instances of the function were busy; those callers got no answer and have to repeat',
  },
} as const satisfies Record<string, AlarmText>;

export type AlarmKind = keyof typeof alarms;

/** Namespace and names of the metrics that the functions write to their logs. */
export const functionMetrics = {
  namespace: 'Millrace',
  refreshFailed: 'RunFailed',
  refreshCompleted: 'RunCompleted',
  viewFailed: 'ViewFailed',
  exportFailed: 'ExportFailed',
  exportedWindows: 'ExportedWindows',
  lateRows: 'LateRows',
  parkedObjects: 'ParkedObjects',
  loadFailed: 'LoadFailed',
  overwrittenObjects: 'OverwrittenObjects',
  reconcileCompleted: 'ReconcileCompleted',
  streamGap: 'StreamGap',
  recordsRaised: 'RecordsRaised',
  skippedRecords: 'SkippedRecords',
} as const;

/** Metrics of the functions that have no alarm. The dashboard shows them. */
export const shownMetrics = {
  runSeconds: 'RunSeconds',
  loadedFiles: 'LoadedFiles',
  mergedEvents: 'MergedEvents',
  mergedDuplicates: 'MergedDuplicates',
  mergedRejects: 'MergedRejects',
  mergedSkipped: 'MergedSkipped',
  rejectedRecords: 'RejectedRecords',
  freshnessSeconds: 'FreshnessSeconds',
  exportAgeMinutes: 'ExportAgeMinutes',
} as const;

/** The metric that only pipelines with `subject` have. */
export const mergedForgotten = 'MergedForgotten';

/** Metrics of endpoints. Only pipelines with endpoints have them. */
export const endpointMetrics = {
  requests: 'EndpointRequests',
  milliseconds: 'EndpointMilliseconds',
  refusals: 'EndpointRefusals',
  throttles: 'EndpointThrottles',
  errors: 'EndpointErrors',
  cacheHits: 'EndpointCacheHits',
  statements: 'EndpointStatements',
} as const;

/** The place of the pipeline's name in alarms of the HTTP API. A pipeline of this name has other kinds of alarms. */
export const apiAlarms = 'api';

export const alarmName = (environment: string, pipeline: string, kind: AlarmKind, detail?: string) =>
  `millrace ${environment} ${pipeline}: ${alarms[kind].heading}${detail ? ` (${detail})` : ''}`;
