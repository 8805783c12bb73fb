import { defineEnv } from '../shared/env';
import type { SearchPlan, StatementTemplate, Step } from '../shared/plan';

export const env = defineEnv(
  'ENVIRONMENT',
  'WAREHOUSE_KIND',
  'WAREHOUSE_NAME',
  'DATABASE',
  'ADMIN_SECRET_ARN',
  'OWNER_SECRET_ARN',
  'FORGET_SECRET_ARN',
  // Seconds that CloudFormation waits for one request.
  'TIMEOUT_SECONDS',
);

export const resourceType = 'Custom::WarehouseObject';

/** The registry: one row for each object of the environment, with its version and the resources that it belongs to. */
export const registryTable = 'millrace.objects';
/** The definition and the delete steps of each object, in pieces: a result row of the Data API has at most 64 kB. */
export const registryTexts = 'millrace.object_texts';
/** Longest piece. */
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
  /** The database identity that runs the statements. `admin` only creates users and grants them their privileges. */
  readonly identity: 'admin' | 'owner';
  /**
   * JSON text of `Step[]`. Placeholder for kind `owner`: `owner_password`, for kind `user`: `user_password` (a sha256 digest in Redshift's notation).
   */
  readonly create: string;
  /** JSON text of `Step[]`: deletes the object, or this version of it. */
  readonly delete: string;
  /** Tables only, JSON text of `ColumnSpec[]`: compared with the catalog if the table exists or its columns changed. */
  readonly columns?: string;
  /** Table of events only, JSON text of `FillSpec`: columns to fill once the table has them. Empty where there are none. */
  readonly fill?: string;
  /** Table of events only, JSON text of `RebuildSpec`: fills the tables of a new identity from those of the old one. */
  readonly rebuild?: string;
  /** Version of the identity that the table is for; the table's name ends with it. @default - the table is the same for every identity */
  readonly identityVersion?: string;
  /** Name of its pipeline. @default - it belongs to the environment */
  readonly pipeline?: string;
  /** What happens to it when it leaves the template, by its deletion policy. @default - unknown */
  readonly onRemoval?: OnRemoval;
  /** Kinds `pipeline` and `environment` only, JSON text: what is declared. Recorded, so that a later deployment can be compared with it. */
  readonly declaration?: string;
  /** JSON text of `ViewChecks`: checks of a new version before it is recorded and readers are switched to it. @default - no checks */
  readonly checks?: string;
  /**
   * Landing view only: a query that is run before the view replaces another one. A row says what the replacement would lose, and prevents it.
   * @default - the view replaces another one in any case
   */
  readonly unread?: string;
  /** Kind `user` only: ARN of the secret with the user's password. */
  readonly secretArn?: string;
  /** Kind `user` only, JSON text of `Step[]`: run as the new user, to prove that it can log in and has what its function begins with. */
  readonly proof?: string;
  /**
   * Kind `user` only, JSON text of `Step[]`: run as the user whenever it is created or updated. A step that fails, fails the deployment. Its name is that
   * of the file that its statements come from.
   */
  readonly trial?: string;
  /** Pipeline only: a query that counts its events (`amount`), for a pipeline that is deployed again to kept data. @default - not checked */
  readonly events?: string;
}

/**
 * Several objects as one custom resource, since each resource of a deployment costs seconds and concurrent invocations. They are created in this
 * order and deleted in reverse. `name` is the physical id: another name replaces all members.
 */
export interface WarehouseGroupProperties {
  readonly name: string;
  readonly kind: 'group';
  readonly pipeline?: string;
  /** Ids of the members. */
  readonly order: readonly string[];
  /** By an id that all versions of a member share: `Events`. Not a list, because `cdk diff` shows texts in lists with their escapes. */
  readonly members: Readonly<Record<string, WarehouseObjectProperties>>;
  readonly onRemoval?: OnRemoval;
}

/** `plan.json` beside the bundle. */
export interface WarehouseObjectPlan {
  /** Statement lists too long for properties, by the SHA-256 of their JSON text. */
  readonly texts: Readonly<Record<string, readonly StatementTemplate[]>>;
}

/** Refers to a statement list of `WarehouseObjectPlan` from a property. */
export interface StatementReference {
  readonly sha256: string;
  /** For reviewers: the number of statements, and the length of their JSON text. */
  readonly statements: number;
  readonly bytes: number;
}

/** Checks of a new version of a view. They are not part of its definition. */
export interface ViewChecks {
  /** Redshift may recompute it at every refresh. */
  readonly recomputed: boolean;
  /** The share of the previous version's rows that may be missing, 0 to 1. */
  readonly mayShrink: number;
  /** Largest allowed ratio of its rows to those of the largest relation that it reads, from 1. */
  readonly mayGrow: number;
  /** The relations that it reads, schema-qualified. */
  readonly reads: readonly string[];
  /** Refreshes it if it lacks rows: events merged after it was filled are not its definition's fault. */
  readonly upToDate: readonly Step[];
  /** Tables with one row for each merge, and with the rejected records. */
  readonly runs: string;
  readonly rejects: string;
}

export const onRemovals = ['keep', 'drop'] as const;
export type OnRemoval = (typeof onRemovals)[number];

/** `physicalIdOf` says which kinds are replaced by an edit; others are updated in place. */
export const objectKinds = [
  'owner',
  // A function's database user, with its privileges.
  'user',
  'schema',
  'external-schema',
  'table',
  'landing-view',
  'materialized-view',
  'public-view',
  // Only recorded: the declarations behind functions, schedules and roles.
  'pipeline',
  'environment',
] as const;
export type WarehouseObjectKind = (typeof objectKinds)[number];

export interface ColumnSpec {
  readonly name: string;
  /** As `svv_columns` spells it, with length or precision: `character varying(64)`, `numeric(12,2)`, `super`. */
  readonly type: string;
  /** The ALTER TABLE that adds it. */
  readonly add: string;
}

/** A column to fill for past events. */
export interface FillColumn {
  readonly name: string;
  readonly stored: string;
  /** The stored column that it replaces. @default - none */
  readonly replaces?: string;
  /** An event without a value stops the deployment. */
  readonly required: boolean;
  /** Otherwise an event that has a value in the replaced column and gets none stops the deployment. */
  readonly mayLose: boolean;
}

/**
 * A `SearchPlan` that shares statements with the batch: a number is the index of one. The batch's typing statements have the placeholders of
 * `SearchPlan.probe`, and more that select the rows.
 */
export interface BatchSearch extends Omit<SearchPlan, 'gather' | 'probe' | 'reference'> {
  readonly gather: readonly number[];
  readonly reference: readonly (number | StatementTemplate)[];
  readonly probe: readonly number[];
  /** Placeholder values for a batch, and for a piece of it (besides those of `probe`). */
  readonly batchValues: Readonly<Record<string, string>>;
  readonly pieceValues: Readonly<Record<string, string>>;
}

export interface FillSpec {
  /** The table with one row for each batch. */
  readonly table: string;
  readonly columns: readonly FillColumn[];
  /**
   * A query with one row for each stored column (`column_name`) after its first batch: `filled_until`, counts, an example id for each count, and
   * `caught_up` 1 when no batch is left.
   */
  readonly progress: string;
  /**
   * A transaction that fills the next batch. Placeholders: `replaced_<name>` of columns that replace another; `raised` (JSON text: `[{key,reason}]`),
   * ids of events that are not typed. These get no value, like events whose payload does not fit.
   */
  readonly batch: readonly StatementTemplate[];
  /** Finds the events that make a batch fail. @default - they fail the deployment */
  readonly search?: BatchSearch;
}

/** Fills the tables of a new identity from those of the old one. */
export interface RebuildSpec {
  /** The table with one row for each batch. */
  readonly table: string;
  /** The landing view that the pipeline's merge reads, without its schema. */
  readonly landing: string;
  /** The parts of an id, a JSON list; or the name of an identity without parts. */
  readonly parts: unknown;
  /** Events without an id become rejects. Otherwise they stop the deployment. */
  readonly mayReject: boolean;
  /** Columns that keep the old table's values, with types as `svv_columns` spells them. */
  readonly columns: readonly {
    readonly name: string;
    readonly stored: string;
    readonly type: string;
    /** The stored column that it replaces. @default - none */
    readonly replaces?: string;
  }[];
  /** A query with one row after the first batch, as in `FillSpec`. Placeholder: `previous_events`. */
  readonly progress: StatementTemplate;
  /**
   * A transaction that copies the next rows; `sql/objects/rebuild.ts` describes its placeholders. Events in `raised` become rejects, and so do events
   * without an id.
   */
  readonly batch: readonly StatementTemplate[];
  /** As in `FillSpec`. */
  readonly search?: BatchSearch;
}

export type { Step };
