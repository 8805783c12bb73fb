import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

export interface ForgetSecretProps {
  readonly key: IKey;
  readonly retain: boolean;
}

/**
 * The secret from which the marks of forgotten subjects are derived. Every environment has it, whether a pipeline declares
 * a subject or not: another secret would match no mark that was made before.
 */
export class ForgetSecret extends Secret {
  constructor(scope: Construct, id: string, { key, retain }: ForgetSecretProps) {
    super(scope, id, {
      description: 'Marks subjects that were forgotten. Without it they come back',
      encryptionKey: key,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'Marks that were made with another secret would match nobody',
    });
  }
}
