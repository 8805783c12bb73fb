import { quoteLiteral, quoteName } from '../shared/quote';
import type { Row } from '../shared/warehouse';
import { splitName } from './catalog';

/**
 * Who may do what with a view, by explicit grant, its owner aside. To be asked as a superuser: others are shown the identities only that they
 * have access to (r_SVV_RELATION_PRIVILEGES).
 */
export const grantsQuery = (view: string, owner: string) =>
  `select privilege_type, identity_name, identity_type, admin_option from svv_relation_privileges where ${ofView(view, owner)} ` +
  'order by identity_type, identity_name, privilege_type';

/** Grants on single columns of a view. */
export const columnGrantsQuery = (view: string, owner: string) =>
  `select column_name, privilege_type, identity_name from svv_column_privileges where ${ofView(view, owner)} order by column_name, identity_name`;

function ofView(view: string, owner: string): string {
  const [schema, name] = splitName(view).map(quoteLiteral);
  return `namespace_name = ${schema} and relation_name = ${name} and not (identity_type = 'user' and identity_name = ${quoteLiteral(owner)})`;
}

/** What r_GRANT takes for a table or view. */
const grantable = ['select', 'insert', 'update', 'delete', 'drop', 'references', 'alter', 'truncate'];

/**
 * The statements that give a view's grants to the view that takes its place: one for each privilege, and one more for those who may pass it
 * on. Throws on a privilege or a kind of identity that Redshift did not have when this was written.
 */
export function grantStatements(view: string, rows: readonly Row[]): string[] {
  const grantees = new Map<string, string[]>();
  for (const row of rows) {
    const privilege = String(row.privilege_type).toLowerCase();
    if (!grantable.includes(privilege))
      throw new Error(
        `view ${view} has a grant of ${privilege}, which is none of ${grantable.join(', ')}: it cannot be given to the new definition. Revoke it and deploy again`,
      );
    const beginning = `grant ${privilege} on ${view} to `;
    grantees.set(beginning, [...(grantees.get(beginning) ?? []), grantee(view, row)]);
  }
  return [...grantees].map(([beginning, names]) => beginning + names.join(', '));
}

function grantee(view: string, { identity_name: name, identity_type: type, admin_option: option }: Row): string {
  const quoted = quoteName(String(name));
  switch (String(type).toLowerCase()) {
    case 'user':
      return /^t/i.test(String(option)) ? `${quoted} with grant option` : quoted;
    case 'group':
      return `group ${quoted}`;
    case 'role':
      return `role ${quoted}`;
    case 'public':
      return 'public';
    default:
      throw new Error(`view ${view} has a grant to ${name}, a ${type}: expected a user, group, role or public`);
  }
}
