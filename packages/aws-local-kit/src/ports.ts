/**
 * The ports through which twins call each other. Every call that AWS would authorize takes the caller's principal
 * and throws `AwsError('AccessDenied…')` if the synthesized policies do not allow it.
 */

/** An error as AWS would return it; `code` is the service's error code. */
export class AwsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly statusCode = 400,
    /** Further members that the service model defines for the error. */
    readonly members: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = code;
  }
}

/** An operation, resource type, property or option that the local runtime does not model. It never guesses one. */
export class NotModelledError extends AwsError {
  constructor(what: string) {
    super('NotModelled', `${what} is not modelled by the local runtime`, 501);
  }
}

/** The one clock of the runtime. Every wait, expiry and timestamp uses it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Runs the callback once when the clock reaches `epochMs`. The callback's rejection is reported, not lost. */
  at(epochMs: number, callback: () => void | Promise<void>): Timer;
}
export interface Timer {
  cancel(): void;
}

/** The caller of an API. */
export interface Principal {
  readonly kind: 'role' | 'service' | 'administrator' | 'anonymous';
  /** Session ARN of a role, `kinesis.amazonaws.com` for a service, `arn:aws:iam::<account>:user/<name>` for a user. */
  readonly arn: string;
  /** ARN of the role behind a session. */
  readonly roleArn?: string;
  readonly account: string;
  /** The request came without TLS: `aws:SecureTransport` is false. @default - it came with TLS */
  readonly unencrypted?: true;
}

export interface PolicyDocument {
  readonly Version?: string;
  readonly Statement: readonly unknown[] | unknown;
}

export interface AuthorizationRequest {
  readonly principal: Principal;
  /** The action's name in a policy, such as `s3:GetObject`. */
  readonly action: string;
  /** ARN, or `*` for actions without resource-level permissions. */
  readonly resource: string;
  /** The resource's own policy, where the resource is a bucket, queue, key or function. */
  readonly resourcePolicy?: PolicyDocument;
  /** Condition keys of the request, such as `s3:prefix`. The authorizer adds the global keys itself. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Authorizer {
  /** Throws `AwsError('AccessDeniedException', …)` whose message names the principal, action, resource and reason. */
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
/** What is known of a request before its body is read. */
export type RequestHead = Pick<ServiceRequest, 'method' | 'path' | 'query' | 'headers'>;
/**
 * One AWS API behind the gateway, found by the signing name of the request. The gateway returns a thrown `AwsError` in
 * the service's wire format.
 */
export interface Service {
  /** The service's name in a SigV4 credential scope: `kinesis`, `redshift-data`, `s3`. */
  readonly signingName: string;
  readonly protocol: 'json-1.0' | 'json-1.1' | 'rest-xml' | 'rest-json' | 'query';
  /** Largest body of an operation, in bytes. @default - 1 MiB */
  maxBodyBytes?(request: RequestHead): number;
  handle(request: ServiceRequest): Promise<ServiceResponse>;
}
/** Operations of a JSON service. The gateway parses X-Amz-Target and the body, and serializes the response. */
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
  /**
   * Returns credentials for a principal that the runtime itself starts. A Lambda's role must trust
   * lambda.amazonaws.com.
   */
  credentialsFor(principal: Principal): Credentials;
}

export interface S3ObjectInfo {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly versionId?: string;
  readonly lastModified: number;
}
/** The encryption that a request asks for. The bucket's default applies if it asks for none. */
export type S3Encryption =
  | { readonly algorithm: 'AES256' }
  | { readonly algorithm: 'aws:kms'; readonly kmsKey: string };
export interface S3Port {
  list(principal: Principal, bucket: string, prefix: string): Promise<S3ObjectInfo[]>;
  head(principal: Principal, bucket: string, key: string): Promise<S3ObjectInfo>;
  get(principal: Principal, bucket: string, key: string): Promise<Buffer>;
  /** Authorizes like a GET and returns the file that holds the bytes. The file is for bulk reading only. */
  pathForRead(principal: Principal, bucket: string, key: string): Promise<string>;
  /**
   * Authorizes like a GET and hard-links the bytes of the current version to `link`. The bytes stay the same even if
   * the object changes while they are read.
   */
  linkForRead(principal: Principal, bucket: string, key: string, link: string): Promise<S3ObjectInfo>;
  put(
    principal: Principal,
    bucket: string,
    key: string,
    body: Buffer,
    encryption?: S3Encryption,
  ): Promise<S3ObjectInfo>;
  /** Like `put`, but moves a file into place. */
  putFile(
    principal: Principal,
    bucket: string,
    key: string,
    file: string,
    encryption?: S3Encryption,
  ): Promise<S3ObjectInfo>;
  delete(principal: Principal, bucket: string, key: string): Promise<void>;
  /** Returns the file that holds an object's bytes, without authorization. The summary uses it. */
  pathOf(bucket: string, key: string): string;
}

/** A slice of a stream for bulk reading by the warehouse. */
export interface StreamSlice {
  /**
   * Newline-delimited JSON files with `shard_id`, `sequence_number` (decimal text, equally long throughout the stream),
   * `partition_key`, `arrival_ms` (epoch milliseconds) and `data` (base64). The files never change once returned. They
   * may hold records at or before `after`.
   */
  readonly files: readonly string[];
  /** Last sequence number in the slice, per shard that has records. */
  readonly latest: Readonly<Record<string, string>>;
  /**
   * The files hold only records after the given positions. Sequence numbers may then differ in length.
   * @default false
   */
  readonly exact?: boolean;
}
export interface KinesisPort {
  /**
   * Returns all records of all shards after the given positions. A shard without a position is read from TRIM_HORIZON.
   * The consumer is authorized for DescribeStreamSummary, ListShards, GetShardIterator and GetRecords, and for
   * kms:Decrypt on the stream's key.
   */
  readSlice(principal: Principal, streamName: string, after: Readonly<Record<string, string>>): Promise<StreamSlice>;
  /** Returns how many records were accepted so far, expired ones included. The summary uses it. */
  acceptedRecords(streamName: string): number;
}

export interface SecretsPort {
  /** Returns the SecretString. Authorizes secretsmanager:GetSecretValue, and kms:Decrypt for a customer key. */
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
  /** Runs the function to its end. Authorizes lambda:InvokeFunction by the role's or the function's policy. */
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
  /** Returns how many messages are waiting, in flight or delayed. */
  depth(queueArn: string): number;
}

/** A created resource, as Ref and Fn::GetAtt show it to a template. */
export interface ResourceState {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}
export interface ResourceContext {
  readonly stackName: string;
  readonly logicalId: string;
  readonly account: string;
  readonly region: string;
  /**
   * A physical name as CloudFormation would generate it: `<stack>-<logical id>-<12 characters>`. It is the same after a
   * restart; a replacement gets another one.
   */
  readonly generatedName: string;
  /** The earlier state of this physical resource, when it is reopened or updated. */
  readonly previous?: ResourceState;
}
/**
 * The twin of one CloudFormation resource type. Data on disk outlives it. Properties are resolved. On every start the
 * runtime calls `create` for each resource of the data folder, with `previous` and the last properties; the twin then
 * opens the existing data.
 */
export interface ResourceTwin {
  readonly type: string;
  /**
   * Supported top-level properties. Any other is refused by name before anything is created. The twin itself checks
   * nested properties.
   */
  readonly properties: readonly string[];
  /** Attributes that Fn::GetAtt may read. If given, any other is refused by name before anything is created. */
  readonly attributes?: readonly string[];
  /**
   * Properties whose change replaces the physical resource: "Update requires: Replacement" in the type's reference.
   * @default - none
   */
  readonly replacedBy?: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: each twin checks its own properties
  create(properties: any, context: ResourceContext): Promise<ResourceState> | ResourceState;
  /**
   * Updates the physical resource from its old properties to the new ones.
   * @default - `create` is called, since it rewrites everything
   */
  // biome-ignore lint/suspicious/noExplicitAny: each twin checks its own properties
  update?(properties: any, context: ResourceContext, old: any): Promise<ResourceState> | ResourceState;
  /**
   * Deletes the physical resource. A resource that was never created, or is already gone, is no error.
   * @default - the type cannot be deleted here
   */
  // biome-ignore lint/suspicious/noExplicitAny: each twin checks its own properties
  delete?(state: ResourceState, context: ResourceContext, properties: any): Promise<void> | void;
}

/** An object that holds an open resource, such as a file or a socket. */
export interface Disposable {
  dispose(): Promise<void>;
}
