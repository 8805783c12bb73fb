import type { Step, StepMode } from '../../lambda/shared/plan';
import type { CostChange } from '../cost/cost';
import type { Manifest } from '../dbt/manifest';
import type { ReadRelation } from '../dbt/relations';
import type { DbtPlan } from './dbt-plan';
import type { Facts } from './facts';
import type { ObjectState } from './state';

/**
 * - `unchanged`: nothing runs.
 * - `added`: created; nothing that exists is touched.
 * - `online`: changed in place while everybody reads.
 * - `rebuild`: a new version is filled beside the old one before readers see it.
 * - `refused`: would destroy data, or cannot be done.
 * - `removed`: leaves the template.
 */
export const actions = ['refused', 'rebuild', 'removed', 'online', 'added', 'unchanged'] as const;
export type Action = (typeof actions)[number];

export interface Estimate {
  /** Rows to be read; null if no warehouse was asked. */
  readonly rows: number | null;
  /** True if its sources hold everything that the old version had; null if no warehouse was asked. */
  readonly complete: boolean | null;
}

export interface Change {
  /** `view estore.hourly_views`. */
  readonly object: string;
  readonly pipeline: string | null;
  readonly action: Action;
  /** One sentence. */
  readonly summary: string;
  /** One sentence each: why it is safe or not, what readers see, what to do. */
  readonly notes: readonly string[];
  /** Set for a rebuild. */
  readonly estimate?: Estimate;
  /** Set for a removed object that stays in the warehouse. */
  readonly kept?: boolean;
  /** Set for a view whose definition is known: its query on each side, null where there is no such view. */
  readonly query?: { readonly before: string | null; readonly after: string | null };
}

export interface PlannedStep {
  readonly object: string;
  /** `update`: rolled back if the deployment fails. `cleanup`: runs after everything else succeeded. */
  readonly when: 'update' | 'cleanup';
  /** Database user that runs the step. */
  readonly as: 'admin' | 'owner';
  readonly name: string;
  readonly mode: StepMode;
  /**
   * As in the template. `{{run_id}}` and other placeholders are filled in at run time. Null if the statements are not
   * available.
   */
  readonly statements: readonly string[] | null;
}

/** Something that no deployment of this tree fixes, or that it would meet. */
export interface Problem {
  readonly object: string;
  readonly problem: string;
  readonly advice: string;
  /** True if it must be fixed first. */
  readonly stops: boolean;
}

export interface Plan {
  readonly environment: string;
  /** What the tree was compared with. */
  readonly comparedWith: string;
  readonly changes: readonly Change[];
  readonly steps: readonly PlannedStep[];
  readonly problems: readonly Problem[];
  /** Undefined if the other side has no whole templates, or a side has a resource without a price. */
  readonly costs?: CostChange;
  /** Set if a manifest of dbt was given. */
  readonly dbt?: DbtPlan;
}

/** Both sides of one thing. A view has its materialized view and its public name on each side. */
export interface Pair {
  readonly label: string;
  readonly before: readonly ObjectState[];
  readonly after: readonly ObjectState[];
}

/** Both sides of the comparison, and the facts about the data. */
export interface Sides {
  readonly before: readonly ObjectState[];
  readonly after: readonly ObjectState[];
  /** Undefined offline. */
  readonly facts?: Facts;
  /** A dbt project, and what people may read in this tree. @default - none */
  readonly dbt?: { readonly manifest: Manifest; readonly relations: ReadonlyMap<string, ReadRelation> };
}

/** The planned changes and steps of one pair. */
export interface Outcome {
  readonly changes: readonly Change[];
  readonly steps: readonly PlannedStep[];
}

export const pipelineOf = (states: readonly ObjectState[]) => states[0]?.pipeline ?? null;

export const plannedSteps = (
  label: string,
  when: PlannedStep['when'],
  { identity }: Pick<ObjectState, 'identity'>,
  steps: readonly Step[] | undefined,
): PlannedStep[] =>
  steps === undefined
    ? [{ object: label, when, as: identity, name: 'not recorded', mode: 'single', statements: null }]
    : steps.map(({ name, mode, statements }) => ({ object: label, when, as: identity, name, mode, statements }));
