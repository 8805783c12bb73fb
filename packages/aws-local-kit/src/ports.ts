/**
 * What the twins may ask of each other. Every call that AWS would authorize takes the caller's principal
 * and throws `AwsError('AccessDenied…')` when the synthesized policies do not allow it.
 */

/** An error as AWS would answer it; `code` is the service's error code. */
export class AwsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly statusCode = 400,
    /** Further members that the service's model gives the error. */
    readonly members: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = code;
  }
}

/** Something the local runtime does not model: an operation, a resource type, a property, an option. Never guessed at. */
export class NotModelledError extends AwsError {
  constructor(what: string) {
    super('NotModelled', `${what} is not modelled by the local runtime`, 501);
  }
}

/** The one clock: everything that waits, expires or is stamped goes by it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Runs once when the clock reaches the moment; the callback's rejection is reported, not lost. */
  at(epochMs: number, callback: () => void | Promise<void>): Timer;
}
export interface Timer {
  cancel(): void;
}

/** Who is calling. */
export interface Principal {
  readonly kind: 'role' | 'service' | 'administrator' | 'anonymous';
  /** Session ARN of a role, `kinesis.amazonaws.com` for a service, `arn:aws:iam::<account>:user/<name>` for a user. */
  readonly arn: string;
  /** ARN of the role behind a session. */
  readonly roleArn?: string;
  readonly account: string;
  /** The request came without TLS: `aws:SecureTransport` is false. @default - with it */
  readonly unencrypted?: true;
}

export interface PolicyDocument {
  readonly Version?: string;
  readonly Statement: readonly unknown[] | unknown;
}

export interface AuthorizationRequest {
  readonly principal: Principal;
  /** As in a policy: `s3:GetObject`. */
  readonly action: string;
  /** ARN, or `*` for actions without resource-level permissions. */
  readonly resource: string;
  /** Policy of the resource itself: of the bucket, queue, key or function. */
  readonly resourcePolicy?: PolicyDocument;
  /** Condition keys of the request, as in `s3:prefix`; global ones the authorizer adds itself. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Authorizer {
  /** Throws `AwsError('AccessDeniedException', …)` whose message names principal, action, resource and why. */
  authorize(request: AuthorizationRequest): void;
}

/** A request that reached the gateway for one service. */
export interface ServiceRequest {
  readonly principal: Principal;
  readonly method: string;
  /** Path without the query, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
export interface ServiceResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | NodeJS.ReadableStream;
}
/** One AWS API behind the gateway, found by the signing name of the request. Thrown `AwsError`s are answered in the service's wire format. */
export interface Service {
  /** As in a SigV4 credential scope: `kinesis`, `redshift-data`, `s3`. */
  readonly signingName: string;
  readonly protocol: 'json-1.0' | 'json-1.1' | 'rest-xml' | 'rest-json' | 'query';
  handle(request: ServiceRequest): Promise<ServiceResponse>;
}
/** A service of the json protocols: the gateway parses X-Amz-Target and the body, and serializes the answer. */
// biome-ignore lint/suspicious/noExplicitAny: each operation checks its own input
export type JsonOperations = Readonly<Record<string, (input: any, principal: Principal) => Promise<unknown> | unknown>>;

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface StsPort {
  /** Evaluates the role's trust policy for the caller, `sts:ExternalId` included, and returns a session of the role. */
  assumeRole(
    caller: Principal,
    input: { roleArn: string; sessionName: string; externalId?: string; context?: Record<string, string> },
  ): { principal: Principal; credentials: Credentials };
  /** Credentials for a principal that the runtime itself starts (a Lambda's role is checked against its trust of lambda.amazonaws.com). */
  credentialsFor(principal: Principal): Credentials;
}

export interface S3ObjectInfo {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly versionId?: string;
  readonly lastModified: number;
}
/** Encryption that a request demands; without it the bucket's default counts. */
export type S3Encryption =
  | { readonly algorithm: 'AES256' }
  | { readonly algorithm: 'aws:kms'; readonly kmsKey: string };
export interface S3Port {
  list(principal: Principal, bucket: string, prefix: string): Promise<S3ObjectInfo[]>;
  head(principal: Principal, bucket: string, key: string): Promise<S3ObjectInfo>;
  get(principal: Principal, bucket: string, key: string): Promise<Buffer>;
  /** Authorizes like a GET and returns the file below the data folder that holds the bytes: to be read in bulk, never written. */
  pathForRead(principal: Principal, bucket: string, key: string): Promise<string>;
  /**
   * Authorizes like a GET and hard-links the bytes of the current version to `link`: they stay what the answer says they are, whatever becomes of
   * the object while they are read.
   */
  linkForRead(principal: Principal, bucket: string, key: string, link: string): Promise<S3ObjectInfo>;
  put(
    principal: Principal,
    bucket: string,
    key: string,
    body: Buffer,
    encryption?: S3Encryption,
  ): Promise<S3ObjectInfo>;
  /** Like put; the file is moved into place. */
  putFile(
    principal: Principal,
    bucket: string,
    key: string,
    file: string,
    encryption?: S3Encryption,
  ): Promise<S3ObjectInfo>;
  delete(principal: Principal, bucket: string, key: string): Promise<void>;
  /** For the summary: where an object's bytes are on disk, no authorization. */
  pathOf(bucket: string, key: string): string;
}

/** A slice of a stream for bulk reading by the warehouse. */
export interface StreamSlice {
  /**
   * Newline-delimited JSON files with `shard_id`, `sequence_number` (decimal text, of one length within the stream), `partition_key`,
   * `arrival_ms` (epoch milliseconds) and `data` (base64). They never change once returned, and may hold records at or before `after`.
   */
  readonly files: readonly string[];
  /** Last sequence number in the slice, per shard that has records. */
  readonly latest: Readonly<Record<string, string>>;
  /** The files hold what is after the given positions and nothing else; then sequence numbers may differ in length. @default false */
  readonly exact?: boolean;
}
export interface KinesisPort {
  /**
   * All records of all shards after the given positions (a shard without one is read from TRIM_HORIZON), for a consumer that was authorized
   * for DescribeStreamSummary, ListShards, GetShardIterator and GetRecords (and kms:Decrypt on the stream's key).
   */
  readSlice(principal: Principal, streamName: string, after: Readonly<Record<string, string>>): Promise<StreamSlice>;
  /** For the summary: records accepted so far, expired ones included. */
  acceptedRecords(streamName: string): number;
}

export interface SecretsPort {
  /** SecretString. Authorizes secretsmanager:GetSecretValue, and kms:Decrypt where a customer key is used. */
  getSecretString(principal: Principal, secretId: string): Promise<string>;
}

export interface BusEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}
export interface EventBusPort {
  /** Delivered to matching rules asynchronously. */
  publish(event: BusEvent): void;
}

export interface LambdaPort {
  /** Runs the function to its end. Authorizes lambda:InvokeFunction through the role's or the function's policy. */
  invoke(
    principal: Principal,
    functionArn: string,
    payload: unknown,
  ): Promise<{ payload: unknown; error?: { errorType: string; errorMessage: string } }>;
  /** Queues the event; the runtime retries as asynchronous invocation does. */
  invokeAsync(principal: Principal, functionArn: string, payload: unknown): Promise<void>;
}

export interface SqsPort {
  send(principal: Principal, queueArn: string, body: string): Promise<void>;
  receive(
    principal: Principal,
    queueArn: string,
    max: number,
  ): Promise<{ messageId: string; receiptHandle: string; body: string; attributes: Record<string, string> }[]>;
  delete(principal: Principal, queueArn: string, receiptHandle: string): Promise<void>;
  /** Messages that are waiting, in flight or delayed. */
  depth(queueArn: string): number;
}

/** A created resource as templates see it. */
export interface ResourceState {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}
export interface ResourceContext {
  readonly stackName: string;
  readonly logicalId: string;
  readonly account: string;
  readonly region: string;
  /** A physical name as CloudFormation would generate it: `<stack>-<logical id>-<12 characters>`, stable over restarts, another one for a replacement. */
  readonly generatedName: string;
  /** What this physical resource was before: it is opened again, or updated. */
  readonly previous?: ResourceState;
}
/**
 * The twin of one CloudFormation resource type. Data on disk outlives it. Properties are resolved. On every start `create` is called for each
 * resource of the data folder, with `previous` and what it was last given: it opens what is there.
 */
export interface ResourceTwin {
  readonly type: string;
  /** Supported top-level properties; any other is refused by name before anything is created. Deeper ones the twin checks itself. */
  readonly properties: readonly string[];
  /** What Fn::GetAtt may ask for; where given, any other attribute is refused by name before anything is created. */
  readonly attributes?: readonly string[];
  /** Properties whose change makes a new physical resource, as "Update requires: Replacement" in the type's reference. @default - none */
  readonly replacedBy?: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: each twin checks its own properties
  create(properties: any, context: ResourceContext): Promise<ResourceState> | ResourceState;
  /** Brings the physical resource from its old properties to new ones. @default - create does, since it writes everything anew */
  // biome-ignore lint/suspicious/noExplicitAny: each twin checks its own properties
  update?(properties: any, context: ResourceContext, old: any): Promise<ResourceState> | ResourceState;
  /** Takes the physical resource away; one that never came to be, or is gone, is no error. @default - the type cannot be deleted here */
  // biome-ignore lint/suspicious/noExplicitAny: each twin checks its own properties
  delete?(state: ResourceState, context: ResourceContext, properties: any): Promise<void> | void;
}

/** Something that holds a handle. */
export interface Disposable {
  dispose(): Promise<void>;
}
