/** What the page and its server say to each other. The page asks with POST and JSON; `/api/live` answers server-sent events. */

export interface Counts {
  readonly produced: number;
  /** The right side of the equation, in the order in which it is written. */
  readonly terms: readonly { readonly name: string; readonly records: number }[];
  readonly balanced: boolean;
}

export type NodeState = 'ok' | 'running' | 'late' | 'failed' | 'paused' | 'idle';

/** One box of the picture. */
export interface FlowNode {
  readonly id: 'stream' | 'archive' | 'history' | 'landing' | 'staged' | 'merge' | 'events' | 'duplicates' | 'rejects';
  readonly count: number;
  readonly unit: string;
  /** One line below the count. */
  readonly detail: string;
  readonly state: NodeState;
  /** When it last did something, epoch milliseconds of the runtime's clock. */
  readonly at?: number;
}

/** A view, an export, an endpoint or a partner in the picture. */
export interface FlowItem {
  readonly name: string;
  readonly count?: number;
  readonly detail: string;
  readonly state: NodeState;
}

/** An open shard of a stream in the picture. */
export interface FlowShard {
  /** `shardId-000000000000` */
  readonly id: string;
  /** Records a second of the clock that it accepted lately. */
  readonly rate: number;
  /** When the oldest record arrived that is not read yet, epoch milliseconds. Undefined: all are read. */
  readonly behindSince?: number;
}

export interface PipelineFlow {
  readonly name: string;
  readonly counts: Counts;
  readonly nodes: readonly FlowNode[];
  readonly views: readonly FlowItem[];
  readonly exports: readonly FlowItem[];
  readonly endpoints: readonly FlowItem[];
  readonly partners: readonly FlowItem[];
  /** Records a second of the clock that the stream accepted lately. */
  readonly rate: number;
  /** Empty where only the stream as a whole is known. */
  readonly shards: readonly FlowShard[];
  /** Functions that are running now. */
  readonly running: readonly string[];
}

export interface Snapshot {
  readonly environment: string;
  /** The runtime's clock: epoch milliseconds, and its milliseconds per real millisecond. */
  readonly now: number;
  readonly clockRate: number;
  /** True if the page cannot change the environment. */
  readonly readOnly: boolean;
  /** True while the first records are sent and merged. Then the clock jumps, and the page cannot move it. */
  readonly catchingUp: boolean;
  readonly warehouse: 'available' | 'paused';
  /** When the schedule resumes a paused warehouse, in epoch milliseconds. */
  readonly pausedUntil?: number;
  readonly counts: Counts;
  readonly pipelines: readonly PipelineFlow[];
  readonly alarms: readonly Alarm[];
  /** Parts that could not be read, and why. @default - none */
  readonly problems?: readonly { readonly part: string; readonly problem: string }[];
  /** How often an environment in AWS is looked at. @default - the figures are those of now */
  readonly pace?: {
    readonly metricsSeconds: number;
    readonly warehouseSeconds: number;
    /** Epoch milliseconds of the last look. */
    readonly lookedAt: number;
    /** What looks cost, in a sentence. */
    readonly cost: string;
  };
}

export interface Alarm {
  readonly pipeline: string;
  /** Heading of its section in docs/runbook.md. */
  readonly heading: string;
  readonly impact: string;
  readonly what: string;
}

/** Something that happened: a function ran, a statement failed, a delivery was made. */
export interface Activity {
  readonly id: number;
  readonly at: number;
  readonly kind: 'function' | 'statement' | 'delivery' | 'deployment' | 'trouble' | 'fault';
  readonly what: string;
  readonly failed: boolean;
}

/** One message of `/api/live`. Fields that did not change are left out. */
export interface LiveMessage {
  readonly snapshot?: Snapshot;
  readonly activity?: readonly Activity[];
  /** The snapshot could not be made, and why. */
  readonly problem?: string;
}

export interface Sighting {
  readonly place: string;
  readonly found: 'yes' | 'no' | 'unknown';
  readonly what: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

export interface WhyAnswer {
  readonly pipeline: string;
  readonly eventId: string | null;
  readonly verdict: string;
  readonly inEvents: boolean;
  readonly sightings: readonly Sighting[];
  /** Partners that may read one of the event's exports. */
  readonly partners: readonly { readonly name: string; readonly exports: readonly string[] }[];
}

export interface RejectReason {
  readonly pipeline: string;
  readonly reason: string;
  readonly records: number;
  readonly newest: string;
  /** The declared column that the reason is about, and its path in the payload. */
  readonly column?: string;
  readonly path?: readonly string[];
  readonly samples: readonly {
    readonly from: string;
    readonly mergedAt: string;
    readonly payload: string | null;
    readonly payloadBytes: number | null;
  }[];
}

export interface RetryAnswer {
  readonly applied: boolean;
  readonly chosen: number;
  readonly events: number;
  readonly duplicates: number;
  readonly before: number;
  readonly after: number;
}

export interface SqlResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
  /** Rows that a statement without a result changed. */
  readonly changed?: number;
  readonly milliseconds: number;
  /** True if the result has more rows than are sent. */
  readonly cut: boolean;
}

export interface SqlFailure {
  readonly error: string;
  /** Offset in the statement that the message is about. */
  readonly position?: number;
}

export interface ExportWindow {
  readonly start: string;
  readonly end: string;
  readonly state: 'published' | 'revised' | 'waiting' | 'failed';
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly publishedAt?: string;
  readonly revision: number;
  /** What a window that is not published waits for. */
  readonly waitsFor?: string;
}

export interface ExportCalendar {
  /** `<pipeline>.<export>` */
  readonly name: string;
  readonly content: string;
  readonly format: string;
  readonly windowMinutes: number;
  readonly readers: readonly string[];
  readonly windows: readonly ExportWindow[];
}

export interface ExportFiles {
  readonly location: string;
  readonly manifest: string;
  readonly files: readonly { readonly key: string; readonly rows: number | null; readonly bytes: number }[];
}

export type FileStatus = 'loaded' | 'pending' | 'failed' | 'unknown';

export interface HistoryState {
  readonly bucket: string;
  readonly counts: Readonly<Record<string, Readonly<Record<FileStatus, { objects: number; bytes: number }>>>>;
  readonly days: readonly {
    readonly pipeline: string;
    readonly day: string;
    readonly objects: number;
    readonly bytes: number;
    readonly rows: number;
  }[];
  /** Objects that are not loaded. */
  readonly files: readonly {
    readonly pipeline: string | null;
    readonly status: FileStatus;
    readonly key: string;
    readonly size: number | null;
    readonly reason?: string;
  }[];
}

export interface ViewNode {
  /** `estore.hourly_revenue` */
  readonly name: string;
  readonly kind: 'table' | 'view' | 'export';
  readonly rows: number | null;
  readonly reads: readonly string[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** As the user wrote it; empty for a table. */
  readonly sql: string;
  readonly file: string;
  readonly maintenance?: 'incremental' | 'recomputed';
  readonly refreshedAt?: string;
}

/** What the next deployment of the working tree would do to one object, in the words of `millrace plan`. */
export interface PlannedChange {
  /** `view estore.hourly_revenue` */
  readonly object: string;
  /** The node that it changes, if it is one of the graph. */
  readonly node?: string;
  readonly action: 'added' | 'online' | 'rebuild' | 'refused' | 'removed';
  readonly summary: string;
  readonly notes: readonly string[];
  /** Null where it is not there. Undefined: it has no query, or the plan does not know it. */
  readonly query?: { readonly before: string | null; readonly after: string | null };
}

export interface PlanAnswer {
  /** What the working tree was compared with. */
  readonly comparedWith: string;
  readonly changes: readonly PlannedChange[];
  /** Something that must be mended first, or that a deployment does not mend. */
  readonly problems: readonly string[];
  /** Why there is no plan: an error in the tree, for example. */
  readonly failure?: string;
}

export interface EndpointParameter {
  readonly name: string;
  readonly type: string;
  readonly description?: string;
  readonly required: boolean;
  readonly default?: string;
  readonly min?: string;
  readonly max?: string;
  readonly maxBytes?: number;
  readonly oneOf?: readonly string[];
}

export interface Endpoint {
  /** `estore.revenue` */
  readonly name: string;
  readonly pipeline: string;
  readonly description?: string;
  readonly method: 'GET';
  /** `/v1/estore/revenue.json` */
  readonly path: string;
  readonly params: readonly EndpointParameter[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** `estore.hourly_revenue` */
  readonly views: readonly string[];
  readonly maxRows: number;
  readonly timeoutSeconds: number;
  /** The parameter that a token must fix. */
  readonly tenant?: string;
  /** Since `Endpoints.since`. */
  readonly requests: number;
  readonly cacheHits: number;
  readonly errors: number;
  /** Milliseconds. Undefined without requests. */
  readonly p50?: number;
  readonly p95?: number;
  /** The run that answers come from. Undefined before the first one. */
  readonly freshness?: {
    readonly run: string;
    readonly refreshedAt: string;
    readonly completeUntil?: string;
    /** A run is refreshing the views now. */
    readonly refreshing: boolean;
    /** Views that the run could not refresh. */
    readonly failed: readonly string[];
  };
}

export interface Endpoints {
  /** Without a slash at its end. Undefined if no endpoint is deployed. */
  readonly address?: string;
  /** Requests are counted from here on, epoch milliseconds: midnight UTC. */
  readonly since: number;
  readonly endpoints: readonly Endpoint[];
}

export const endpointFormats = ['json', 'csv', 'ndjson'] as const;
export type EndpointFormat = (typeof endpointFormats)[number];

/** Answer of an endpoint. */
export interface EndpointAnswer {
  readonly status: number;
  readonly milliseconds: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Rows of an answer in JSON. */
  readonly table?: {
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly rows: readonly (readonly (string | number | boolean | null)[])[];
    readonly truncated: boolean;
  };
  /** The body as it came, or its beginning. */
  readonly text: string;
  readonly bytes: number;
  /** The same question in a shell. */
  readonly curl: string;
}

/** An alarm that watches what a chart shows. */
export interface ChartAlarm {
  /** Heading of its section in docs/runbook.md. */
  readonly heading: string;
  /** `when no window was published for 3 hours` */
  readonly fires: string;
  /** Where it fires, in the unit of the chart. @default - it watches another figure */
  readonly value?: number;
  /** Why this environment does not have it. @default - it has it */
  readonly absent?: string;
}

export interface Series {
  /** Epoch milliseconds, one for each value. */
  readonly times: readonly number[];
  readonly charts: readonly {
    readonly title: string;
    readonly unit: string;
    readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
    /** What is written beside a line's name: its last value, or the sum of counts. */
    readonly legend: 'last' | 'sum';
    /** Alarms that watch what the chart shows. */
    readonly alarms: readonly ChartAlarm[];
  }[];
}

export type Action =
  | { readonly kind: 'rate'; readonly rate: number }
  | { readonly kind: 'jump' }
  | { readonly kind: 'send'; readonly what: 'events' | 'malformed' | 'duplicates' | 'history' }
  | { readonly kind: 'fault'; readonly fault: FaultName };

export const faultNames = [
  'lose-notification',
  'double-notification',
  'kill-load',
  'abort-merge',
  'reshard',
  'pause-warehouse',
  'resume-warehouse',
] as const;
export type FaultName = (typeof faultNames)[number];

/** What was done, in one sentence. */
export interface Done {
  readonly done: string;
}

/** The API by path: what each call takes and answers. */
export interface Api {
  /** One answer of each pipeline that knows the event, or of each that could, if none does. */
  '/api/why': [{ pipeline?: string; event: string }, { answers: readonly WhyAnswer[] }];
  '/api/rejects': [Record<string, never>, { reasons: readonly RejectReason[] }];
  '/api/rejects/retry': [{ pipeline: string; reason: string; apply: boolean }, RetryAnswer];
  '/api/sql': [{ sql: string; id: string }, SqlResult | SqlFailure];
  '/api/sql/cancel': [{ id: string }, Done];
  '/api/exports': [Record<string, never>, { exports: readonly ExportCalendar[] }];
  '/api/exports/window': [{ export: string; start: string; revision: number }, ExportFiles];
  '/api/history': [Record<string, never>, HistoryState];
  '/api/views': [Record<string, never>, { nodes: readonly ViewNode[] }];
  /** Compares the working tree with what is deployed. */
  '/api/plan': [Record<string, never>, PlanAnswer];
  '/api/endpoints': [Record<string, never>, Endpoints];
  /** Asks an endpoint with a token for this call. `etag` is that of an earlier answer. */
  '/api/endpoints/try': [
    { endpoint: string; format: EndpointFormat; params: Readonly<Record<string, string>>; etag?: string },
    EndpointAnswer,
  ];
  '/api/series': [{ minutes: number }, Series];
  /** Looks at an environment in AWS now. */
  '/api/look': [Record<string, never>, Done];
  /** A section of the runbook, in Markdown without its heading. */
  '/api/runbook': [{ heading: string }, { text: string }];
  '/api/try': [Action, Done];
}
