import { Stack, Validations } from 'aws-cdk-lib';
import type { PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

const reasons = new WeakMap<PolicyStatement, string>();

/** Gives the reason for a `*` in a statement's resources. Without one cdk-nag (AwsSolutions-IAM5) fails. */
export function explained(statement: PolicyStatement, reason: string): PolicyStatement {
  reasons.set(statement, reason);
  return statement;
}

/** Adds the statements to the role's own policy, and acknowledges their wildcards. */
export function grant(role: Role, ...statements: readonly PolicyStatement[]): void {
  for (const statement of statements) {
    role.addToPolicy(statement);
    const reason = reasons.get(statement);
    if (reason) acknowledgeWildcards(role, statement.resources, reason);
  }
}

/**
 * Acknowledges wildcards in these resources of the construct's policies. Runs at validation: the finding's name has the spelling of references to other
 * stacks, which is known only then.
 */
export function acknowledgeWildcards(construct: IConstruct, resources: readonly string[], reason: string): void {
  construct.node.addValidation({
    validate() {
      for (const resource of resources) {
        const name = flattened(Stack.of(construct).resolve(resource));
        if (name.includes('*'))
          Validations.of(construct).acknowledge({ id: `AwsSolutions-IAM5[Resource::${name}]`, reason });
      }
      return [];
    },
  });
}

/** The spelling of a resource in the name of a finding of cdk-nag. */
function flattened(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, content]] = Object.entries(value as object) as [[string, never]];
  switch (name) {
    case 'Fn::Join':
      return (content[1] as unknown[]).map(flattened).join(content[0]);
    case 'Fn::GetAtt':
      return `<${(content as string[]).join('.')}>`;
    case 'Ref':
      return `<${content}>`;
    case 'Fn::ImportValue':
      return flattened(content);
    default:
      return JSON.stringify(value);
  }
}
