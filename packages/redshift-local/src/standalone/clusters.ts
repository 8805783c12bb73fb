import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { S3Client } from '@aws-sdk/client-s3';
import { AwsError, type Clock, invalid, type KinesisPort, type Principal, type S3Port } from 'aws-local-kit';
import type { ReachableWarehouse } from '../data-api/reachable';
import { databaseFile, databaseOf } from '../engine/database-file';
import { Engine } from '../engine/engine';
import { WarehouseError } from '../engine/errors';
import { translate } from '../sql';
import { RemoteKinesis } from './remote-kinesis';
import { RemoteS3 } from './remote-s3';

/** The initial user of every database, as in a cluster created in the console. */
export const administrator = 'awsuser';
/** Most open databases. Each one holds threads and memory. */
const mostDatabases = 32;

export interface ClustersOptions {
  readonly dataDir: string;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly s3?: S3Client;
  readonly kinesis?: KinesisClient;
  /** Initial value of enable_case_sensitive_identifier in a session. */
  readonly caseSensitiveIdentifiers: boolean;
  /** Called for each database before it accepts statements. */
  readonly onOpen: (warehouse: ReachableWarehouse) => void;
  /** Aborts open calls to the endpoints. */
  readonly ending: AbortSignal;
}

/**
 * Clusters and workgroups by name, and their databases. Each database is a file that is opened, or created, at first
 * use.
 */
export class Clusters {
  private readonly open = new Map<string, Promise<ReachableWarehouse>>();
  private readonly s3: S3Port;

  constructor(private readonly options: ClustersOptions) {
    this.s3 = options.s3 ? new RemoteS3(options.s3, options.ending) : missingS3;
  }

  /**
   * Finds or opens a database.
   * @throws AwsError ValidationException for an invalid name, or if too many databases are open
   */
  async find(kind: 'cluster' | 'workgroup', name: string, database: string): Promise<ReachableWarehouse> {
    checkNames(kind, name, database);
    const key = `${kind}/${name}/${database}`;
    let opening = this.open.get(key);
    if (!opening) {
      if (this.open.size >= mostDatabases)
        throw new AwsError(
          'ValidationException',
          `${mostDatabases} databases are open, which is the limit of the local warehouse: ${database} of ${kind} ${name} cannot be opened`,
        );
      opening = this.openDatabase(kind, name, database);
      this.open.set(key, opening);
      opening.catch(() => this.open.delete(key));
    }
    return opening;
  }

  /** Returns the databases that have been used so far. */
  databases(kind: 'cluster' | 'workgroup', name: string): string[] {
    const folder = join(this.options.dataDir, `${kind}s`, name);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .map(databaseOf)
      .filter((database) => database !== undefined)
      .sort();
  }

  arnOf(kind: 'cluster' | 'workgroup', name: string): string {
    const { region, account } = this.options;
    return kind === 'cluster'
      ? `arn:aws:redshift:${region}:${account}:cluster:${name}`
      : `arn:aws:redshift-serverless:${region}:${account}:workgroup/${name}`;
  }

  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.open.values()))
      if (opened.status === 'fulfilled') opened.value.engine.close();
    this.open.clear();
  }

  private async openDatabase(
    kind: 'cluster' | 'workgroup',
    name: string,
    database: string,
  ): Promise<ReachableWarehouse> {
    const file = databaseFile(join(this.options.dataDir, `${kind}s`, name), database);
    const engine = await Engine.open(
      {
        file,
        database,
        clock: this.options.clock,
        s3: this.s3,
        kinesis: this.options.kinesis
          ? new RemoteKinesis(this.options.kinesis, `${file}.stream`, this.options.ending)
          : missingKinesis,
        translate,
        assume: (roleArn) => this.assume(roleArn),
        caseSensitiveIdentifiers: this.options.caseSensitiveIdentifiers,
      },
      { name: administrator, password: () => randomBytes(24).toString('hex') },
    );
    const warehouse = { target: { kind, name, arn: this.arnOf(kind, name) }, database, engine };
    this.options.onOpen(warehouse);
    return warehouse;
  }

  /**
   * Returns the role without a check. The endpoints decide what is allowed, based on the credentials of this process.
   */
  private assume(roleArn: string): Principal {
    if (roleArn === 'default') return this.assume(`arn:aws:iam::${this.options.account}:role/default`);
    const last = roleArn.slice(roleArn.lastIndexOf(',') + 1);
    return { kind: 'role', arn: `${last}/RedshiftIamRoleSession`, roleArn: last, account: this.options.account };
  }
}

/** @throws AwsError ValidationException */
function checkNames(kind: 'cluster' | 'workgroup', name: string, database: string): void {
  const [field, least, most] = kind === 'cluster' ? ['ClusterIdentifier', 1, 63] : ['WorkgroupName', 3, 64];
  if (!/^[a-z0-9](-?[a-z0-9])*$/.test(name) || name.length < least || name.length > most)
    throw invalid(field, name, `${least} to ${most} lower-case letters, digits and single hyphens between them`);
  // https://docs.aws.amazon.com/redshift/latest/dg/r_names.html
  const valid = /^[\p{L}_][\p{L}\p{N}_$@-]*$/u.test(database) && database === database.toLowerCase();
  if (!valid || Buffer.byteLength(database) > 127)
    throw invalid(
      'Database',
      database,
      'in lower case: a letter or underscore, then letters, digits, underscores, hyphens, $ and @, at most 127 bytes',
    );
}

const missing = (what: string, option: string) => () => {
  throw new WarehouseError(
    `${what} has no endpoint to go to: start the warehouse with ${option}, the URL of ${option === '--s3' ? 'an S3' : 'a Kinesis'} endpoint`,
  );
};
const noS3 = missing('this statement', '--s3');
const missingS3: S3Port = {
  list: noS3,
  head: noS3,
  get: noS3,
  pathForRead: noS3,
  linkForRead: noS3,
  put: noS3,
  putFile: noS3,
  delete: noS3,
  pathOf: noS3,
};
const missingKinesis: KinesisPort = { readSlice: missing('a streaming view', '--kinesis'), acceptedRecords: () => 0 };
