import type { Principal } from 'aws-local-kit';
import { conditionHolds } from './conditions';
import {
  arnMatches,
  type Context,
  expand,
  principalExcepted,
  principalMatch,
  UndecidableCondition,
  wildcardMatches,
} from './match';
import type { Statement } from './policy';

export interface EvaluationRequest {
  readonly principal: Principal;
  readonly action: string;
  readonly resource: string;
  readonly context: Context;
}

/**
 * Result of evaluating a set of statements:
 * - `allow`: the principal itself is allowed
 * - `delegated`: the principal's account is allowed, and the account's own policies decide
 * - `none`: no statement applies
 * - `deny`: the request is denied, with the reason
 */
export type Verdict =
  | { readonly effect: 'allow' | 'delegated' | 'none' }
  | { readonly effect: 'deny'; readonly reason: string };

/**
 * Evaluates the statements of one kind of policy. An explicit deny wins. A condition that cannot be decided is a deny.
 */
export function evaluate(statements: readonly Statement[], request: EvaluationRequest, policy: string): Verdict {
  let effect: 'allow' | 'delegated' | 'none' = 'none';
  for (const statement of statements) {
    const name = statement.sid ? ` "${statement.sid}"` : '';
    try {
      const match = statementMatch(statement, request);
      if (!match) continue;
      if (statement.effect === 'Deny') return { effect: 'deny', reason: `an explicit deny${name} in ${policy}` };
      if (match === 'direct') effect = 'allow';
      else if (effect === 'none') effect = 'delegated';
    } catch (error) {
      if (!(error instanceof UndecidableCondition)) throw error;
      return { effect: 'deny', reason: `statement${name} of ${policy} cannot be evaluated: ${error.message}` };
    }
  }
  return { effect };
}

/** The action and resource patterns by which a statement allows the request. Undefined if it does not allow it. */
export function grantedBy(
  statement: Statement,
  request: EvaluationRequest,
): { readonly action: string; readonly resource: string } | undefined {
  if (statement.effect !== 'Allow' || !statement.actions || !statement.resources) return undefined;
  if (!statementMatch(statement, request)) return undefined;
  const action = statement.actions.find((pattern) => wildcardMatches(pattern, request.action, true));
  const resource = statement.resources.find((pattern) =>
    resourceMatches({ ...statement, resources: [pattern] }, request),
  );
  return action === undefined || resource === undefined ? undefined : { action, resource };
}

function statementMatch(statement: Statement, request: EvaluationRequest): 'direct' | 'account' | undefined {
  const whom = whomOf(statement, request.principal);
  if (!whom || !actionMatches(statement, request.action) || !resourceMatches(statement, request)) return undefined;
  const holds = statement.conditions.every((condition) =>
    conditionHolds(condition, request.context, statement.variables),
  );
  return holds ? whom : undefined;
}

function whomOf({ principal, notPrincipal }: Statement, caller: Principal): 'direct' | 'account' | undefined {
  if (notPrincipal) return principalExcepted(notPrincipal, caller) ? undefined : 'direct';
  return principal ? principalMatch(principal, caller) : 'direct';
}

function actionMatches(statement: Statement, action: string): boolean {
  if (statement.actions) return statement.actions.some((pattern) => wildcardMatches(pattern, action, true));
  return !statement.notActions!.some((pattern) => wildcardMatches(pattern, action, true));
}

function resourceMatches(statement: Statement, request: EvaluationRequest): boolean {
  const matches = (pattern: string) => {
    if (pattern === '*') return true;
    const pieces = expand(pattern, statement.variables, request.context);
    return pieces !== undefined && arnMatches(pieces, request.resource);
  };
  if (statement.resources) return statement.resources.some(matches);
  if (statement.notResources) return !statement.notResources.some(matches);
  return true;
}
