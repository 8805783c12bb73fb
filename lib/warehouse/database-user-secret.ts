import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

export interface DatabaseUserSecretProps {
  readonly user: string;
  readonly key: IKey;
  readonly retain: boolean;
}

/** Generated credentials of a database user, in the form that the Data API reads. */
export class DatabaseUserSecret extends Secret {
  constructor(scope: Construct, id: string, { user, key, retain }: DatabaseUserSecretProps) {
    super(scope, id, {
      description: `Credentials of the database user ${user}`,
      encryptionKey: key,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: user }),
        generateStringKey: 'password',
        // Redshift takes 8 to 64 characters, with an upper-case letter, a lower-case letter and a digit (CREATE USER).
        passwordLength: 48,
        excludePunctuation: true,
      },
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'The database user has the same password, and only a deployment sets it there',
    });
  }
}
