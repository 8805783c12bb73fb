import type { PipelineDeclaration } from '../../sql';
import { sentence, unchangedOutcome } from './phrases';
import { type Change, type Outcome, type Pair, pipelineOf, plannedSteps, type Sides } from './plan';
import { type ObjectState, statementsOf } from './state';

const HOUR_MS = 3_600_000;

/** Returns the stream that a side declares; undefined if no declaration is recorded. */
export const streamOf = (states: readonly ObjectState[], pipeline: string | null) =>
  (
    states.find(({ kind, name }) => kind === 'pipeline' && name === pipeline)?.declaration as
      | PipelineDeclaration
      | undefined
  )?.stream;

/** Returns the name of the stream in the view's statement. */
const sourceOf = ({ create }: ObjectState) => /_stream\."([\w.-]+)"/.exec(statementsOf(create).join('\n'))?.[1];

/**
 * Compares landing views. A landing view cannot be altered: a new one reads the stream again from its oldest record.
 */
export function landingOutcome({ label, before: [old], after: [now] }: Pair, sides: Sides): Outcome {
  const pipeline = pipelineOf([now!]);
  if (old!.name === now!.name) {
    const [was, is] = [old!, now!].map(sourceOf);
    if (was === undefined || is === undefined || was === is) return unchangedOutcome(label, [now!]);
    const change: Change = {
      object: label,
      pipeline,
      action: 'refused',
      summary: `It reads the stream ${was}, and the environment has ${is} now. A landing view keeps its stream.`,
      notes: [
        'Remove the pipeline with its data kept (retainData), deploy, and deploy it again with the other stream and with `stream.recreatedAt`, the time from which that one is read.',
      ],
    };
    return { changes: [change], steps: [] };
  }
  const [stream, next] = [streamOf(sides.before, pipeline), streamOf(sides.after, pipeline)];
  const recreated = next?.recreatedAt !== undefined && next.recreatedAt !== stream?.recreatedAt;
  const loss = sides.facts?.losses.get(now!.name);
  if (loss !== undefined) {
    const change: Change = {
      object: label,
      pipeline,
      action: 'refused',
      summary: 'Its new version would begin after the last merged record.',
      notes: ['A landing view cannot be altered: the new one reads the stream from its oldest record.', sentence(loss)],
    };
    return { changes: [change], steps: [] };
  }
  const change: Change = {
    object: label,
    pipeline,
    action: 'rebuild',
    summary: recreated
      ? `The stream was deleted and created again at ${next.recreatedAt}: it is read from its beginning.`
      : 'Its definition changed.',
    notes: [
      'The new one reads the stream again from its oldest record, beside the old one. The old one is merged a last time before it is dropped. Records that both have count once.',
      'Readers notice nothing: events and views stay as they are.',
      ...(recreated
        ? ['Unread records of the old stream are recorded as a gap, which only the archive or the producers can close.']
        : retentionNote(pipeline, stream?.retentionHours, sides)),
    ],
    estimate: { rows: sides.facts?.rows.get(old!.name) ?? null, complete: sides.facts ? !recreated : null },
  };
  return { changes: [change], steps: plannedSteps(label, 'update', now!, now!.create) };
}

/**
 * Returns a sentence about what the stream dropped since the last merge; undefined if nothing, or if it is not known.
 */
export function forgottenSince(
  pipeline: string | null,
  retentionHours: number | undefined,
  { facts }: Sides,
): string | undefined {
  const mergedUntil = facts?.pipelines.get(pipeline ?? '')?.mergedUntil;
  if (!facts || retentionHours === undefined || mergedUntil === undefined || mergedUntil === null) return undefined;
  const sinceHours = (facts.now - mergedUntil) / HOUR_MS;
  if (sinceHours <= retentionHours) return undefined;
  return `Everything that arrived until ${time(mergedUntil)}, ${hours(sinceHours)} ago, is merged, and the stream keeps ${hours(retentionHours)}: records of ${hours(sinceHours - retentionHours)} would be lost.`;
}

function retentionNote(pipeline: string | null, retentionHours: number | undefined, { facts }: Sides): string[] {
  const mergedUntil = facts?.pipelines.get(pipeline ?? '')?.mergedUntil;
  if (!facts || mergedUntil === undefined)
    return [
      'It was not checked whether the stream still holds everything since the last merge. The deployment checks, and stops if it does not.',
    ];
  if (mergedUntil === null || retentionHours === undefined) return [];
  return [
    `Nothing is lost: everything that arrived until ${time(mergedUntil)}, ${hours((facts.now - mergedUntil) / HOUR_MS)} ago, is merged, and the stream keeps ${hours(retentionHours)}.`,
  ];
}

export const time = (epochMs: number) => `${new Date(epochMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const hours = (value: number) =>
  value < 1 ? `${Math.max(0, Math.round(value * 60))} min` : `${Math.round(value * 10) / 10} h`;
