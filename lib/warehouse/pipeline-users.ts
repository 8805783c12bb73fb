import { ArnPrincipal, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnSecretTargetAttachment } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Pipeline } from '../../pipelines/definition';
import { functionUser, purposesOf, type UserPurpose, userObjects, type WarehouseObject } from '../../sql';
import { pascalCase } from '../shared/names';
import { DatabaseUserSecret } from './database-user-secret';
import type { Warehouse } from './warehouse';

export interface PipelineUsersProps {
  readonly pipeline: Pipeline;
  readonly warehouse: Warehouse;
  readonly key: IKey;
  /** The role that creates the users, and reads their passwords for that. */
  readonly creator: Role;
}

/** The secrets of the database users of a pipeline's functions. The users go with the pipeline's stack, also where its data stays. */
export class PipelineUsers extends Construct {
  private readonly secrets = new Map<UserPurpose, DatabaseUserSecret>();

  constructor(
    scope: Construct,
    id: string,
    private readonly props: PipelineUsersProps,
  ) {
    super(scope, id);
    const { pipeline, warehouse, key, creator } = props;
    for (const purpose of purposesOf(pipeline)) {
      const secret = new DatabaseUserSecret(this, `${pascalCase(purpose)}Secret`, {
        user: functionUser(pipeline, purpose),
        key,
        retain: false,
      });
      // In the secret's policy: the role is in another stack than the secrets of some pipelines.
      secret.addToResourcePolicy(
        new PolicyStatement({
          principals: [new ArnPrincipal(creator.roleArn)],
          actions: ['secretsmanager:GetSecretValue'],
          resources: ['*'],
        }),
      );
      new CfnSecretTargetAttachment(this, `${pascalCase(purpose)}SecretAttachment`, {
        secretId: secret.secretArn,
        ...warehouse.secretTarget,
      });
      this.secrets.set(purpose, secret);
    }
  }

  secretArn(purpose: UserPurpose): string {
    const secret = this.secrets.get(purpose);
    if (!secret) throw new Error(`pipeline ${this.props.pipeline.name} has no user for ${purpose}`);
    return secret.secretArn;
  }

  /** @param after ids of the pipeline's other objects */
  objects(after: readonly string[]): WarehouseObject[] {
    const { pipeline, warehouse } = this.props;
    return userObjects(
      pipeline,
      {
        database: warehouse.database,
        secretArn: (purpose) => this.secretArn(purpose),
        isExisting: warehouse.isExisting,
      },
      after,
    );
  }
}
