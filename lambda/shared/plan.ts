/**
 * Statements compiled at synthesis. A statement may hold placeholders, filled in at run time:
 * `{{name}}` becomes a quoted SQL literal, `{{name:nested}}` one inside a literal (the query of an UNLOAD), `{{name:identifier}}` a
 * delimited identifier.
 */
export type StatementTemplate = string;

/** How the statements of a step are submitted: one by itself, all or nothing, or each committed for itself. */
export type StepMode = 'single' | 'transaction' | 'auto-commit';

export interface Step {
  /** Short kebab-case; part of the statement's name. */
  readonly name: string;
  readonly mode: StepMode;
  readonly statements: readonly StatementTemplate[];
}

/** What a function's statements are for. */
export const purposes = ['refresh', 'export', 'load', 'reconcile'] as const;
export type Purpose = (typeof purposes)[number];

/** Statements of a function are named `millrace/<environment>/<pipeline>/<purpose>/<run id>/<step>/<attempt>`. */
export const statementNamePrefix = (environment: string, pipeline: string, purpose: Purpose) =>
  `millrace/${environment}/${pipeline}/${purpose}/`;
