import type { Step } from '../shared/plan';
import { clientToken } from '../shared/statement';
import { isPassing, isTerminal, type Row } from '../shared/warehouse';
import { columnGrantsQuery, grantStatements, grantsQuery } from './grants';
import { attempt, failure, submit, type Walk, type WalkResult } from './walk';

export interface ViewGrants {
  /** Runs one of the queries over grants where all of them are seen. */
  readonly ask: (what: string, queryOf: typeof grantsQuery) => Promise<Row[]>;
}

/**
 * Gives a public name its new definition. The step is one CREATE OR REPLACE VIEW. Redshift takes it where the columns stay the same, and
 * then keeps what was granted; otherwise the view is dropped, created and granted anew in one transaction. Either way readers see the
 * old definition until they see the new one.
 */
export async function switchView(host: Walk & ViewGrants, view: string, replace: Step): Promise<WalkResult> {
  const state = await submit(host, '0', replace);
  if (!isTerminal(state.status)) return 'waiting';
  if (state.status === 'ABORTED' || (state.status === 'FAILED' && isPassing(state)))
    throw failure(host, state, '0', replace);
  return state.status === 'FAILED' ? renew(host, view, replace) : 'done';
}

async function renew(host: Walk & ViewGrants, view: string, replace: Step): Promise<WalkResult> {
  const { warehouse, namePrefix } = host;
  const at = '0-renew';
  const begun = new Map((await warehouse.list(`${namePrefix}/${at}`)).map(({ name, id }) => [name, id]));
  let statements: string[] = [];
  const state = await attempt(host, at, async (name) => {
    // What was submitted has the grants from before it, which may be gone by now.
    const known = begun.get(name);
    if (known) return known;
    statements = await renewal(host, view, replace);
    return warehouse.submit({ name, mode: 'transaction', statements, token: clientToken(name) });
  });
  if (!isTerminal(state.status)) return 'waiting';
  if (state.status !== 'FINISHED') throw failure(host, state, at, { name: 'renew', mode: 'transaction', statements });
  return 'done';
}

async function renewal({ ask }: ViewGrants, view: string, replace: Step): Promise<string[]> {
  const columns = await ask('column-grants', columnGrantsQuery);
  if (columns.length > 0) {
    const grants = columns.map((row) => `${row.privilege_type} (${row.column_name}) to ${row.identity_name}`);
    throw new Error(
      `view ${view} gets other columns, and has grants on single columns, which Redshift would drop: ${grants.join(', ')}. Revoke them, deploy again and grant them anew`,
    );
  }
  return [
    `drop view if exists ${view}`,
    ...replace.statements,
    ...grantStatements(view, await ask('grants', grantsQuery)),
  ];
}
