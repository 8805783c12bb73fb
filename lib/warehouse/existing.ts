import { ArnFormat, Stack } from 'aws-cdk-lib';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { existingWarehouse } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import type { Warehouse } from './warehouse';

/** A warehouse that others made. No template has a resource for it, so that no deployment changes or deletes it. */
export class ExistingWarehouse extends Construct implements Warehouse {
  readonly kind: Warehouse['kind'];
  readonly isExisting = true;
  readonly adminSecretKey?: IKey;
  readonly name: string;
  readonly database: string;
  readonly arn: string;
  readonly adminSecretArn: string;
  readonly secretTarget: Warehouse['secretTarget'];

  constructor(scope: Construct, id: string, environment: Environment) {
    super(scope, id);
    const found = existingWarehouse(environment)!;
    this.kind = found.is;
    this.name = found.name;
    this.database = environment.database;
    this.adminSecretArn = found.adminSecret;
    if (found.adminSecretKey !== undefined)
      this.adminSecretKey = Key.fromKeyArn(this, 'AdminSecretKey', found.adminSecretKey);
    if (found.is === 'serverless') {
      this.arn = found.arn;
      this.secretTarget = { targetId: found.namespace, targetType: 'AWS::RedshiftServerless::Namespace' };
    } else {
      this.arn = Stack.of(this).formatArn({
        service: 'redshift',
        resource: 'cluster',
        resourceName: found.name,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      });
      this.secretTarget = { targetId: found.name, targetType: 'AWS::Redshift::Cluster' };
    }
  }
}
