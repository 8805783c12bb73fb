import { CfnOutput, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Environment, MaterializeRegion } from '../../environments/environment';
import { exportPrefix, materializeEnv, unloadRecordPrefix } from '../../lambda/export/contract';
import type { Pipeline } from '../../pipelines/definition';
import { partnerPrefix } from '../partners/prefixes';
import { explained } from '../shared/grant';
import { keyUse } from '../shared/key-use';

const defaultPort = 6875;

export interface MaterializeAccessProps {
  readonly environment: Environment;
  readonly region: MaterializeRegion;
  readonly key: IKey;
}

/** How the export functions of an environment reach Materialize. */
export class MaterializeAccess extends Construct {
  readonly secret: Secret;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: MaterializeAccessProps,
  ) {
    super(scope, id);
    const { environment, region, key } = props;
    this.secret = new Secret(this, 'Secret', {
      description: `App password of ${region.user} in Materialize: put it where "password" is`,
      encryptionKey: key,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: region.user }),
        generateStringKey: 'password',
        excludePunctuation: true,
      },
      removalPolicy: environment.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(this.secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'Materialize makes the app password, and it is put here by hand',
    });
    new CfnOutput(this, 'SecretArn', { value: this.secret.secretArn, description: 'Put the app password here' });
  }

  /** Environment variables of the export function. */
  variables(): Record<string, string> {
    const { host, port = defaultPort, database = 'materialize', cluster, connection, partner } = this.props.region;
    return materializeEnv.of({
      MATERIALIZE_HOST: host,
      MATERIALIZE_PORT: String(port),
      MATERIALIZE_DATABASE: database,
      MATERIALIZE_CLUSTER: cluster,
      MATERIALIZE_CONNECTION: connection,
      MATERIALIZE_PREFIX: partnerPrefix(partner),
      MATERIALIZE_SECRET_ARN: this.secret.secretArn,
    });
  }

  /** Prefixes that the export function of a pipeline lists, besides those of its exports. */
  prefixes(pipeline: Pipeline): string[] {
    return [...this.staged(pipeline), unloadRecordPrefix(pipeline.name)];
  }

  /** Prefixes below which Materialize writes the exports of a pipeline. */
  private staged(pipeline: Pipeline): string[] {
    const prefix = partnerPrefix(this.props.region.partner);
    return pipeline.exports
      .filter(({ engine }) => engine === 'materialize')
      .map(({ name }) => `${prefix}${exportPrefix(pipeline.name, name)}`);
  }

  /** Permissions that the export function of a pipeline needs in addition. */
  statements(pipeline: Pipeline, bucket: Bucket): PolicyStatement[] {
    return [
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.secret.secretArn] }),
      keyUse(this.props.key, 'secretsmanager', 'read'),
      explained(
        new PolicyStatement({
          actions: ['s3:DeleteObject', 's3:GetObject'],
          resources: this.staged(pipeline).map((prefix) => bucket.arnForObjects(`${prefix}*`)),
        }),
        'Each run has a prefix of its own, below which Materialize names the files',
      ),
      explained(
        new PolicyStatement({
          actions: ['s3:GetObject', 's3:PutObject'],
          resources: [bucket.arnForObjects(`${unloadRecordPrefix(pipeline.name)}*`)],
        }),
        'Each COPY has a record of its own',
      ),
    ];
  }
}
