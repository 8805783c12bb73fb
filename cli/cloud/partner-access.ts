import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { clientSettings } from '../../lambda/shared/client-settings';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A caller: credentials, or a profile of the AWS configuration. */
export type Caller = Credentials | { readonly profile: string };

export interface Reach {
  /** Endpoint of the local runtime. @default - AWS */
  readonly endpoint?: string;
  readonly region?: string;
}

/** Result of a call: allowed, refused for lack of permission, or neither. */
export type Outcome =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unclear'; readonly message: string };

/** S3 checks the permission before the object. So these errors prove that the caller may read. */
const absent = ['NoSuchKey', 'NotFound'];
const denied = ['AccessDenied', 'AccessDeniedException', 'Forbidden'];

async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    await call;
    return { kind: 'allowed' };
  } catch (error) {
    const { name, message } = error as Error;
    if (absent.includes(name)) return { kind: 'allowed' };
    return { kind: denied.includes(name) ? 'refused' : 'unclear', message: `${name}: ${message}` };
  }
}

/** Calls STS as one caller. */
export class RoleDoor {
  private readonly client: STSClient;

  /** @param caller @default - the SDK's default credentials */
  constructor(reach: Reach, caller?: Caller) {
    this.client = new STSClient({
      ...clientSettings(),
      ...reach,
      ...(caller && ('profile' in caller ? caller : { credentials: caller })),
    });
  }

  /** Returns the caller's ARN and account. */
  async caller(): Promise<{ readonly arn: string; readonly account: string }> {
    const { Arn, Account } = await this.client.send(new GetCallerIdentityCommand({}));
    return { arn: Arn!, account: Account! };
  }

  /** Assumes the role. The result has credentials only if the role let the caller in. */
  async open(RoleArn: string, ExternalId?: string): Promise<{ outcome: Outcome; credentials?: Credentials }> {
    let credentials: Credentials | undefined;
    const call = this.client
      .send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'millrace-verify', ExternalId, DurationSeconds: 900 }))
      .then(({ Credentials: given }) => {
        credentials = {
          accessKeyId: given!.AccessKeyId!,
          secretAccessKey: given!.SecretAccessKey!,
          sessionToken: given!.SessionToken,
        };
      });
    const outcome = await outcomeOf(call);
    return { outcome, credentials };
  }

  close(): void {
    this.client.destroy();
  }
}

/** Calls S3 with the credentials of the partner's role. */
export class PartnerBuckets {
  private readonly client: S3Client;

  /**
   * @param credentials
   * @default - the SDK's default credentials
   * @param encrypted false leaves TLS out: plain HTTP in AWS, a header with the same meaning at a local endpoint
   */
  constructor({ endpoint, region }: Reach, credentials?: Credentials, encrypted = true) {
    const elsewhere = endpoint ?? process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
    this.client = new S3Client({
      ...clientSettings(),
      region,
      credentials,
      forcePathStyle: elsewhere !== undefined,
      endpoint: elsewhere ?? (encrypted ? undefined : `http://s3.${region}.amazonaws.com`),
      maxAttempts: 2,
    });
    if (!encrypted && elsewhere !== undefined)
      this.client.middlewareStack.add(
        (next) => (args) => {
          (args.request as { headers: Record<string, string> }).headers['x-forwarded-proto'] = 'http';
          return next(args);
        },
        { step: 'build', name: 'withoutTls' },
      );
  }

  list(Bucket: string, Prefix: string): Promise<Outcome> {
    return outcomeOf(this.client.send(new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 })));
  }

  async keys(Bucket: string, Prefix: string): Promise<string[]> {
    const { Contents = [] } = await this.client.send(new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 10 }));
    return Contents.map(({ Key }) => Key!);
  }

  get(Bucket: string, Key: string): Promise<Outcome> {
    const read = this.client
      .send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=0-0' }))
      .then(({ Body }) => Body?.transformToByteArray());
    return outcomeOf(read);
  }

  put(Bucket: string, Key: string): Promise<Outcome> {
    return outcomeOf(this.client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from('x') })));
  }

  delete(Bucket: string, Key: string): Promise<Outcome> {
    return outcomeOf(this.client.send(new DeleteObjectCommand({ Bucket, Key })));
  }

  close(): void {
    this.client.destroy();
  }
}

/** Reads the text of a secret. */
export async function readSecret(reach: Reach, credentials: Credentials | undefined, id: string): Promise<string> {
  const client = new SecretsManagerClient({ ...clientSettings(), ...reach, credentials });
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '';
  } finally {
    client.destroy();
  }
}

/** Gives a secret a new value. */
export async function writeSecret(
  reach: Reach,
  credentials: Credentials | undefined,
  id: string,
  value: string,
): Promise<void> {
  const client = new SecretsManagerClient({ ...clientSettings(), ...reach, credentials });
  try {
    await client.send(new PutSecretValueCommand({ SecretId: id, SecretString: value }));
  } finally {
    client.destroy();
  }
}
