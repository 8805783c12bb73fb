import type { Permission } from './usage';

/** Why a permission is granted that the local pipeline does not use. */
interface Reason {
  readonly role: RegExp;
  readonly actions: readonly string[];
  readonly reason: string;
}

const reasons: readonly Reason[] = [];

const explains = ({ role, actions }: Reason, permission: Pick<Permission, 'role' | 'action'>) =>
  role.test(permission.role) && actions.includes(permission.action);

export function reasonFor(permission: Permission): string | undefined {
  return reasons.find((reason) => explains(reason, permission))?.reason;
}

/** Reasons, by role and action, that explain none of the unused permissions: what they explained is used by now, or gone. */
export function unusedReasons(unused: readonly Permission[]): string[] {
  return reasons.flatMap(({ role, actions, reason }) =>
    actions
      .filter((action) => !unused.some((permission) => explains({ role, actions: [action], reason }, permission)))
      .map((action) => `${action} of ${role.source}`),
  );
}
