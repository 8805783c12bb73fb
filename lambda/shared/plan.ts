/**
 * A statement compiled at synthesis. Its placeholders are filled in at run time: `{{name}}` with a quoted SQL literal, `{{name:nested}}` with a literal
 * inside a literal (the query of an UNLOAD), `{{name:identifier}}` with a delimited identifier.
 */
export type StatementTemplate = string;

/** How the statements of a step run: a single one, all in one transaction, or each in its own transaction. */
export type StepMode = 'single' | 'transaction' | 'auto-commit';

export interface Step {
  /** Short kebab-case; part of the statement's name. */
  readonly name: string;
  readonly mode: StepMode;
  readonly statements: readonly StatementTemplate[];
  /** If the step fails, the run reports it and continues. @default false */
  readonly mayFail?: boolean;
  /** Steps of warehouse objects only: a query. The step has nothing to do if it returns a row. */
  readonly unless?: StatementTemplate;
  /** Steps of warehouse objects only: if the query returns a row, the object fails with the message. */
  readonly refusedIf?: { readonly query: StatementTemplate; readonly message: string };
}

/** Part of the names of a function's statements. */
export const purposes = ['refresh', 'export', 'load', 'reconcile', 'endpoint'] as const;
export type Purpose = (typeof purposes)[number];

/** Statements of a function are named `millrace/<environment>/<pipeline>/<purpose>/<run id>/<step>/<attempt>`. */
export const statementNamePrefix = (environment: string, pipeline: string, purpose: Purpose) =>
  `millrace/${environment}/${pipeline}/${purpose}/`;

/**
 * How to find the rows that make a statement fail. Rows have a key; equal rows have the same key. The search divides the rows into pieces by key,
 * types each piece separately, and divides a piece that fails further.
 */
export interface SearchPlan {
  /** Create the temporary table of the rows to search, with `row_key`. No content of a record may make them fail. */
  readonly gather: readonly StatementTemplate[];
  /**
   * Creates the table of pieces, from the rows within `ranges`: `fanout` pieces, numbered from 1. Placeholders: `fanout`, `ranges` (JSON text:
   * `[{first,last}]`).
   */
  readonly divide: StatementTemplate;
  /** Creates the table of pieces: those of `ranges` (JSON text: `[{piece,first,last}]`), and piece 0 with all other rows. */
  readonly assign: StatementTemplate;
  /** Rows `piece, row_count, key_count, first_key, last_key` for the pieces from 0. */
  readonly pieces: StatementTemplate;
  /**
   * Type the rows of a piece like the failed step, each statement into its own temporary table. Placeholders: `piece`, `probe_table`, and with several
   * statements `probe_table_1` and so on. After one fails, the next ones may fail because its table is missing.
   */
  readonly probe: readonly StatementTemplate[];
  /** Prefix of the names of these tables. The number of the piece in the batch follows. */
  readonly probeTable: string;
  /** Like `gather`, for rows that can be typed: earlier rows, or one without attributes. @default - there are none */
  readonly reference?: readonly StatementTemplate[];
  /** Number of pieces of a division, at least 2. */
  readonly fanout: number;
}

/** Begins the reason of a reject that made a statement fail. */
export const raisedPrefix = 'raised: ';
/** Hour (UTC) from which on a full pass is due, once a day: at night in Europe and America. Other passes cover only what changed. */
export const defaultFullPassHour = 2;
