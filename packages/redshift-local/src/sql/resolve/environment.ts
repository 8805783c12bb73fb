import type { Origin } from '../../statement';
import type { Expression, Query } from '../ast';
import type { Type } from '../types';
import type { Caster } from './cast';
import type { Context, Scope } from './scope';
import type { Value } from './value';

/** A resolved query, as written in parentheses or after AS. */
export interface ResolvedQuery {
  readonly sql: string;
  readonly columns: readonly ResolvedColumn[];
  /** Number of groupings, DISTINCTs and set operations that are nested in FROM. */
  readonly groups: number;
}
export interface ResolvedColumn {
  readonly name: string;
  /** `unknown` for an untyped NULL. */
  readonly type: Type;
  /** Text of an untyped literal. */
  readonly constant?: string | null;
  readonly origin?: Origin;
}

/** What is needed to resolve an expression. Each clause has its own environment. */
export interface Environment {
  readonly context: Context;
  readonly scope: Scope;
  readonly caster: Caster;
  /** Name of the clause for error messages. */
  readonly clause: string;
  readonly aggregates: boolean;
  readonly windows: boolean;
  readonly resolve: (node: Expression, environment: Environment) => Value;
  readonly resolveQuery: (query: Query, context: Context, parent: Scope | undefined) => ResolvedQuery;
}
