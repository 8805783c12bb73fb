import { Stack } from 'aws-cdk-lib';
import type { Conditions } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/**
 * For a service of which no page says whether its calls carry `aws:SourceAccount`: the call has to be for this account where it says for which, and is let in
 * where it says nothing. docs/aws-open-questions.md has the services.
 */
export const fromAccountIfTold = (scope: Construct): Conditions => ({
  StringEqualsIfExists: { 'aws:SourceAccount': Stack.of(scope).account },
});
