import type { Origin } from '../../statement';
import type { Expression, Query } from '../ast';
import type { Type } from '../types';
import type { Caster } from './cast';
import type { Context, Scope } from './scope';
import type { Value } from './value';

/** A query as it stands in parentheses or after AS. */
export interface ResolvedQuery {
  readonly sql: string;
  readonly columns: readonly ResolvedColumn[];
  /** Groupings, DISTINCT and set operations that stand one upon the other in FROM. */
  readonly groups: number;
}
export interface ResolvedColumn {
  readonly name: string;
  /** `unknown` for NULL without a type. */
  readonly type: Type;
  /** Text of a literal without a type. */
  readonly constant?: string | null;
  readonly origin?: Origin;
}

/** What resolving an expression needs; one for each clause. */
export interface Environment {
  readonly context: Context;
  readonly scope: Scope;
  readonly caster: Caster;
  /** Name of the clause for messages. */
  readonly clause: string;
  readonly aggregates: boolean;
  readonly windows: boolean;
  readonly resolve: (node: Expression, environment: Environment) => Value;
  readonly resolveQuery: (query: Query, context: Context, parent: Scope | undefined) => ResolvedQuery;
}
