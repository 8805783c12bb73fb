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
  /** The run goes on when the step has failed, which it reports. @default false */
  readonly mayFail?: boolean;
}

/** What a function's statements are for. */
export const purposes = ['refresh', 'export', 'load', 'reconcile'] as const;
export type Purpose = (typeof purposes)[number];

/** Statements of a function are named `millrace/<environment>/<pipeline>/<purpose>/<run id>/<step>/<attempt>`. */
export const statementNamePrefix = (environment: string, pipeline: string, purpose: Purpose) =>
  `millrace/${environment}/${pipeline}/${purpose}/`;

/**
 * How to find the rows that make a statement fail. The rows have a key, of which equal rows have the same. The search divides the rows into
 * pieces by key and types each piece by itself; a piece that fails is divided further.
 */
export interface SearchPlan {
  /** Make the temporary table of the rows that are searched, with `row_key`. They must not fail by what a record holds. */
  readonly gather: readonly StatementTemplate[];
  /** Makes the table of pieces: `fanout` of them, from 1, of the rows within `ranges`. Placeholder: `ranges` (JSON text: `[{first,last}]`). */
  readonly divide: StatementTemplate;
  /** Makes the table of pieces: those of `ranges` (JSON text: `[{piece,first,last}]`), and piece 0, all other rows. */
  readonly assign: StatementTemplate;
  /** Rows `piece, row_count, key_count, first_key, last_key` of the pieces from 0. */
  readonly pieces: StatementTemplate;
  /**
   * Type the rows of a piece, as the step does that failed, each into a temporary table of its own. Placeholders: `piece`, `probe_table`, and of
   * several statements `probe_table_1` and so on. Where one fails, those after it may fail for want of its table.
   */
  readonly probe: readonly StatementTemplate[];
  /** What the names of these tables begin with: the number of the piece in the batch follows. */
  readonly probeTable: string;
  /** In place of `gather`: rows that can be typed, those of before or one without attributes. @default - there are none */
  readonly reference?: readonly StatementTemplate[];
  /** Pieces of one division, at least 2. */
  readonly fanout: number;
}

/** What the reason of a record begins with that made a statement fail. */
export const raisedPrefix = 'raised: ';
/** From this hour (UTC) on, what is else bounded by what changed is looked at as a whole, once a day: at night in Europe and America. */
export const defaultFullPassHour = 2;
