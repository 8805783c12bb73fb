import { Stack } from 'aws-cdk-lib';
import type { Conditions } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/**
 * For services that do not document whether their calls carry `aws:SourceAccount`. A call that carries another account is refused; a call without the key
 * is allowed. docs/aws-open-questions.md lists the services.
 */
export const fromAccountIfTold = (scope: Construct): Conditions => ({
  StringEqualsIfExists: { 'aws:SourceAccount': Stack.of(scope).account },
});
