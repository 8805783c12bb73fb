import type { AllowedListener, DeployedResource } from 'aws-local';
import { grantedBy, type Statement } from 'aws-local/policies';

/** One action of one statement of a role's policies. */
export interface Permission {
  /** Construct path without the environment: `Pipelines/Estore/Refresh/Role`. */
  readonly role: string;
  readonly action: string;
  /** Resources as the statement has them. */
  readonly resources: readonly string[];
  readonly used: boolean;
  /** Resources of the statement that no request with this action named. */
  readonly idle: readonly string[];
}

/** Records which grants allowed requests. */
export class Usage {
  /** Actions and resources that were used, by statement. */
  private readonly used = new Map<Statement, Set<string>>();
  private readonly seen = new Set<string>();

  /** @param statementsOf returns the statements of a role's ARN */
  constructor(private readonly statementsOf: (roleArn: string) => readonly Statement[] | undefined) {}

  readonly listener: AllowedListener = (request, context) => {
    const { principal, action, resource } = request;
    if (principal.kind !== 'role' || principal.roleArn === undefined) return;
    // Keys of objects and names of logs are too many to keep each.
    const known = [principal.roleArn, action, resource, JSON.stringify(request.context ?? {})].join(' ');
    if (this.seen.has(known)) return;
    this.seen.add(known);
    for (const statement of this.statementsOf(principal.roleArn) ?? []) {
      const grant = grantedBy(statement, { principal, action, resource, context });
      if (!grant) continue;
      const grants = this.used.get(statement) ?? new Set<string>();
      this.used.set(statement, grants.add(`${grant.action} ${grant.resource}`));
    }
  };

  /** Returns every action that the roles' policies allow, in the order of roles and actions. */
  permissions(roles: readonly DeployedResource[]): Permission[] {
    const all = roles.flatMap((role) => {
      const name = (role.path ?? role.logicalId).replace(/^[^/]+\//, '').replace(/\/Resource$/, '');
      const statements = this.statementsOf(String(role.attributes['Arn'])) ?? [];
      return statements.flatMap((statement) => this.ofStatement(name, statement));
    });
    return all.sort((one, other) => compare(one.role, other.role) || compare(one.action, other.action));
  }

  private ofStatement(role: string, statement: Statement): Permission[] {
    if (statement.effect !== 'Allow') return [];
    const resources = statement.resources ?? ['(all but some)'];
    const grants = this.used.get(statement) ?? new Set<string>();
    return (statement.actions ?? ['(all but some)']).map((action) => {
      const idle = resources.filter((resource) => !grants.has(`${action} ${resource}`));
      return { role, action, resources, used: idle.length < resources.length, idle };
    });
  }
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
