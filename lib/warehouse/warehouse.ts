import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Environment } from '../../environments/environment';
import type { Network } from './network';

/** The warehouse as the rest of the app sees it, whichever kind it is. */
export interface Warehouse {
  readonly kind: 'provisioned' | 'serverless';
  /** True if others made it. */
  readonly isExisting?: true;
  /** The customer key of the admin credential, unless it is that of the environment. */
  readonly adminSecretKey?: IKey;
  /** Cluster identifier or workgroup name. */
  readonly name: string;
  readonly database: string;
  /** ARN of the cluster or workgroup, on which statements are authorized. */
  readonly arn: string;
  /** Admin credential in Secrets Manager. */
  readonly adminSecretArn: string;
  /** Target of the attachment of a user's secret (AWS::SecretsManager::SecretTargetAttachment). */
  readonly secretTarget: { readonly targetId: string; readonly targetType: string };
}

export interface WarehouseProps {
  readonly environment: Environment;
  readonly key: IKey;
  readonly network: Network;
  /** Receives the audit log. */
  readonly logs: Bucket;
  /** Roles that SQL statements may name. */
  readonly roles: readonly Role[];
}

/** Scanners try the default port, 5439, first. Relocation demands a port from 5431 to 5455. */
export const warehousePort = 5440;

export const auditLogs = ['connectionlog', 'userlog', 'useractivitylog'];
