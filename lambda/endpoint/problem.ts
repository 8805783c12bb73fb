/** What is wrong with one parameter of a request. */
export interface Violation {
  readonly param: string;
  /** What is allowed. Never contains the value. */
  readonly detail: string;
}

/** The kinds of errors, with their titles (RFC 9457, `type` and `title`). */
export const problemTitles = {
  'invalid-parameters': 'The request has invalid parameters',
  unauthorized: 'The request has no valid token',
  forbidden: 'The caller may not ask this',
  'not-found': 'There is no such endpoint',
  'method-not-allowed': 'The method is not allowed',
  'too-large': 'The answer is too large',
  'too-many-requests': 'There are too many requests',
  'query-failed': 'The query failed',
  internal: 'The request failed',
  unavailable: 'The warehouse is not available',
  timeout: 'The query took too long',
} as const;
export type ProblemKind = keyof typeof problemTitles;

export const problemStatus: Readonly<Record<ProblemKind, number>> = {
  'invalid-parameters': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'too-large': 413,
  'too-many-requests': 429,
  'query-failed': 500,
  internal: 500,
  unavailable: 503,
  timeout: 504,
};

/** Ends a request with an error answer. */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    /** For the caller: a sentence without SQL, secrets and values of parameters. */
    readonly detail: string,
    readonly facts: {
      readonly violations?: readonly Violation[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(detail);
    this.name = 'Problem';
  }
}

/** The Data API takes no more calls for now. */
export class BusyError extends Error {
  constructor(options?: ErrorOptions) {
    super('the Data API takes no more calls for now', options);
    this.name = 'BusyError';
  }
}
