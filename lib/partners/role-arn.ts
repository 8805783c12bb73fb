import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { partnerRoleName } from './presets';

/** The ARN as text. Policies that the role depends on cannot refer to the role itself. */
export function partnerRoleArn(scope: Construct, environment: string, partner: string): string {
  return Stack.of(scope).formatArn({
    service: 'iam',
    region: '',
    resource: 'role',
    resourceName: partnerRoleName(environment, partner),
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
}
