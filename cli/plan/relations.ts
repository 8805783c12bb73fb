import { isDeepStrictEqual } from 'node:util';
import { columnChanges, otherTypeAdvice } from '../../lambda/warehouse-object/catalog';
import type { ColumnSpec, FillColumn } from '../../lambda/warehouse-object/contract';
import { normalizeDefinition } from '../../sql/names';
import { relationReferences } from '../../sql/views/relations';
import { plural } from '../terminal';
import { joinNames, sentence, unchangedOutcome } from './phrases';
import { type Change, type Estimate, type Outcome, type Pair, pipelineOf, plannedSteps, type Sides } from './plan';
import { rebuiltTableOutcome, rowsOf } from './rebuild';
import { baseName, catalogRow, type ObjectState, statementsOf } from './state';

/** Compares a materialized view and its public name, or a public name alone. */
export function viewOutcome({ label, before, after }: Pair, sides: Sides): Outcome {
  const [old, now] = [physical(before), physical(after)];
  const [oldName, newName] = [publicName(before), publicName(after)];
  const rebuilt = now !== undefined && old?.name !== now.name;
  const renamed = oldName?.version !== newName?.version;
  const steps = [
    ...(rebuilt ? plannedSteps(label, 'update', now, now.create) : []),
    ...(renamed && newName ? switchSteps(label, oldName, newName) : []),
  ];
  const common = { object: label, pipeline: pipelineOf(after) };
  const readers = readerNotes(publicColumns(oldName), publicColumns(newName));
  if (!rebuilt) {
    if (!renamed) return unchangedOutcome(label, after);
    const shown = replacedSources(oldName, newName!, sides);
    const summary =
      shown.length > 0
        ? 'It shows a table that gets a new version.'
        : 'Its public name gets a new definition over the same data.';
    return {
      changes: [
        {
          ...common,
          action: 'online',
          summary,
          notes: [
            'One statement switches readers. If columns change, one transaction does, and repeats the grants.',
            ...readers,
          ],
        },
      ],
      steps,
    };
  }
  const because = replacedSources(old, now, sides);
  const change: Change = {
    ...common,
    action: 'rebuild',
    summary:
      because.length > 0
        ? `It reads ${joinNames(because)}, which ${because.length === 1 ? 'gets a new version' : 'get new versions'}. Its own definition is the same.`
        : 'Its definition changed.',
    notes: [
      'Readers keep the old version until the new one is filled and has passed its checks. Then one statement switches the public name.',
      ...readers,
      ...checkNotes(old, now),
      ...sourceNotes(now, sides),
      ...recomputeNotes(now, sides),
    ],
    estimate: estimateOf(now, sides),
  };
  return { changes: [change], steps };
}

/** Returns the limits of the definition's checks, which decide whether readers get the new version. */
function checkNotes(before: ObjectState | undefined, { checks }: ObjectState): string[] {
  if (!checks) return [];
  const { recomputed, mayShrink, mayGrow } = checks;
  const rows = before ? `not lack more than ${Math.round(mayShrink * 100)} % of the rows of the old one, ` : '';
  return [
    `It must ${rows}have at most ${mayGrow} times the rows of what it reads${recomputed ? '; it may be recomputed at each refresh' : ', and be one that Redshift refreshes incrementally'}.`,
  ];
}

export const physical = (states: readonly ObjectState[]) => states.find(({ kind }) => kind === 'materialized-view');
const publicName = (states: readonly ObjectState[]) => states.find(({ kind }) => kind === 'public-view');

/**
 * Redshift replaces a view in place only if its columns stay. Otherwise one transaction drops it and creates it with
 * its grants.
 */
function switchSteps(label: string, before: ObjectState | undefined, after: ObjectState) {
  const steps = plannedSteps(label, 'update', after, after.create);
  const [old, now] = [publicColumns(before), publicColumns(after)];
  if (!old || !now || old.join() === now.join()) return steps;
  const last = steps.at(-1)!;
  const statements = [
    `drop view if exists ${after.name}`,
    ...statementsOf(after.create?.slice(-1)),
    `-- the grants on ${after.name}, repeated`,
  ];
  return [...steps.slice(0, -1), { ...last, mode: 'transaction' as const, statements }];
}

/** Returns the columns of a public view, as its definition names them. */
export function publicColumns(state: ObjectState | undefined): string[] | undefined {
  const [, selected] = /\bas\s+select\s+([\s\S]+?)\s+from\s/.exec(statementsOf(state?.create).join('\n')) ?? [];
  // Redshift expanded `*` when the view was created.
  if (selected === undefined || selected.trim() === '*') return undefined;
  return selected.split(/,\s*/).map((column) => column.replace(/^.*\s+as\s+/, '').trim());
}

function readerNotes(before: string[] | undefined, after: string[] | undefined): string[] {
  if (!before || !after) return [];
  const lost = before.filter((name) => !after.includes(name));
  const won = after.filter((name) => !before.includes(name));
  return [
    ...(won.length > 0 ? [`New for readers: ${joinNames(won)}.`] : []),
    ...(lost.length > 0
      ? [
          `Gone for readers: ${joinNames(lost)}. Queries and exports that name ${lost.length === 1 ? 'it' : 'them'} will fail after the switch.`,
        ]
      : []),
  ];
}

/** Returns the relations whose new version alone changes the definition. */
function replacedSources(before: ObjectState | undefined, after: ObjectState, sides: Sides): string[] {
  if (!before) return [];
  const plain = (state: ObjectState, all: readonly ObjectState[]) =>
    all.reduce(
      (text, other) => text.replaceAll(other.name, baseName(other)),
      normalizeDefinition(statementsOf(state.create).join(' ; ')).replaceAll(' . ', '.'),
    );
  const versions = (all: readonly ObjectState[]) => all.filter((state) => baseName(state) !== state.name);
  if (plain(before, versions(sides.before)) !== plain(after, versions(sides.after))) return [];
  return sides.after
    .filter(
      (other) => other.name !== after.name && baseName(other) !== other.name && sourcesOf(after).includes(other.name),
    )
    .filter((other) => !sides.before.some(({ name }) => name === other.name))
    .map(baseName);
}

/** Relations that the definition reads, schema-qualified. */
const sourcesOf = (state: ObjectState): string[] => [
  ...new Set(
    statementsOf(state.create)
      .flatMap((sql) => relationReferences(sql))
      .map(({ schema, name }) => [schema, name].filter(Boolean).join('.')),
  ),
];

/** Returns the tables below a view. A view over views is filled from these. */
function tablesBelow(state: ObjectState, all: readonly ObjectState[], seen = new Set<string>()): string[] {
  for (const source of sourcesOf(state)) {
    const view = all.find(({ name, kind }) => name === source && kind === 'materialized-view');
    if (view && !seen.has(view.name)) {
      seen.add(view.name);
      tablesBelow(view, all, seen);
    } else if (!view) seen.add(source);
  }
  return [...seen].filter((name) => !all.some((other) => other.name === name && other.kind === 'materialized-view'));
}

export function estimateOf(state: ObjectState, sides: Sides): Estimate {
  const { facts } = sides;
  if (!facts) return { rows: null, complete: null };
  const rows = tablesBelow(state, sides.after).map((table) => rowsOf(table, sides));
  const known = rows.filter((count) => count !== undefined);
  const gaps = facts.pipelines.get(state.pipeline ?? '')?.gaps ?? [];
  return {
    rows: known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0),
    complete: gaps.length === 0,
  };
}

export function sourceNotes(state: ObjectState, sides: Sides): string[] {
  const tables = tablesBelow(state, sides.after);
  const publicNameOf = (name: string) =>
    baseName(sides.after.find((other) => other.name === name) ?? { name, version: '' });
  const { facts } = sides;
  if (tables.length === 0) return [];
  if (!facts)
    return [`It is filled from ${joinNames(tables.map(publicNameOf))}; their number of rows was not queried.`];
  const counts = tables.map((table) => `${publicNameOf(table)} (${count(rowsOf(table, sides))})`);
  const gaps = facts.pipelines.get(state.pipeline ?? '')?.gaps ?? [];
  return [
    `It is filled from ${joinNames(counts)}, which ${tables.length === 1 ? 'holds' : 'hold'} everything that was ever merged.`,
    ...(gaps.length > 0
      ? [
          `${plural(gaps.length, 'gap')} in the stream ${gaps.length === 1 ? 'is' : 'are'} open (${gaps.map(({ from, to }) => `${from} to ${to}`).join(', ')}): the old version lacks these records too. npx millrace backfill closes gaps.`,
        ]
      : []),
  ];
}

/** Says why Redshift recomputes a view, and what each refresh then costs. */
export function recomputeNotes(state: ObjectState, sides: Sides): string[] {
  const { recompute } = state;
  if (!recompute) return [];
  const { file, reasons, everyMinutes } = recompute;
  const tables = tablesBelow(state, sides.after);
  const publicNameOf = (name: string) =>
    baseName(sides.after.find((other) => other.name === name) ?? { name, version: '' });
  const read = tables.map((table) =>
    sides.facts ? `${publicNameOf(table)} (${count(rowsOf(table, sides))})` : publicNameOf(table),
  );
  const why =
    reasons.length === 0
      ? `It is declared \`recomputed: true\`, though ${file} has nothing that is known to need it.`
      : `Redshift recomputes it at every refresh, because ${file} ${joinNames(reasons.map(({ line, phrase }) => `${phrase} (line ${line})`))}.`;
  return [
    why,
    `Each refresh reads all of ${joinNames(read)}, up to every ${plural(everyMinutes, 'minute')} while events arrive. A view that is refreshed incrementally reads only what was merged since.`,
  ];
}

const count = (rows: number | undefined) => (rows === undefined ? 'rows unknown' : plural(rows, 'row'));

/** Compares tables. A table is never recreated: its columns are compared. */
export function tableOutcome({ label, before: [old], after: [now] }: Pair, sides: Sides): Outcome {
  if (old!.name !== now!.name) return rebuiltTableOutcome({ label, before: [old!], after: [now!] });
  const filled = newlyFilled(old!, now!);
  if (old!.version === now!.version && filled.length === 0) return unchangedOutcome(label, [now!]);
  const wanted = (now!.columns ?? []).map((column) => ({ ...column, add: column.add ?? '' }));
  const { add, refused } = columnChanges(now!.name, wanted, (old!.columns ?? []).map(catalogRow));
  const common = { object: label, pipeline: pipelineOf([now!]) };
  if (refused.length > 0) {
    const summary = sentence(refused.join('; '));
    const notes = [sentence(otherTypeAdvice), 'The deployment fails before it touches the table, and is rolled back.'];
    return { changes: [{ ...common, action: 'refused', summary, notes }], steps: [] };
  }
  const change: Change = {
    ...common,
    action: 'online',
    ...tableTexts(old!, now!, add, filled, sides),
    ...(filled.length > 0 && {
      estimate: { rows: sides.facts?.rows.get(now!.name) ?? null, complete: sides.facts ? true : null },
    }),
  };
  const step = (name: string, mode: 'single' | 'transaction', statements: readonly string[]) => ({
    object: label,
    when: 'update' as const,
    as: now!.identity,
    name,
    mode,
    statements,
  });
  const steps = [
    ...add.map((column) => step(`add-${column.name}`, 'single', [column.add])),
    ...(filled.length > 0 && now!.batch
      ? [step('fill', 'transaction', [...now!.batch, '-- repeated, batch by batch, up to the present'])]
      : []),
  ];
  return { changes: [change], steps };
}

/** Returns the columns whose fill is not deployed yet. */
const newlyFilled = (before: ObjectState, { filled = [] }: ObjectState): readonly FillColumn[] =>
  filled.filter((column) => !(before.filled ?? []).some((other) => isDeepStrictEqual(other, column)));

function tableTexts(
  before: ObjectState,
  after: ObjectState,
  add: readonly ColumnSpec[],
  filled: readonly FillColumn[],
  sides: Sides,
): Pick<Change, 'summary' | 'notes'> {
  const left = (before.columns ?? []).filter(
    (column) => !(after.columns ?? []).some(({ name }) => name === column.name),
  );
  const empty = add.filter(({ name }) => !filled.some(({ stored }) => stored === name));
  const summaries = [
    ...(add.length > 0 ? [`It gets ${columnList(add)}.`] : []),
    ...(left.length > 0 ? [`Nothing uses ${columnList(left)} any more.`] : []),
    ...(add.length === 0 && filled.length > 0
      ? [`Its past is filled: ${joinNames(filled.map(({ stored }) => stored))}.`]
      : []),
  ];
  return {
    summary: summaries.join(' ') || 'Its create statement changed, not its columns.',
    notes: [
      ...(add.length > 0 ? ['Added in place, in a moment, for any number of rows.'] : []),
      ...(empty.length > 0
        ? [
            `Earlier rows have no value in ${joinNames(empty.map(({ name }) => name))}: fill: true would take it from their payload.`,
          ]
        : []),
      ...(left.length > 0 ? ['A table keeps its columns: their values stay, and are null in new rows.'] : []),
      ...(summaries.length === 0 ? ['An existing table is compared only by its columns: it stays as it is.'] : []),
      ...filled.flatMap(fillNotes),
      ...rowsNote(after.name, sides),
    ],
  };
}

function fillNotes({ name, stored, replaces, required, mayLose }: FillColumn): string[] {
  return [
    `${name} is filled for the past, from the payload, in batches (stored as ${stored}). Merges wait for one batch at a time. A deployment that is interrupted continues where the fill was.`,
    ...(replaces === undefined
      ? []
      : [
          mayLose
            ? `Events that have a value in ${replaces} and whose payload does not fit lose it: mayLose allows it.`
            : `Events that have a value in ${replaces} and would get none in ${stored} stop the deployment before readers are switched.`,
        ]),
    ...(required ? ['Events without a value stop the deployment too: it is required.'] : []),
  ];
}

const columnList = (columns: readonly Pick<ColumnSpec, 'name' | 'type'>[]) =>
  `${columns.length === 1 ? 'column' : 'columns'} ${joinNames(columns.map(({ name, type }) => `${name} (${type})`))}`;

export function rowsNote(name: string, { facts }: Sides): string[] {
  const rows = facts?.rows.get(name);
  return rows === undefined ? [] : [`${name} has ${plural(rows, 'row')}.`];
}

/** Compares any other object. Its create statements run, and existing objects are compared. */
export function otherOutcome({ label, before: [old], after: [now] }: Pair): Outcome {
  if (old!.version === now!.version && old!.name === now!.name) return unchangedOutcome(label, [now!]);
  if (old!.kind === 'external-schema')
    return {
      changes: [
        {
          object: label,
          pipeline: pipelineOf([now!]),
          action: 'refused',
          summary: 'Its definition changed, and an external schema cannot be altered.',
          notes: [
            'Drop it and what reads from it, or keep the definition. Otherwise the deployment fails and is rolled back.',
          ],
        },
      ],
      steps: [],
    };
  const change: Change = {
    object: label,
    pipeline: pipelineOf([now!]),
    action: 'online',
    summary: 'Its definition changed.',
    notes: ['Its statements run again. Existing objects are compared with the definition.'],
  };
  return { changes: [change], steps: plannedSteps(label, 'update', now!, now!.create) };
}
