import { isDeepStrictEqual } from 'node:util';
import { comparedIdentities, type DeclaredIdentity } from '../../lambda/warehouse-object/precheck';
import { mayDiffer, otherColumns } from '../../lambda/warehouse-object/rebuild';
import type { PipelineDeclaration } from '../../sql';
import { plural } from '../terminal';
import type { RebuildFacts } from './facts';
import { sentence } from './phrases';
import { type Change, type Outcome, type Pair, pipelineOf, plannedSteps, type Sides } from './plan';
import { baseName, catalogRow, landingOf, type ObjectState } from './state';

/** True if an identity table replaces one of another identity. */
export const isRebuilt = (before: ObjectState, after: ObjectState) =>
  before.kind === 'table' &&
  after.kind === 'table' &&
  before.identityVersion !== undefined &&
  after.identityVersion !== undefined &&
  before.name !== after.name &&
  baseName(before) !== before.name &&
  baseName(before) === baseName(after);

/** Returns the rows of a relation. A table that replaces another one has the rows of that one. */
export function rowsOf(name: string, { before, after, facts }: Sides): number | undefined {
  const state = after.find((other) => other.name === name);
  const old = state && before.find((other) => isRebuilt(other, state));
  return facts?.rows.get(name) ?? (old && facts?.rows.get(old.name));
}

/** Plans an identity table of another identity. It is created beside the old one and filled from it. */
export function rebuiltTableOutcome({ label, before: [old], after: [now] }: Pair): Outcome {
  const common = { object: label, pipeline: pipelineOf([now!]) };
  if (!isRebuilt(old!, now!))
    return {
      changes: [
        {
          ...common,
          action: 'refused',
          summary: `It would be filled from ${old!.name}, which is not a table of this version.`,
          notes: ['The deployment fails before anything is changed, and is rolled back.'],
        },
      ],
      steps: [],
    };
  const { rebuild } = now!;
  const others = rebuild ? otherColumns(rebuild, old!.name, (old!.columns ?? []).map(catalogRow)) : [];
  if (others.length > 0)
    return {
      changes: [
        {
          ...common,
          action: 'refused',
          summary: sentence(others.join('; ')),
          notes: [
            'The identity changes too, and values can be compared only within one table. The deployment fails before anything is changed, and is rolled back. Deploy one change, and then the other.',
          ],
        },
      ],
      steps: [],
    };
  const change: Change = {
    ...common,
    action: 'rebuild',
    summary: 'Each identity has its own table: the new one is filled from the old one.',
    notes: [
      'Both exist until everything else has succeeded. The old functions continue with the old one. After a rollback nothing has to be copied back.',
    ],
  };
  const steps = [
    ...plannedSteps(label, 'update', now!, now!.create),
    ...(rebuild
      ? plannedSteps(label, 'update', now!, [
          {
            name: 'rebuild',
            mode: 'transaction',
            statements: [...rebuild.batch, '-- repeated, batch by batch, up to the present'],
          },
        ])
      : []),
  ];
  return { changes: [change], steps };
}

/** Plans what a change of identity does to the events. */
export function identityChanges(
  was: PipelineDeclaration,
  is: PipelineDeclaration,
  pipeline: string,
  sides: Sides,
): Change[] {
  const [from, to] = comparedIdentities(was as DeclaredIdentity, is as DeclaredIdentity);
  if (isDeepStrictEqual(from, to)) return [];
  const events = `${pipeline}.events`;
  const common = {
    object: `identity ${pipeline}`,
    pipeline,
    summary: `What makes two records the same event changes from ${describeIdentity(was)} to ${describeIdentity(is)}.`,
  };
  const landing = landingOf(sides.after, pipeline);
  if (landing !== undefined && landing !== landingOf(sides.before, pipeline))
    return [
      {
        ...common,
        action: 'refused',
        notes: [
          'The landing view changes too, and the merge needs the existing one to find records that come twice. The deployment fails before anything is changed, and is rolled back. Deploy one change, and then the other.',
        ],
      },
    ];
  const { facts } = sides;
  const rows = rowsOf(
    sides.after.find((state) => state.kind === 'table' && baseName(state) === events)?.name ?? '',
    sides,
  );
  if (rows === 0)
    return [
      { ...common, action: 'rebuild', notes: [`${events} has no rows yet.`], estimate: { rows, complete: true } },
    ];
  const finer = mayDiffer(from, to);
  const again = facts?.rebuilds.get(pipeline);
  return [
    {
      ...common,
      action: 'rebuild',
      notes: [
        `${events} ${rows === undefined ? 'is' : `(${plural(rows, 'row')}) is`} rebuilt beside the old one: each event gets its new id from ${is.identity.by === 'columns' ? 'its payload' : 'its position on the stream'}, in batches. Merges wait for one batch at a time. A deployment that is interrupted continues where it was.`,
        ...(finer ? finerNotes(again) : coarserNotes),
        `Events ${is.identity.by === 'columns' ? 'whose payload lacks a part of the new id, or has one that does not fit,' : 'that have no position on the stream'} ${is.identity.mayReject ? 'become rejects: mayReject allows it.' : 'stop the deployment before readers are switched.'}`,
        'Columns keep their values. Values of retired columns stay with the old table.',
        'Readers keep the old events until the new table is filled. Later merges of the old functions are repeated by the first merge of the new ones, which reads all of the landing view.',
        ...(Object.keys(is.exports).length > 0
          ? [
              'Published windows stay as they are if their rows do. Rows differ if events are split or joined, or if event_id is exported. Exports with corrections publish such windows again, others count late rows.',
            ]
          : []),
      ],
      estimate: {
        rows: rows ?? null,
        complete: finer ? (again ? again.duplicates === again.landed : null) : facts ? true : null,
      },
    },
  ];
}

const coarserNotes = [
  'Every part of the new id is part of the old one, so one event stays one. Of events with the same new id, the one that was merged first stays. The others become duplicates.',
];

function finerNotes(facts: RebuildFacts | undefined): string[] {
  const note = 'Records that were duplicates may now be events.';
  if (!facts)
    return [
      `${note} The first merge of the new functions judges those in the landing view; their number was not queried. All others stay duplicates.`,
    ];
  const { duplicates, landed } = facts;
  const left = duplicates - landed;
  if (duplicates === 0) return [`${note} There are none.`];
  return [
    `${note} Of ${plural(duplicates, 'duplicate')} the landing view has ${landed}: the first merge of the new functions judges them.`,
    ...(left > 0
      ? [
          `The other ${left}, from history or no longer in the landing view, stay duplicates: their payload was not kept. Afterwards npx millrace duplicates shows which of them came from objects that can be read again, and with --apply reloads those.`,
        ]
      : []),
  ];
}

const describeIdentity = ({ identity, identityParts }: PipelineDeclaration) =>
  identity.by === 'columns'
    ? `the ${identity.columns.length === 1 ? 'column' : 'columns'} ${identity.columns
        .map((name, index) => {
          const part = Array.isArray(identityParts) ? identityParts[index] : undefined;
          return part === undefined ? name : `${name} (${part.path.join('.')}, ${part.as})`;
        })
        .join(', ')}`
    : 'the position on the stream';
