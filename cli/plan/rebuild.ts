import { isDeepStrictEqual } from 'node:util';
import { comparedIdentities, type DeclaredIdentity } from '../../lambda/warehouse-object/precheck';
import { mayDiffer, otherColumns } from '../../lambda/warehouse-object/rebuild';
import type { PipelineDeclaration } from '../../sql';
import { plural } from '../terminal';
import type { RebuildFacts } from './facts';
import { sentence } from './phrases';
import { type Change, type Outcome, type Pair, pipelineOf, plannedSteps, type Sides } from './plan';
import { baseName, catalogRow, landingOf, type ObjectState } from './state';

/** Whether a table replaces the same table of another identity. */
export const isRebuilt = (before: ObjectState, after: ObjectState) =>
  before.kind === 'table' &&
  after.kind === 'table' &&
  before.identityVersion !== undefined &&
  after.identityVersion !== undefined &&
  before.name !== after.name &&
  baseName(before) !== before.name &&
  baseName(before) === baseName(after);

/** Rows of a relation; of one that is to take another one's place, those of that one. */
export function rowsOf(name: string, { before, after, facts }: Sides): number | undefined {
  const state = after.find((other) => other.name === name);
  const old = state && before.find((other) => isRebuilt(other, state));
  return facts?.rows.get(name) ?? (old && facts?.rows.get(old.name));
}

/** A table for another identity is created beside the old one and filled from it. */
export function rebuiltTableOutcome({ label, before: [old], after: [now] }: Pair): Outcome {
  const common = { object: label, pipeline: pipelineOf([now!]) };
  if (!isRebuilt(old!, now!))
    return {
      changes: [
        {
          ...common,
          action: 'refused',
          summary: `It would be filled from ${old!.name}, which is no table of this version.`,
          notes: ['As it is, the deployment fails before anything is changed, and is rolled back.'],
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
            'The identity changes, too, and values are compared within one table. The deployment fails before anything is changed, and is rolled back. Deploy one change, and then the other.',
          ],
        },
      ],
      steps: [],
    };
  const change: Change = {
    ...common,
    action: 'rebuild',
    summary: 'It is there once for each identity: the one for the new identity is filled from the old one.',
    notes: [
      'Both are there until everything else has succeeded. The functions of before go on with the old one; after a rollback nothing has to be copied back.',
    ],
  };
  const steps = [
    ...plannedSteps(label, 'update', now!, now!.create),
    ...(rebuild
      ? plannedSteps(label, 'update', now!, [
          {
            name: 'rebuild',
            mode: 'transaction',
            statements: [...rebuild.batch, '-- and so on, batch by batch, until the present'],
          },
        ])
      : []),
  ];
  return { changes: [change], steps };
}

/** What a change of identity does to the events. */
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
    summary: `What makes two records the same event changes from ${told(was)} to ${told(is)}.`,
  };
  const landing = landingOf(sides.after, pipeline);
  if (landing !== undefined && landing !== landingOf(sides.before, pipeline))
    return [
      {
        ...common,
        action: 'refused',
        notes: [
          'The landing view changes, too: what is merged twice is looked for in the one that is there. The deployment fails before anything is changed, and is rolled back. Deploy one change, and then the other.',
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
        `${events} ${rows === undefined ? 'is' : `(${plural(rows, 'row')}) is`} made anew beside the old one: each event gets its new id from ${is.identity.by === 'columns' ? 'its payload' : 'its place on the stream'}, in batches. Merges wait for a batch at a time; a deployment that is killed goes on where it was.`,
        ...(finer ? finerNotes(again) : coarserNotes),
        `Events ${is.identity.by === 'columns' ? 'whose payload lacks a part of the new id, or has one that does not fit,' : 'that have no place on the stream'} ${is.identity.mayReject ? 'go to rejects: mayReject says so.' : 'stop the deployment before readers are switched.'}`,
        'Columns keep their values; what a column had before it was retired stays behind with the old table.',
        'Readers keep the old events until all of it is filled. What the old functions merge after that comes with the first merge of the new ones, which reads all that the landing view holds.',
        ...(Object.keys(is.exports).length > 0
          ? [
              'Windows that are published stay as they are, where their rows do. Rows differ where events become one or more, or where event_id is exported: exports with corrections publish such windows again, others tell of late rows.',
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
  'Every part of the new id is part of the old one: what was one event stays one. Events that have the same id by now become one, the one that was merged first; the others become duplicates.',
];

function finerNotes(facts: RebuildFacts | undefined): string[] {
  const note = 'Records that were duplicates may be events by now.';
  if (!facts)
    return [
      `${note} Those that the landing view holds are judged again, by the first merge of the new functions; how many was not asked. Any other stays a duplicate.`,
    ];
  const { duplicates, landed } = facts;
  const left = duplicates - landed;
  if (duplicates === 0) return [`${note} There are none.`];
  return [
    `${note} Of ${plural(duplicates, 'duplicate')} the landing view holds ${landed}: the first merge of the new functions judges them again.`,
    ...(left > 0
      ? [
          `The other ${left}, from history or no longer in the landing view, stay duplicates: their payload was not kept. Afterwards npx millrace duplicates tells which of them came from objects that can be read again, and with --apply has those judged again.`,
        ]
      : []),
  ];
}

const told = ({ identity, identityParts }: PipelineDeclaration) =>
  identity.by === 'columns'
    ? `the ${identity.columns.length === 1 ? 'column' : 'columns'} ${identity.columns
        .map((name, index) => {
          const part = Array.isArray(identityParts) ? identityParts[index] : undefined;
          return part === undefined ? name : `${name} (${part.path.join('.')}, ${part.as})`;
        })
        .join(', ')}`
    : 'the place on the stream';
