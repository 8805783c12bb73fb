import { isDeepStrictEqual } from 'node:util';
import type { EnvironmentDeclaration } from '../../environments/declaration';
import type { PipelineDeclaration } from '../../sql';
import { landedHours } from '../../sql/names';
import { plural } from '../terminal';
import { type CreateChange, differences, type Entry, otherDifferences, shown } from './differences';
import { endpointChanges } from './endpoints';
import { existingChanges } from './existing';
import { forgottenSince, hours } from './landing';
import { joinNames, unchangedOutcome } from './phrases';
import type { Action, Change, Outcome, Pair, Sides } from './plan';
import { identityChanges } from './rebuild';
import { retentionChanges } from './retention';

/** Compares what a pipeline declares besides its warehouse objects. Functions and schedules follow from it. */
export function pipelineOutcome({ label, before: [old], after: [now] }: Pair, sides: Sides): Outcome {
  if (old!.version === now!.version) return unchangedOutcome(label, [now!]);
  const pipeline = now!.name;
  const [was, is] = [old!.declaration, now!.declaration] as [PipelineDeclaration, PipelineDeclaration];
  const change = (object: string, action: Action, summary: string, ...notes: string[]): Change => ({
    object,
    pipeline,
    action,
    summary,
    notes,
  });
  const changes = [
    ...streamChanges(was, is, pipeline, sides, change),
    ...identityChanges(was, is, pipeline, sides),
    ...columnDeclarations(was, is, pipeline, change),
    ...differences(byName(was.history), byName(is.history)).map(({ name, before, after }) =>
      historyChange(`history ${pipeline}.${name}`, before, after, change),
    ),
    ...(was.refreshEveryMinutes === is.refreshEveryMinutes
      ? []
      : [
          change(
            `schedule ${pipeline}`,
            'online',
            `It is refreshed every ${plural(is.refreshEveryMinutes, 'minute')} instead of every ${plural(was.refreshEveryMinutes, 'minute')}.`,
          ),
        ]),
    ...retentionChanges(was, is, pipeline, sides, change),
    ...stackChanges(was, is, pipeline, sides, change),
    ...filterChanges(was, is, pipeline, change),
    ...differences(was.exports, is.exports).map(({ name, before, after }) =>
      exportChange(`export ${pipeline}.${name}`, before, after, change),
    ),
    ...endpointChanges(was, is, pipeline, change),
  ];
  return changes.length > 0 ? { changes, steps: [] } : unchangedOutcome(label, [now!]);
}

/** CloudFormation cannot move a resource. The old stack deletes its resource before the new one creates it. */
function stackChanges(
  was: PipelineDeclaration,
  is: PipelineDeclaration,
  pipeline: string,
  { before }: Sides,
  change: CreateChange,
): Change[] {
  if (was.stack === is.stack) return [];
  const kept = before.every(
    (state) => state.pipeline !== pipeline || state.kind !== 'table' || state.onRemoval === 'keep',
  );
  const from = `It moves from ${stackOf(was)} to ${stackOf(is)}`;
  return kept
    ? [
        change(
          `stack ${pipeline}`,
          'online',
          `${from}.`,
          'Its functions, schedules and alarms are removed and created again. Its tables stay, and its views are filled again.',
        ),
      ]
    : [
        change(
          `stack ${pipeline}`,
          'refused',
          `${from}, and the old stack would drop its tables with their rows.`,
          'Deploy retainData: true first, and take the pipeline out of dropData. Then its tables stay.',
        ),
      ];
}

/** Compares which records the pipeline selects. */
function filterChanges(
  was: PipelineDeclaration,
  is: PipelineDeclaration,
  pipeline: string,
  change: CreateChange,
): Change[] {
  if (isDeepStrictEqual(was.where, is.where)) return [];
  return [
    change(
      `where ${pipeline}`,
      'online',
      `It takes ${wanted(is)} instead of ${wanted(was)}.`,
      'It applies to records that are merged from now on: others are counted in skipped. Events stay.',
      'Rejects that it leaves out become skipped with `npx millrace rejects --retry --apply`. Skipped records of the stream are judged again when they are read again: `npx millrace backfill --from archive --apply`.',
    ),
  ];
}

const wanted = ({ where = [] }: PipelineDeclaration) =>
  where.length === 0
    ? 'all records'
    : `records with ${where.map((filter) => `${path(filter.path)} of ${filter.oneOf.join(', ')}`).join(' and ')}`;

const stackOf = ({ stack }: PipelineDeclaration) => (stack === undefined ? 'the main stack' : `the stack ${stack}`);

function streamChanges(
  was: PipelineDeclaration,
  is: PipelineDeclaration,
  pipeline: string,
  sides: Sides,
  change: CreateChange,
): Change[] {
  const object = `stream ${pipeline}`;
  const [before, after] = [was.stream.retentionHours, is.stream.retentionHours];
  const changes: Change[] = [];
  if (!isDeepStrictEqual(was.stream.capacity, is.stream.capacity))
    changes.push(
      change(
        object,
        'online',
        `Its capacity changes from ${shown(was.stream.capacity)} to ${shown(is.stream.capacity)}.`,
        'Kinesis does it while records flow; shards that are split or merged are read to their end.',
      ),
    );
  const [kept, keeps] = [landedHours(was), landedHours(is)];
  if (was.stream.landedHours !== is.stream.landedHours && kept !== keeps)
    changes.push(
      change(
        object,
        'online',
        `The landing view keeps a merged record for ${hours(keeps)} instead of ${hours(kept)}.`,
        keeps < kept
          ? 'Each run deletes an hour of older ones. Events stay. A later change of the identity can no longer judge their duplicates.'
          : 'What was deleted before does not come back.',
      ),
    );
  if (after > before)
    changes.push(change(object, 'online', `It keeps records for ${hours(after)} instead of ${hours(before)}.`));
  if (after < before) {
    const loss = forgottenSince(pipeline, after, sides);
    changes.push(
      loss
        ? change(
            object,
            'refused',
            `It would keep records for ${hours(after)} instead of ${hours(before)}. ${loss}`,
            'No deployment stops here: Kinesis drops them at once. Let the refresh catch up first.',
          )
        : change(
            object,
            'online',
            `It keeps records for ${hours(after)} instead of ${hours(before)}: older ones go at once.`,
            ...(sides.facts
              ? ['Everything older is merged.']
              : ['It was not checked whether everything older is merged: check it first.']),
          ),
    );
  }
  return changes;
}

/** Fields that the table's own change covers. */
const tableFields = ['type', 'maxBytes', 'length', 'precision', 'scale', 'stored', 'fill', 'replaces', 'mayLose'];

/**
 * The table's change covers new and missing columns and other types. These changes decide the outcome of later records.
 */
function columnDeclarations(
  was: PipelineDeclaration,
  is: PipelineDeclaration,
  pipeline: string,
  change: CreateChange,
): Change[] {
  const changed = differences(byName(was.columns), byName(is.columns));
  const stored = ({ name, stored: place = name }: Entry) => place;
  return changed.flatMap(({ name, before, after }) => {
    const old =
      after && !before ? changed.find((other) => !other.after && stored(other.before!) === stored(after)) : undefined;
    if (old)
      return [
        change(
          `column ${pipeline}.${name}`,
          'online',
          `It is the new name of ${old.name}: the same values, stored as ${stored(after!)}.`,
        ),
      ];
    if (!before || !after) return [];
    const notes = [
      ...(isDeepStrictEqual(before['path'], after['path'])
        ? []
        : [`It is read from ${path(after['path'])} instead of ${path(before['path'])}.`]),
      ...(Boolean(before['required']) === Boolean(after['required'])
        ? []
        : [after['required'] ? 'Records without it become rejects.' : 'Records without it are now events too.']),
      ...(isDeepStrictEqual(before['oneOf'], after['oneOf'])
        ? []
        : [
            `Allowed are ${after['oneOf'] ? (after['oneOf'] as string[]).join(', ') : 'all texts'}, before ${before['oneOf'] ? (before['oneOf'] as string[]).join(', ') : 'all texts'}.`,
          ]),
      ...(stored(before) === stored(after)
        ? []
        : [`It is stored as ${stored(after)} from now on; what ${stored(before)} holds stays in the table, unseen.`]),
      ...(Number(after['maxBytes']) < Number(before['maxBytes'])
        ? [`Texts of more than ${after['maxBytes']} bytes become rejects; the limit was ${before['maxBytes']}.`]
        : []),
      ...otherDifferences(before, after, ['path', 'required', 'oneOf', ...tableFields]),
    ];
    return notes.length === 0
      ? []
      : [
          change(
            `column ${pipeline}.${name}`,
            'online',
            notes[0]!,
            ...notes.slice(1),
            ...(stored(before) === stored(after)
              ? ['It applies to records that are merged from now on. Stored values stay as they are.']
              : []),
          ),
        ];
  });
}

function historyChange(
  object: string,
  before: Entry | undefined,
  after: Entry | undefined,
  change: CreateChange,
): Change {
  if (!before)
    return change(
      object,
      'added',
      'Another source of history.',
      'New objects are loaded as they arrive; npx millrace backfill --from history loads existing ones.',
    );
  if (!after)
    return change(
      object,
      'removed',
      'Its objects are no longer loaded.',
      'Its events stay, and so do its rows in the ledger.',
    );
  return change(
    object,
    'online',
    otherDifferences(before, after, []).join(' '),
    'It applies to objects that are loaded from now on.',
  );
}

function exportChange(
  object: string,
  before: Entry | undefined,
  after: Entry | undefined,
  change: CreateChange,
): Change {
  if (!before)
    return change(object, 'added', 'A new export.', 'Partners that may read it are named in the environment.');
  if (!after)
    return {
      ...change(
        object,
        'removed',
        'No further windows are published.',
        'Published windows stay in the bucket, with their chain.',
      ),
      kept: true,
    };
  const query = before['query'] === after['query'] ? [] : ['Its query changed.'];
  const [first, ...rest] = [...query, ...otherDifferences(before, after, ['query'])];
  return change(
    object,
    'online',
    first!,
    ...rest,
    'Published windows stay as they are. Later windows have the new definition. If columns change, notify the partners that read it.',
  );
}

/** Compares what an environment declares. Roles and schedules follow from it. */
export function environmentOutcome({ label, before: [old], after: [now] }: Pair, sides: Sides): Outcome {
  if (old!.version === now!.version) return unchangedOutcome(label, [now!]);
  const [was, is] = [old!.declaration, now!.declaration] as [EnvironmentDeclaration, EnvironmentDeclaration];
  const change = (object: string, action: Action, summary: string, ...notes: string[]): Change => ({
    object,
    pipeline: null,
    action,
    summary,
    notes,
  });
  const plain = ({ partners: _, dropData: __, pipelines: ___, existing: ____, ...rest }: EnvironmentDeclaration) => ({
    ...rest,
  });
  const changes = [
    ...differences(was.partners, is.partners).map(({ name, before, after }) =>
      partnerChange(`partner ${name}`, before, after, change),
    ),
    ...is.dropData
      .filter((name) => !was.dropData.includes(name))
      .map((name) =>
        change(
          `data of ${name}`,
          'online',
          `It will be dropped with the pipeline: dropData names ${name}.`,
          `Nothing is dropped now. Once this is deployed, removing the pipeline drops its tables${tableRows(name, sides)}, its stream and its queues.`,
        ),
      ),
    ...was.dropData
      .filter((name) => !is.dropData.includes(name) && sides.after.some((state) => state.pipeline === name))
      .map((name) =>
        change(
          `data of ${name}`,
          'online',
          `It will stay when the pipeline is removed: dropData no longer names ${name}.`,
        ),
      ),
    ...existingChanges(was.existing, is.existing, change),
    ...otherDifferences(plain(was), plain(is), []).map((summary) => change(label, 'online', summary)),
  ];
  return changes.length > 0 ? { changes, steps: [] } : unchangedOutcome(label, [now!]);
}

function tableRows(pipeline: string, { facts, after }: Sides): string {
  const rows = after
    .filter((state) => state.pipeline === pipeline && state.kind === 'table')
    .reduce((sum, { name }) => sum + (facts?.rows.get(name) ?? 0), 0);
  return facts ? ` (${plural(rows, 'row')})` : '';
}

function partnerChange(
  object: string,
  before: Entry | undefined,
  after: Entry | undefined,
  change: CreateChange,
): Change {
  if (!before)
    return change(
      object,
      'added',
      `May ${access(after!)}.`,
      'Its role opens only with its external id: npx millrace partners onboard writes the page to send.',
    );
  if (!after)
    return change(
      object,
      'removed',
      `Could ${access(before)}; its role goes.`,
      'From the moment of the deployment it cannot assume the role.',
    );
  return change(object, 'online', otherDifferences(before, after, []).join(' '));
}

function access(partner: Entry): string {
  const { mode, exports = [] } = partner['access'] as { mode: string; exports?: string[] };
  return mode === 'read' ? `read ${joinNames(exports)}` : 'write below its own prefix';
}

const path = (steps: unknown) => (steps as string[]).join('.');

const byName = (entries: readonly { readonly name: string }[] = []) =>
  Object.fromEntries(entries.map((entry) => [entry.name, entry]));
