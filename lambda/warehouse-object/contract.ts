import { defineEnv } from '../shared/env';
import type { SearchPlan, StatementTemplate, Step } from '../shared/plan';

export const env = defineEnv(
  'ENVIRONMENT',
  'WAREHOUSE_KIND',
  'WAREHOUSE_NAME',
  'DATABASE',
  'ADMIN_SECRET_ARN',
  'OWNER_SECRET_ARN',
  // How long CloudFormation waits for one request, in seconds.
  'TIMEOUT_SECONDS',
);

export const resourceType = 'Custom::WarehouseObject';

/** Where every object of the environment is recorded, with its version and the resources that it belongs to; in the schema `millrace`. */
export const registryTable = 'millrace.objects';
/** What makes each of them and what removes it, in pieces: a result row of the Data API has at most 64 kB. */
export const registryTexts = 'millrace.object_texts';
/** Bytes of a piece. */
export const textPieceBytes = 16_000;

/**
 * One object of the warehouse. Structured values travel as JSON text, because CloudFormation
 * turns every number and boolean on the way to a custom resource into a string.
 */
export interface WarehouseObjectProperties {
  /** Schema-qualified name, as in `estore.events`. */
  readonly name: string;
  readonly kind: WarehouseObjectKind;
  /** Hash of the normalized definition. */
  readonly version: string;
  /** Who runs the statements: `admin` creates the owner identity and nothing else. */
  readonly identity: 'admin' | 'owner';
  /** JSON text of `Step[]`. Placeholder for kind `owner`: `owner_password` (a sha256 digest in Redshift's notation). */
  readonly create: string;
  /** JSON text of `Step[]`, run when the object or this version of it goes. */
  readonly delete: string;
  /** JSON text of `ColumnSpec[]`, for tables: compared with the catalog when the table exists already or its columns changed. */
  readonly columns?: string;
  /** JSON text of `FillSpec`, for the table of events: what is filled once the table has its columns. Empty where nothing is. */
  readonly fill?: string;
  /** JSON text of `RebuildSpec`, for the table of events: how the books are filled when they take the place of others. */
  readonly rebuild?: string;
  /** Of a table of the books: the version of the identity that they are for, which its name ends with. @default - it is none of them */
  readonly books?: string;
  /** The pipeline that it belongs to. @default - the environment itself */
  readonly pipeline?: string;
  /** What happens to it when it leaves the template, as the deletion policy says. @default - not told */
  readonly onRemoval?: OnRemoval;
  /** JSON text of what is declared, for the kinds `pipeline` and `environment`: recorded, so that a later deployment can be compared with it. */
  readonly declaration?: string;
  /** JSON text of `ViewChecks`: what a new version has to stand before it is recorded, and readers are switched to it. @default - nothing */
  readonly checks?: string;
  /**
   * Of a landing view: the query that `sql/merge/gaps.ts` makes, asked before the view takes the place of another one. A row is a reason not to.
   * @default - nothing is asked
   */
  readonly unread?: string;
  /** Of a pipeline: the query that counts its events (`amount`), asked when it comes back to data that was kept. @default - nothing is asked */
  readonly events?: string;
}

/**
 * Objects that are one custom resource, because each resource of a deployment costs seconds and concurrent invocations. They are created in this
 * order and deleted in the reverse one. `name` is the physical id: another one replaces all members.
 */
export interface WarehouseGroupProperties {
  readonly name: string;
  readonly kind: 'group';
  readonly pipeline?: string;
  /** Ids of the members. */
  readonly order: readonly string[];
  /** By an id that is the same for every version of the member: `Events`. No list, because `cdk diff` shows texts inside of lists with their escapes. */
  readonly members: Readonly<Record<string, WarehouseObjectProperties>>;
  readonly onRemoval?: OnRemoval;
}

/** What the function carries beside the properties of its objects. */
export interface WarehouseObjectPlan {
  /** Lists of statements by the SHA-256 of their JSON text. */
  readonly texts: Readonly<Record<string, readonly StatementTemplate[]>>;
}

/** In a property, the place of a list of statements that the function carries. */
export interface StatementReference {
  readonly sha256: string;
  /** How many they are, and how many bytes their JSON text has: for reviewers. */
  readonly statements: number;
  readonly bytes: number;
}

/** What is asked of a new version of a view. Nothing of it is part of the definition. */
export interface ViewChecks {
  /** Redshift may compute it anew at every refresh. */
  readonly recomputed: boolean;
  /** The share of the rows of the version before it that it may lack, 0 to 1. */
  readonly mayShrink: number;
  /** How many times the rows of the largest relation below it it may have, from 1. */
  readonly mayGrow: number;
  /** The relations that it reads, schema-qualified. */
  readonly reads: readonly string[];
  /** What brings it up to date where it lacks rows: flow that went on after it was filled is no fault of its definition. */
  readonly upToDate: readonly Step[];
  /** The table with one row for each merge, and that of what merges rejected. */
  readonly runs: string;
  readonly rejects: string;
}

export const onRemovals = ['keep', 'drop'] as const;
export type OnRemoval = (typeof onRemovals)[number];

/** A versioned object has its version in its physical id, so that an edit is a replacement; others are updated in place. */
export const objectKinds = [
  'owner',
  'schema',
  'external-schema',
  'table',
  'landing-view',
  'materialized-view',
  'public-view',
  // Recorded and nothing else: what functions, schedules and roles are made of.
  'pipeline',
  'environment',
] as const;
export type WarehouseObjectKind = (typeof objectKinds)[number];

export interface ColumnSpec {
  readonly name: string;
  /** As `svv_columns` spells it: data_type, and length or precision where it has one; `character varying(64)`, `numeric(12,2)`, `super`. */
  readonly type: string;
  /** The ALTER TABLE that adds it to a table that lacks it. */
  readonly add: string;
}

/** A column to fill for the events that are there. */
export interface FillColumn {
  readonly name: string;
  readonly stored: string;
  /** The stored column that it takes the place of. @default - none */
  readonly replaces?: string;
  /** An event that gets no value stops the deployment. */
  readonly required: boolean;
  /** So does one that has a value in the replaced column and gets none, unless this is true. */
  readonly mayLose: boolean;
}

/**
 * A `SearchPlan` of which a number is a statement of the batch, from 0: the batch gathers and types the same rows. Its typing statements have the
 * placeholders of `SearchPlan.probe`, and more that say which rows it types.
 */
export interface BatchSearch extends Omit<SearchPlan, 'gather' | 'probe' | 'reference'> {
  readonly gather: readonly number[];
  readonly reference: readonly (number | StatementTemplate)[];
  readonly probe: readonly number[];
  /** What fills the placeholders for a batch, and, but for those of `probe`, for a piece of it. */
  readonly batchValues: Readonly<Record<string, string>>;
  readonly pieceValues: Readonly<Record<string, string>>;
}

export interface FillSpec {
  /** Where the batches are written down. */
  readonly table: string;
  readonly columns: readonly FillColumn[];
  /** One row a stored column, `column_name`, once there was a batch: `filled_until`, counts, an id of each kind, and 1 as `caught_up` when no batch is left. */
  readonly progress: string;
  /**
   * A transaction that fills the next batch. Placeholders: `replaced_<name>` of columns that take another's place; `raised` (JSON text:
   * `[{key,reason}]`), ids of events that are not typed: they get no value, as those whose payload does not fit.
   */
  readonly batch: readonly StatementTemplate[];
  /** Finds the events that make a batch fail. @default - they fail the deployment */
  readonly search?: BatchSearch;
}

/** How the books of a pipeline are filled from those of another identity. */
export interface RebuildSpec {
  /** Where the batches are written down. */
  readonly table: string;
  /** The landing view that the new books will read, without its schema. */
  readonly landing: string;
  /** What an id is made of: a list of parts, JSON, or the name of a way that has none. */
  readonly parts: unknown;
  /** Events that get no id become rejects instead of stopping the deployment. */
  readonly mayReject: boolean;
  /** Columns whose values stay where the table before has them, each with its type as `svv_columns` spells it. */
  readonly columns: readonly {
    readonly name: string;
    readonly stored: string;
    readonly type: string;
    /** The stored column that it takes the place of. @default - none */
    readonly replaces?: string;
  }[];
  /** One row once there was a batch, as of `FillSpec`. Placeholder: `previous_events`. */
  readonly progress: StatementTemplate;
  /** A transaction that takes the next rows over; `sql/objects/rebuild.ts` has its placeholders. Those of `raised` become rejects, as do events that get no id. */
  readonly batch: readonly StatementTemplate[];
  /** As of `FillSpec`. */
  readonly search?: BatchSearch;
}

export type { Step };
