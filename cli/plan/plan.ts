import type { Step, StepMode } from '../../lambda/shared/plan';
import type { Facts } from './facts';
import type { ObjectState } from './state';

/**
 * - `unchanged`: nothing runs.
 * - `added`: created; nothing that is there is touched.
 * - `online`: changed in place while everybody reads.
 * - `rebuild`: a new version is filled beside the old one before readers see it.
 * - `refused`: would destroy data, or cannot be done.
 * - `removed`: leaves the template.
 */
export const actions = ['refused', 'rebuild', 'removed', 'online', 'added', 'unchanged'] as const;
export type Action = (typeof actions)[number];

export interface Estimate {
  /** Rows to be read; null where nobody could be asked. */
  readonly rows: number | null;
  /** Whether what it is built from holds everything that the old version had; null where nobody could be asked. */
  readonly complete: boolean | null;
}

export interface Change {
  /** `view estore.hourly_views`. */
  readonly object: string;
  readonly pipeline: string | null;
  readonly action: Action;
  /** One sentence. */
  readonly summary: string;
  /** Why it is safe or not, what readers see, what to do: a sentence each. */
  readonly notes: readonly string[];
  /** Of a rebuild. */
  readonly estimate?: Estimate;
  /** Of what is removed: it stays in the warehouse. */
  readonly kept?: boolean;
}

export interface PlannedStep {
  readonly object: string;
  /** `update`: a failure takes it back. `cleanup`: when everything else has succeeded. */
  readonly when: 'update' | 'cleanup';
  /** The database identity. */
  readonly as: 'admin' | 'owner';
  readonly name: string;
  readonly mode: StepMode;
  /** As in the template: `{{run_id}}` and the like are filled in when they run. Null where they are not at hand. */
  readonly statements: readonly string[] | null;
}

/** Something that no deployment of this tree mends, or that it would meet on its way. */
export interface Problem {
  readonly object: string;
  readonly problem: string;
  readonly advice: string;
  /** Whether it has to be mended first. */
  readonly stops: boolean;
}

export interface Plan {
  readonly environment: string;
  /** What the tree was compared with. */
  readonly comparedWith: string;
  readonly changes: readonly Change[];
  readonly steps: readonly PlannedStep[];
  readonly problems: readonly Problem[];
}

/** The two sides of one thing: a view has its materialized view and its public name in each. */
export interface Pair {
  readonly label: string;
  readonly before: readonly ObjectState[];
  readonly after: readonly ObjectState[];
}

/** What is compared, and what is known of the data. */
export interface Sides {
  readonly before: readonly ObjectState[];
  readonly after: readonly ObjectState[];
  /** Undefined offline. */
  readonly facts?: Facts;
}

/** What one pair comes to. */
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
