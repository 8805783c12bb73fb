/**
 * - `breaks`: reads what is gone. `may break`: names what has another type, or its columns cannot be seen.
 * - `changes`: selects all columns, so its result changes.
 * - `downstream`: built on what breaks.
 * - `rewritten`: `dbt init` rewrites or removes it.
 */
export const effects = ['breaks', 'may break', 'changes', 'downstream', 'rewritten'] as const;
export type Effect = (typeof effects)[number];

export interface DbtImpact {
  /** `model sales_by_day`. */
  readonly node: string;
  readonly file: string;
  readonly effect: Effect;
  /** Without a full stop: `names amount, which shop.events loses`. */
  readonly reasons: readonly string[];
}

export interface DbtPlan {
  readonly manifest: string;
  readonly impacts: readonly DbtImpact[];
  /** One sentence each. */
  readonly notSeen: readonly string[];
}
