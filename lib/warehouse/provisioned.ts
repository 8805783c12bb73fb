import { ArnFormat, CfnDeletionPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  CfnCluster,
  CfnClusterParameterGroup,
  CfnClusterSubnetGroup,
  CfnScheduledAction,
} from 'aws-cdk-lib/aws-redshift';
import { Construct } from 'constructs';
import type { Environment, ProvisionedWarehouse } from '../../environments/environment';
import { adminUser, names } from '../shared/names';
import { fromAccountIfTold } from '../shared/source-account';
import { type Warehouse, type WarehouseProps, warehousePort } from './warehouse';

export interface ProvisionedProps extends WarehouseProps {
  readonly size: ProvisionedWarehouse;
}

/** A Redshift cluster in isolated subnets. */
export class Provisioned extends Construct implements Warehouse {
  readonly kind = 'provisioned';
  readonly name: string;
  readonly database: string;
  readonly arn: string;
  readonly adminSecretArn: string;
  readonly secretTarget: Warehouse['secretTarget'];

  constructor(scope: Construct, id: string, props: ProvisionedProps) {
    super(scope, id);
    const { environment, size } = props;
    this.name = names.warehouse(environment.name);
    this.database = environment.database;
    this.arn = Stack.of(this).formatArn({
      service: 'redshift',
      resource: 'cluster',
      resourceName: this.name,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const cluster = this.cluster(props);
    this.adminSecretArn = cluster.attrMasterPasswordSecretArn;
    this.secretTarget = { targetId: cluster.ref, targetType: 'AWS::Redshift::Cluster' };
    cluster.cfnOptions.deletionPolicy = deletionPolicy(environment);
    cluster.cfnOptions.updateReplacePolicy = environment.retainData
      ? CfnDeletionPolicy.SNAPSHOT
      : CfnDeletionPolicy.DELETE;
    cluster.node.addDependency(this.auditLogAccess(props), ...props.roles);
    if (size.pause) this.pauseAndResume(cluster, size.pause, environment.schedulesEnabled);
    if (size.nodeCount === 1) {
      Validations.of(cluster).acknowledge({
        id: 'AwsSolutions-RS9',
        reason:
          'The environment asks for one node; its data can be rebuilt from the stream, the archive and the history',
      });
    }
  }

  private cluster({ key, network, logs, roles, size }: ProvisionedProps): CfnCluster {
    const parameters = new CfnClusterParameterGroup(this, 'Parameters', {
      description: 'TLS only, payload attributes keep their case, statements are audited',
      parameterGroupFamily: 'redshift-1.0',
      parameters: Object.entries({
        require_ssl: 'true',
        enable_case_sensitive_identifier: 'true',
        enable_user_activity_logging: 'true',
      }).map(([parameterName, parameterValue]) => ({ parameterName, parameterValue })),
    });
    const subnets = new CfnClusterSubnetGroup(this, 'Subnets', {
      description: 'Isolated subnets',
      subnetIds: network.vpc.isolatedSubnets.map((subnet) => subnet.subnetId),
    });
    return new CfnCluster(this, 'Cluster', {
      clusterIdentifier: this.name,
      dbName: this.database,
      nodeType: size.nodeType,
      clusterType: size.nodeCount === 1 ? 'single-node' : 'multi-node',
      ...(size.nodeCount > 1 ? { numberOfNodes: size.nodeCount, availabilityZoneRelocation: true } : {}),
      masterUsername: adminUser,
      manageMasterPassword: true,
      masterPasswordSecretKmsKeyId: key.keyArn,
      encrypted: true,
      kmsKeyId: key.keyArn,
      port: warehousePort,
      publiclyAccessible: false,
      enhancedVpcRouting: true,
      clusterSubnetGroupName: subnets.ref,
      vpcSecurityGroupIds: [network.warehouseSecurityGroup.securityGroupId],
      clusterParameterGroupName: parameters.ref,
      iamRoles: roles.map((role) => role.roleArn),
      automatedSnapshotRetentionPeriod: size.snapshotRetentionDays,
      allowVersionUpgrade: true,
      loggingProperties: { bucketName: logs.bucketName, s3KeyPrefix: 'warehouse/' },
    });
  }

  /** Redshift writes its audit log as a service principal, so the bucket's policy has to allow it (management guide, "Database audit logging"). */
  private auditLogAccess({ logs }: WarehouseProps) {
    logs.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        principals: [new ServicePrincipal('redshift.amazonaws.com')],
        actions: ['s3:GetBucketAcl', 's3:PutObject'],
        resources: [logs.bucketArn, logs.arnForObjects('warehouse/*')],
        conditions: { StringEquals: { 'aws:SourceArn': this.arn, 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    return logs.policy!;
  }

  private pauseAndResume(cluster: CfnCluster, pause: { pauseAt: string; resumeAt: string }, enable: boolean): void {
    const role = new Role(this, 'PauseRole', {
      description: `Pauses and resumes ${this.name}`,
      // No page says whether the scheduler sends the account that it acts for.
      assumedBy: new ServicePrincipal('scheduler.redshift.amazonaws.com', { conditions: fromAccountIfTold(this) }),
    });
    role.addToPolicy(
      new PolicyStatement({ actions: ['redshift:PauseCluster', 'redshift:ResumeCluster'], resources: [this.arn] }),
    );
    const action = (kind: 'Pause' | 'Resume', schedule: string) =>
      new CfnScheduledAction(this, kind, {
        scheduledActionName: scheduledActionName(this.name, kind),
        scheduledActionDescription: `${kind}s the cluster ${this.name}`,
        enable,
        schedule,
        iamRole: role.roleArn,
        targetAction:
          kind === 'Pause'
            ? { pauseCluster: { clusterIdentifier: this.name } }
            : { resumeCluster: { clusterIdentifier: this.name } },
      }).node.addDependency(cluster, role);
    action('Pause', pause.pauseAt);
    action('Resume', pause.resumeAt);
  }
}

const scheduledActionName = (warehouse: string, kind: 'Pause' | 'Resume') => `${warehouse}-${kind.toLowerCase()}`;

/** Names of the scheduled actions that pause and resume the environment's cluster. */
export function scheduledActionNames({ name, warehouse }: Environment): string[] {
  if (warehouse.kind !== 'provisioned' || warehouse.pause === undefined) return [];
  return (['Pause', 'Resume'] as const).map((kind) => scheduledActionName(names.warehouse(name), kind));
}

function deletionPolicy(environment: Environment): CfnDeletionPolicy {
  if (environment.deletionProtection) return CfnDeletionPolicy.RETAIN;
  return environment.retainData ? CfnDeletionPolicy.SNAPSHOT : CfnDeletionPolicy.DELETE;
}
