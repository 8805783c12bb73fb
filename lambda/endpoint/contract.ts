import { defineEnv } from '../shared/env';

/**
 * READER_SECRETS: ARN of the database user's secret, by pipeline, as JSON. KEYS_SECRET_ARN: the keys that sign tokens (`TokenKeys`).
 * PARTNERS: what each partner's role may ask, as JSON (`Record<role name, PartnerGrant>`). KEY_ARN: the key that encrypts answers in the work bucket.
 */
export const env = defineEnv(
  'ENVIRONMENT',
  'WAREHOUSE_KIND',
  'WAREHOUSE_NAME',
  'DATABASE',
  'READER_SECRETS',
  'WORK_BUCKET',
  'KEY_ARN',
  'KEYS_SECRET_ARN',
  'PARTNERS',
);

/** Prefix of the work bucket's objects with answers that the instances of the function share: `answers/<pipeline>/<key>`. */
export const answersRoot = 'answers/';
export const answersPrefix = (pipeline: string) => `${answersRoot}${pipeline}/`;

/**
 * Keys by id, as the secret holds them: `{"k1": "a text of 32 or more characters"}`. An id is a letter and up to 31 letters, digits, `-` or `_`. Tokens of
 * every key are valid. The last key signs, so a rotation appends a key, and removes the first one a day later.
 */
export type TokenKeys = Readonly<Record<string, string>>;

/** Longest life of a token, in seconds. */
export const maxTokenSeconds = 86_400;

/** The claims of a token: a JWT, signed with HS256, whose header names its key (`kid`). */
export interface TokenClaims {
  /** Id of the token. Rates are counted by it, and logs name it. */
  readonly jti: string;
  /** The environment. */
  readonly aud: string;
  /** `<pipeline>.<endpoint>` or `<pipeline>.*`. */
  readonly scopes: readonly string[];
  /** Values of parameters that the caller cannot choose, by name. @default - none */
  readonly fixed_params?: Readonly<Record<string, string>>;
  /** Requests a second. @default - no limit of its own */
  readonly rps?: number;
  /** Seconds since 1970: when it was signed, and until when it is valid, at most `maxTokenSeconds` later. */
  readonly iat: number;
  readonly exp: number;
  /** From when on it is valid. @default - iat */
  readonly nbf?: number;
}

export interface PartnerGrant {
  readonly partner: string;
  /** `<pipeline>.<endpoint>`, and the values of parameters that the partner cannot choose. */
  readonly endpoints: Readonly<Record<string, { readonly fixed: Readonly<Record<string, string>> }>>;
}

/** `plan.json` beside the bundle: the endpoints of the pipelines of one stack. */
export interface EndpointsPlan {
  readonly environment: string;
  readonly endpoints: readonly EndpointItem[];
  /** Statements a second that one instance of the function may start, and how many at once after a pause. */
  readonly statementsPerSecond: number;
  readonly statementBurst: number;
  /** OpenAPI 3.1 of the whole environment. @default - another stack's function serves it */
  readonly openapi?: unknown;
}

export interface EndpointItem {
  readonly pipeline: string;
  readonly name: string;
  readonly description?: string;
  /** Changes with everything that an answer depends on besides the data: statements, parameters, limits. Part of every cache key. */
  readonly version: string;
  readonly params: readonly EndpointParam[];
  /** For each optional clause the parameters that it needs. The clause is part of the statement when all of them have a value. At most 4. */
  readonly clauses: readonly (readonly string[])[];
  /** By the set of clauses in use, a bit for each: `0` has none, `5` has the first and the third. */
  readonly statements: Readonly<Record<string, EndpointStatement>>;
  readonly columns: readonly EndpointColumn[];
  /** Names of the views that it reads, directly or through other views, without the schema: `hourly_revenue`. `FinishedRun.failed` has the same names. */
  readonly views: readonly string[];
  readonly maxRows: number;
  readonly timeoutSeconds: number;
  /** The parameter that a token or a partner's grant must fix. @default - none */
  readonly tenant?: string;
}

/**
 * Returns at most `maxRows + 1` rows; the last one shows that the answer is truncated. It casts bigint columns to varchar, since the Data API's
 * clients round whole numbers beyond 53 bits.
 */
export interface EndpointStatement {
  /** With `:name` for each parameter, cast to its type. */
  readonly sql: string;
  /** The parameters of the text, in the order of the declaration. The Data API refuses parameters that the text lacks. */
  readonly params: readonly string[];
}

export interface EndpointColumn {
  readonly name: string;
  /** As in DDL: `decimal(12,2)`. `bigint` also where the statement casts to varchar. */
  readonly type: string;
}

export type ParamType = 'varchar' | 'integer' | 'bigint' | 'decimal' | 'boolean' | 'date' | 'timestamp';

export interface EndpointParam {
  readonly name: string;
  readonly type: ParamType;
  readonly description?: string;
  /** True if the request must have it: it has no default, and a part of the statement that is not optional needs it. */
  readonly required: boolean;
  /** As the request would have it. */
  readonly default?: string;
  /** Bounds of numbers, dates and timestamps, both included, as the request would have them. */
  readonly min?: string;
  readonly max?: string;
  /** In bytes of UTF-8, of a varchar. */
  readonly maxBytes?: number;
  readonly oneOf?: readonly string[];
  /** Digits in all and after the point, of a decimal. */
  readonly precision?: number;
  readonly scale?: number;
}
