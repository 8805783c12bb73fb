import type { Step } from '../shared/plan';
import { quoteLiteral, quoteName } from '../shared/quote';
import { clientToken } from '../shared/statement';
import { isPassing, isTerminal, type Row } from '../shared/warehouse';
import { splitName } from './catalog';
import { attempt, type Result, runStep, type StepRun, stepError } from './steps';

export interface ViewGrants {
  /** Runs one of the queries of grants as an identity that sees all of them. */
  readonly query: (what: string, queryOf: typeof grantsQuery) => Promise<Row[]>;
}

/**
 * Gives a public view its new definition. `replace` is one CREATE OR REPLACE VIEW. Redshift accepts it if the columns stay the same, and then keeps the
 * grants. Otherwise one transaction drops the view, creates it and grants it again. In both cases readers see either the old definition or the new one.
 */
export async function switchView(run: StepRun & ViewGrants, view: string, replace: Step): Promise<Result> {
  const state = await runStep(run, '0', replace);
  if (!isTerminal(state.status)) return 'waiting';
  if (state.status === 'ABORTED' || (state.status === 'FAILED' && isPassing(state)))
    throw stepError(run, state, '0', replace);
  return state.status === 'FAILED' ? recreate(run, view, replace) : 'done';
}

async function recreate(run: StepRun & ViewGrants, view: string, replace: Step): Promise<Result> {
  const { warehouse, namePrefix } = run;
  const at = '0-renew';
  const submitted = new Map((await warehouse.list(`${namePrefix}/${at}`)).map(({ name, id }) => [name, { id }]));
  let statements: string[] = [];
  const state = await attempt(run, at, async (name) => {
    // A statement that was submitted before holds the grants. By now they may be gone with the old view.
    const known = submitted.get(name);
    if (known) return known;
    statements = await recreateStatements(run, view, replace);
    return warehouse.submit({ name, mode: 'transaction', statements, token: clientToken(name), waits: true });
  });
  if (!isTerminal(state.status)) return 'waiting';
  if (state.status !== 'FINISHED') throw stepError(run, state, at, { name: 'renew', mode: 'transaction', statements });
  return 'done';
}

async function recreateStatements({ query }: ViewGrants, view: string, replace: Step): Promise<string[]> {
  const columns = await query('column-grants', columnGrantsQuery);
  if (columns.length > 0) {
    const grants = columns.map((row) => `${row.privilege_type} (${row.column_name}) to ${row.identity_name}`);
    throw new Error(
      `view ${view} gets other columns, and has grants on single columns, which Redshift would drop: ${grants.join(', ')}. Revoke them, deploy again, and grant them again`,
    );
  }
  const granted = await query('grants', grantsQuery);
  return [`drop view if exists ${view}`, ...replace.statements, ...grantStatements(view, granted)];
}

/**
 * Explicit grants on a view, without those to its owner. For a superuser: others see only the identities that they have access to
 * (r_SVV_RELATION_PRIVILEGES).
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

/** The privileges that r_GRANT allows on a table or view. */
const grantable = ['select', 'insert', 'update', 'delete', 'drop', 'references', 'alter', 'truncate'];

/**
 * Statements that grant a recreated view to the same identities: one for each privilege, and one more for identities that may grant it on. Throws on
 * an unknown privilege or kind of identity.
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
