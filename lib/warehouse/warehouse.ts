import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Environment } from '../../environments/environment';
import type { Network } from './network';

/** What the rest of the app knows of the warehouse, whichever kind it is. */
export interface Warehouse {
  readonly kind: 'provisioned' | 'serverless';
  /** Cluster identifier or workgroup name. */
  readonly name: string;
  readonly database: string;
  /** What statements are authorized on: the cluster or the workgroup. */
  readonly arn: string;
  /** Admin credential in Secrets Manager. */
  readonly adminSecretArn: string;
  /** What a secret of one of its users is attached to (AWS::SecretsManager::SecretTargetAttachment). */
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

/** Not 5439, the port that scanners try first; within 5431 to 5455, as relocation demands. */
export const warehousePort = 5440;

export const auditLogs = ['connectionlog', 'userlog', 'useractivitylog'];
