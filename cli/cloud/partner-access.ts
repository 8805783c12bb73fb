import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { clientSettings } from '../../lambda/shared/client-settings';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Who calls: by credentials, or by a profile of the AWS configuration. */
export type Caller = Credentials | { readonly profile: string };

export interface Reach {
  /** Of the local runtime. @default - those of AWS */
  readonly endpoint?: string;
  readonly region?: string;
}

/** What a call came to: it was let through, it was refused for want of permission, or it says neither. */
export type Outcome =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unclear'; readonly message: string };

/** The permission is asked before the object: who may not read it is not told that it is missing. */
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

/** STS for one caller. */
export class RoleDoor {
  private readonly client: STSClient;

  /** @param caller as any SDK program finds it where it is not given */
  constructor(reach: Reach, caller?: Caller) {
    this.client = new STSClient({
      ...clientSettings(),
      ...reach,
      ...(caller && ('profile' in caller ? caller : { credentials: caller })),
    });
  }

  /** ARN of the caller. */
  async caller(): Promise<{ readonly arn: string; readonly account: string }> {
    const { Arn, Account } = await this.client.send(new GetCallerIdentityCommand({}));
    return { arn: Arn!, account: Account! };
  }

  /** Opens the role; credentials only where it let the caller in. */
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

/** S3 as the partner's role sees it. */
export class PartnerBuckets {
  private readonly client: S3Client;

  /**
   * @param credentials those that any SDK program finds where they are not given
   * @param encrypted false leaves TLS out: plain HTTP in AWS, a header that says so where an endpoint stands for it
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

/** The text of a secret. */
export async function readSecret(reach: Reach, credentials: Credentials | undefined, id: string): Promise<string> {
  const client = new SecretsManagerClient({ ...clientSettings(), ...reach, credentials });
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '';
  } finally {
    client.destroy();
  }
}
