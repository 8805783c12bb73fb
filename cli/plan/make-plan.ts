import type { EnvironmentDeclaration } from '../../environments/declaration';
import { normalizeDefinition } from '../../sql';
import { plural } from '../terminal';
import { environmentOutcome, pipelineOutcome } from './declarations';
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
import { estimateOf, otherOutcome, physical, rowsNote, sourceNotes, tableOutcome, viewOutcome } from './relations';
import { baseName, labelOf, type ObjectState, statementsOf } from './state';

/** What a deployment of the tree would do to what is deployed. */
export function makePlan(
  environment: string,
  comparedWith: string,
  sides: Sides,
  problems: readonly Problem[] = [],
): Plan {
  const outcomes = pairsOf(sides).map((pair) => outcomeOf(pair, sides));
  const changes = renames(
    outcomes.flatMap((outcome) => outcome.changes),
    sides,
  );
  const refused = new Set(changes.filter(({ action }) => action === 'refused').map(({ object }) => object));
  const steps = [
    ...outcomes.flatMap((outcome) => outcome.steps),
    ...cleanup(sides).filter(({ object }) => !refused.has(object)),
  ];
  return { environment, comparedWith, changes, steps, problems: [...problems, ...conflicts(sides)] };
}

/** What no object says for itself: a name that two kinds want, and tables that go although their pipeline stays. */
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

/** In the order of creation; what leaves comes last. */
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
      ? 'What it declares is recorded for the first time: changes of exports, schedules and columns cannot be told yet.'
      : 'It is new.',
    notes: view ? sourceNotes(view, sides) : [],
    ...(view && { estimate: estimateOf(view, sides) }),
  };
  return { changes: [change], steps: after.flatMap((state) => plannedSteps(label, 'update', state, state.create)) };
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

/** Before: the deployed environment runs it no more. */
function wasRemoved(pipeline: string | undefined, { before }: Sides): boolean {
  const environment = before.find(({ kind }) => kind === 'environment')?.declaration as
    | Partial<EnvironmentDeclaration>
    | undefined;
  return pipeline !== undefined && environment?.pipelines?.includes(pipeline) === false;
}

const isKept = ({ onRemoval }: ObjectState) => onRemoval === 'keep';

function removalSummary(kind: ObjectState['kind'], kept: boolean): string {
  if (kind === 'pipeline') return 'It leaves: its functions and schedules go.';
  if (kept) return 'It leaves the template and stays in the warehouse.';
  return 'It is dropped.';
}

/** For whoever deploys a removal. */
const stacksInOrder =
  'In AWS deploy the stack of the pipelines first, by itself: the other one cannot let go of what it reads.';

function removalNotes({ kind, name, pipeline }: ObjectState, kept: boolean, sides: Sides): string[] {
  if (kept && kind === 'public-view') return ['Readers still find what is there; nothing is added any more.'];
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
          'What is not merged by then, and what still arrives, is merged no more.',
          stacksInOrder,
          `A stream that stays keeps its name: it has to be deleted or imported before a pipeline ${name} can come back.`,
        ]
      : [
          `Its data goes for good: ${amount}, and its stream. That is what the template deployed last says (retainData, dropData).`,
          stacksInOrder,
        ];
  }
  if (kind !== 'table') return [];
  const rows = rowsNote(name, sides);
  return kept
    ? [...rows, 'Nothing writes to it any more.']
    : [...rows, 'They go with it, for good.'].slice(rows.length === 0 ? 1 : 0);
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

/** A table that is rebuilt together with the table of events. */
const isBesideEvents = (state: ObjectState) =>
  state.identityVersion !== undefined && baseName(state) !== `${state.pipeline}.events`;

/** Old versions and what leaves, each before what it reads: when everything else has succeeded. */
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

/** A view that goes while one with the same query comes. */
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
      ? `${name} comes with the same query: if it is its new name, readers have to change over. Keep both for as long as they need.`
      : `It has the query of ${name}, which goes: it looks like its new name.`;
    return { ...change, notes: [note, ...change.notes] };
  });
}
