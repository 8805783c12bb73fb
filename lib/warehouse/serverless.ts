import { RemovalPolicy } from 'aws-cdk-lib';
import { CfnNamespace, CfnWorkgroup } from 'aws-cdk-lib/aws-redshiftserverless';
import { Construct } from 'constructs';
import type { ServerlessWarehouse } from '../../environments/environment';
import { adminUser, names } from '../shared/names';
import { DatabaseUserSecret } from './database-user-secret';
import { auditLogs, type Warehouse, type WarehouseProps, warehousePort } from './warehouse';

export interface ServerlessProps extends WarehouseProps {
  readonly size: ServerlessWarehouse;
}

/** Redshift Serverless: a namespace that holds the data and a workgroup that computes. */
export class Serverless extends Construct implements Warehouse {
  readonly kind = 'serverless';
  readonly name: string;
  readonly database: string;
  readonly arn: string;
  readonly adminSecretArn: string;
  readonly secretTarget: Warehouse['secretTarget'];

  constructor(scope: Construct, id: string, { environment, key, network, roles, size }: ServerlessProps) {
    super(scope, id);
    this.name = names.warehouse(environment.name);
    this.database = environment.database;
    // A namespace does not say which secret holds a password that it manages itself, so the password is generated here and passed by reference.
    const admin = new DatabaseUserSecret(this, 'AdminSecret', { user: adminUser, key, retain: environment.retainData });
    const namespace = new CfnNamespace(this, 'Namespace', {
      namespaceName: this.name,
      dbName: this.database,
      adminUsername: adminUser,
      adminUserPassword: admin.secretValueFromJson('password').unsafeUnwrap(),
      kmsKeyId: key.keyArn,
      iamRoles: roles.map((role) => role.roleArn),
      logExports: auditLogs,
      // -1 keeps the last snapshot without end.
      ...(environment.retainData ? { finalSnapshotName: `${this.name}-final`, finalSnapshotRetentionPeriod: -1 } : {}),
    });
    namespace.applyRemovalPolicy(environment.deletionProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
    namespace.node.addDependency(...roles);
    this.adminSecretArn = admin.secretArn;
    this.secretTarget = { targetId: namespace.ref, targetType: 'AWS::RedshiftServerless::Namespace' };

    const workgroup = new CfnWorkgroup(this, 'Workgroup', {
      workgroupName: this.name,
      namespaceName: namespace.ref,
      baseCapacity: size.baseCapacityRpus,
      maxCapacity: size.maxCapacityRpus ?? size.baseCapacityRpus,
      port: warehousePort,
      publiclyAccessible: false,
      enhancedVpcRouting: true,
      subnetIds: network.vpc.isolatedSubnets.map((subnet) => subnet.subnetId),
      securityGroupIds: [network.warehouseSecurityGroup.securityGroupId],
      configParameters: Object.entries({
        require_ssl: 'true',
        enable_case_sensitive_identifier: 'true',
        enable_user_activity_logging: 'true',
      }).map(([parameterKey, parameterValue]) => ({ parameterKey, parameterValue })),
    });
    this.arn = workgroup.attrWorkgroupWorkgroupArn;
  }
}
