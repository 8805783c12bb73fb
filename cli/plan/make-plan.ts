import type { EnvironmentDeclaration } from '../../environments/declaration';
import { normalizeDefinition } from '../../sql/names';
import { plural } from '../terminal';
import { dbtPlan, deployedRelations } from './dbt';
import { environmentOutcome, pipelineOutcome } from './declarations';
import { withQueries } from './definitions';
import { existingChanges } from './existing';
import { landingOutcome } from './landing';
import { unchangedOutcome } from './phrases';
import {
  type Change,
  type Outcome,
  type Pair,
  type Plan,
  type PlannedStep,
  type Problem,
  pipelineOf,
  plannedSteps,
  type Sides,
} from './plan';
import { isRebuilt } from './rebuild';
import {
  estimateOf,
  otherOutcome,
  physical,
  recomputeNotes,
  rowsNote,
  sourceNotes,
  tableOutcome,
  viewOutcome,
} from './relations';
import { baseName, labelOf, type ObjectState, statementsOf } from './state';

/** Compares what is deployed with the tree, and plans what a deployment would do. */
export function makePlan(
  environment: string,
  comparedWith: string,
  sides: Sides,
  problems: readonly Problem[] = [],
): Plan {
  const outcomes = pairsOf(sides).map((pair) => outcomeOf(pair, sides));
  const changes = withQueries(
    renames(
      outcomes.flatMap((outcome) => outcome.changes),
      sides,
    ),
    sides,
  );
  const refused = new Set(changes.filter(({ action }) => action === 'refused').map(({ object }) => object));
  const steps = [
    ...outcomes.flatMap((outcome) => outcome.steps),
    ...cleanup(sides).filter(({ object }) => !refused.has(object)),
  ];
  return {
    environment,
    comparedWith,
    changes,
    steps,
    problems: [...problems, ...conflicts(sides)],
    ...(sides.dbt && { dbt: dbtPlan(sides.dbt.manifest, deployedRelations(sides.before), sides.dbt.relations) }),
  };
}

/** Finds problems between objects: a name that two kinds need, and dropped tables of a pipeline that stays. */
function conflicts(sides: Sides): Problem[] {
  const { before, after } = sides;
  const named = (name: string, states: readonly ObjectState[]) =>
    states.some((state) => state.kind === 'pipeline' && state.name === name);
  const relation = ({ name }: ObjectState) => name.includes('.');
  const taken = after.filter(relation).flatMap((state) => {
    const other = before.find(({ name, kind }) => name === state.name && kind !== state.kind);
    return other
      ? [
          {
            object: labelOf(state),
            problem: `Its name belongs to the ${labelOf(other)} that is deployed.`,
            advice: 'Rename what is deployed by hand first, with its data.',
            stops: true,
          },
        ]
      : [];
  });
  const lost = before
    .filter(
      (state) =>
        state.kind === 'table' &&
        !isKept(state) &&
        !after.some((other) => (other.kind === 'table' && other.name === state.name) || isRebuilt(state, other)),
    )
    .filter(({ pipeline = '' }) => named(pipeline, after))
    .map((state) => ({
      object: labelOf(state),
      problem: `It would be dropped with its rows, although the pipeline ${state.pipeline} stays.`,
      advice: 'Move its rows by hand first, or deploy retainData: true, which keeps it.',
      stops: true,
    }));
  return [...taken, ...lost];
}

/** Pairs both sides of each object, in the order of creation. Removed objects come last. */
function pairsOf({ before, after }: Sides): Pair[] {
  const labels = new Set([...after, ...before].map(labelOf));
  return [...labels].map((label) => ({
    label,
    before: before.filter((state) => labelOf(state) === label),
    after: after.filter((state) => labelOf(state) === label),
  }));
}

function outcomeOf(pair: Pair, sides: Sides): Outcome {
  if (pair.before.length === 0) return addedOutcome(pair, sides);
  if (pair.after.length === 0) return removedOutcome(pair, sides);
  switch (pair.after[0]!.kind) {
    case 'materialized-view':
    case 'public-view':
      return viewOutcome(pair, sides);
    case 'landing-view':
      return landingOutcome(pair, sides);
    case 'table':
      return tableOutcome(pair, sides);
    case 'pipeline':
      return pipelineOutcome(pair, sides);
    case 'environment':
      return environmentOutcome(pair, sides);
    default:
      return otherOutcome(pair);
  }
}

function addedOutcome({ label, after }: Pair, sides: Sides): Outcome {
  const view = physical(after);
  const [{ kind, name }] = after as [ObjectState];
  const known = kind === 'pipeline' && sides.before.some((state) => state.pipeline === name);
  const change: Change = {
    object: label,
    pipeline: kind === 'pipeline' ? name : pipelineOf(after),
    action: 'added',
    summary: known
      ? 'Its declaration is recorded for the first time: changes of exports, schedules and columns are not known yet.'
      : 'It is new.',
    notes: view ? [...sourceNotes(view, sides), ...recomputeNotes(view, sides)] : [],
    ...(view && { estimate: estimateOf(view, sides) }),
  };
  const changes = kind === 'environment' ? [change, ...firstUses(after[0]!)] : [change];
  return { changes, steps: after.flatMap((state) => plannedSteps(label, 'update', state, state.create)) };
}

/** What a first deployment uses and did not make. */
function firstUses({ declaration }: ObjectState): Change[] {
  const { existing } = declaration as EnvironmentDeclaration;
  return existingChanges({}, existing, (object, action, summary, ...notes) => ({
    object,
    pipeline: null,
    action,
    summary,
    notes,
  }));
}

function removedOutcome({ label, before }: Pair, sides: Sides): Outcome {
  const [{ kind, name, pipeline }] = before as [ObjectState];
  const kept = before.every(isKept);
  if (kept && wasRemoved(pipeline, sides)) {
    const [change] = unchangedOutcome(label, before).changes;
    return {
      changes: [{ ...change!, kept, summary: `Kept from the pipeline ${pipeline}, which was removed before.` }],
      steps: [],
    };
  }
  const change: Change = {
    object: label,
    pipeline: kind === 'pipeline' ? name : pipelineOf(before),
    action: 'removed',
    kept,
    summary: removalSummary(kind, kept),
    notes: removalNotes(before[0]!, kept, sides),
  };
  return { changes: [change], steps: [] };
}

/** True if the deployed environment no longer runs the pipeline. */
function wasRemoved(pipeline: string | undefined, { before }: Sides): boolean {
  const environment = before.find(({ kind }) => kind === 'environment')?.declaration as
    | Partial<EnvironmentDeclaration>
    | undefined;
  return pipeline !== undefined && environment?.pipelines?.includes(pipeline) === false;
}

const isKept = ({ onRemoval }: ObjectState) => onRemoval === 'keep';

function removalSummary(kind: ObjectState['kind'], kept: boolean): string {
  if (kind === 'pipeline') return 'It is removed with its functions and schedules.';
  if (kept) return 'It leaves the template and stays in the warehouse.';
  return 'It is dropped.';
}

/** Order of stacks in a removal. */
const stacksInOrder =
  'In AWS, deploy the pipelines stack first, by itself: the data stack cannot remove what the pipelines stack still reads.';

function removalNotes({ kind, name, pipeline }: ObjectState, kept: boolean, sides: Sides): string[] {
  if (kept && kind === 'public-view') return ['Readers still find the existing rows; no rows are added.'];
  if (kind === 'materialized-view' || kind === 'public-view')
    return [
      'Queries that name it fail from then on.',
      ...(sides.before.some((state) => state.pipeline === pipeline && state.kind === 'table' && !isKept(state)) &&
      !sides.after.some((state) => state.pipeline === pipeline)
        ? []
        : ['It can be built again from the events at any time.']),
    ];
  if (kind === 'pipeline') {
    const tables = sides.before.filter((state) => state.pipeline === name && state.kind === 'table');
    const rows = tables.reduce((sum, table) => sum + (sides.facts?.rows.get(table.name) ?? 0), 0);
    const amount = `${plural(tables.length, 'table')}${sides.facts ? ` with ${plural(rows, 'row')}` : ''}`;
    return tables.every(isKept)
      ? [
          `Its data stays: ${amount}, and its stream. To drop them, deploy dropData: ['${name}'] in the environment with the pipeline still there, then remove it.`,
          'Records that are not merged by then, or arrive later, are never merged.',
          stacksInOrder,
          `A stream that stays keeps its name: it has to be deleted or imported before a pipeline ${name} can be added again.`,
        ]
      : [
          `Its data is dropped for good: ${amount}, and its stream. The template deployed last says so (retainData, dropData).`,
          stacksInOrder,
        ];
  }
  if (kind !== 'table') return [];
  const rows = rowsNote(name, sides);
  return kept
    ? [...rows, 'Nothing writes to it from then on.']
    : [...rows, 'They are dropped with it, for good.'].slice(rows.length === 0 ? 1 : 0);
}

const ranks: readonly ObjectState['kind'][] = [
  'public-view',
  'materialized-view',
  'landing-view',
  'table',
  'external-schema',
  'schema',
];
const rankOf = (state: ObjectState) =>
  ((ranks.indexOf(state.kind) + ranks.length) % ranks.length) + (isBesideEvents(state) ? 0.5 : 0);

/** True for an identity table that depends on the table of events, because both are filled together. */
const isBesideEvents = (state: ObjectState) =>
  state.identityVersion !== undefined && baseName(state) !== `${state.pipeline}.events`;

/**
 * Returns the removal steps of old versions and removed objects, each before the objects that it reads. They run after
 * everything else succeeded.
 */
function cleanup({ before, after }: Sides): PlannedStep[] {
  const replaced = (state: ObjectState) =>
    after.some((other) => other.kind === state.kind && labelOf(other) === labelOf(state));
  const gone = before
    .filter((state) => !after.some(({ kind, name }) => kind === state.kind && name === state.name))
    .filter((state) => replaced(state) || !isKept(state));
  const readBy = (state: ObjectState) =>
    gone.filter((other) => other !== state && statementsOf(other.create).some((sql) => sql.includes(state.name)))
      .length;
  return gone
    .map((state, index) => ({ state, index }))
    .sort(
      (one, other) =>
        rankOf(one.state) - rankOf(other.state) || readBy(one.state) - readBy(other.state) || other.index - one.index,
    )
    .flatMap(({ state }) => plannedSteps(labelOf(state), 'cleanup', state, state.remove));
}

/** Finds views that are removed while a view with the same query is added. */
function renames(changes: readonly Change[], sides: Sides): Change[] {
  const query = (state: ObjectState) =>
    normalizeDefinition(statementsOf(state.create).join(' ; ').replaceAll(state.name, 'it'));
  const views = (states: readonly ObjectState[], others: readonly ObjectState[]) =>
    states
      .filter(({ kind }) => kind === 'materialized-view')
      .filter((state) => !others.some((other) => labelOf(other) === labelOf(state)));
  const [gone, come] = [views(sides.before, sides.after), views(sides.after, sides.before)];
  return changes.map((change) => {
    const old = gone.find((state) => labelOf(state) === change.object);
    const now = come.find((state) => labelOf(state) === change.object);
    const other = old
      ? come.find((state) => query(state) === query(old))
      : now && gone.find((state) => query(state) === query(now));
    if (!other) return change;
    const name = baseName(other);
    const note = old
      ? `${name} is added with the same query. If that is its new name, readers have to change over. Keep both for as long as they need.`
      : `It has the query of ${name}, which is removed. It seems to be its new name.`;
    return { ...change, notes: [note, ...change.notes] };
  });
}
