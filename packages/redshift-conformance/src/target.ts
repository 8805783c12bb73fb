import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { clientSettings } from 'aws-local-kit/client-settings';
import { ConformanceError } from './error';
import { awsSurroundings, type Surroundings } from './surroundings';

/** The command-line options that name a warehouse. */
export interface TargetOptions {
  readonly cluster?: string;
  readonly workgroup?: string;
  readonly database?: string;
  readonly secret?: string;
  readonly dbUser?: string;
  readonly region?: string;
  /** The endpoint of a Data API that is not AWS's. A known refusal there counts as refused, not as a difference. */
  readonly endpoint?: string;
  readonly bucket?: string;
  readonly bucketRole?: string;
  readonly streamRole?: string;
}

export interface Target {
  /** The target's name in messages, such as `cluster demo, database dev`. */
  readonly name: string;
  surroundings(): Surroundings;
}

/**
 * Finds the warehouse that the options name; undefined if they name none.
 * @throws ConformanceError naming the option that is missing or has no effect
 */
export function targetOf(options: TargetOptions): Target | undefined {
  const { cluster, workgroup, database, secret, dbUser, region, endpoint, bucket, bucketRole, streamRole } = options;
  if (cluster === undefined && workgroup === undefined) {
    const idle = Object.entries({ database, secret, dbUser, region, endpoint, bucket, bucketRole, streamRole }).find(
      ([, value]) => value,
    );
    if (idle)
      throw new ConformanceError(
        `--${kebab(idle[0])} is for a real warehouse: name it with --cluster or --workgroup`,
        2,
      );
    return undefined;
  }
  if (cluster !== undefined && workgroup !== undefined)
    throw new ConformanceError('give one of --cluster and --workgroup, not both', 2);
  if (database === undefined) throw new ConformanceError('--database is missing', 2);
  if (cluster !== undefined && secret === undefined && dbUser === undefined)
    throw new ConformanceError('a cluster needs --secret or --db-user', 2);
  if ((bucket === undefined) !== (bucketRole === undefined))
    throw new ConformanceError('--bucket and --bucket-role go together', 2);
  const where = {
    Database: database,
    ClusterIdentifier: cluster,
    WorkgroupName: workgroup,
    SecretArn: secret,
    DbUser: dbUser,
  };
  return {
    name: `${cluster === undefined ? `workgroup ${workgroup}` : `cluster ${cluster}`}, database ${database}`,
    surroundings: () => {
      // The API accepts 20 to 30 calls per second. Further calls are throttled and retried.
      const client = new RedshiftDataClient({
        ...clientSettings(),
        region,
        endpoint,
        maxAttempts: 10,
        retryMode: 'adaptive',
      });
      return awsSurroundings({ client, where, region, local: endpoint !== undefined, bucket, bucketRole, streamRole });
    },
  };
}

const kebab = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
