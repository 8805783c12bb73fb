import type { PipelineDeclaration } from '../../sql';
import { sentence, unchangedOutcome } from './phrases';
import { type Change, type Outcome, type Pair, pipelineOf, plannedSteps, type Sides } from './plan';
import type { ObjectState } from './state';

const HOUR_MS = 3_600_000;

/** The stream as a side declares it; nothing where no declaration is recorded. */
export const streamOf = (states: readonly ObjectState[], pipeline: string | null) =>
  (
    states.find(({ kind, name }) => kind === 'pipeline' && name === pipeline)?.declaration as
      | PipelineDeclaration
      | undefined
  )?.stream;

/** A landing view cannot be altered: another one reads the stream again from its oldest record. */
export function landingOutcome({ label, before: [old], after: [now] }: Pair, sides: Sides): Outcome {
  if (old!.name === now!.name) return unchangedOutcome(label, [now!]);
  const pipeline = pipelineOf([now!]);
  const [stream, next] = [streamOf(sides.before, pipeline), streamOf(sides.after, pipeline)];
  const recreated = next?.recreatedAt !== undefined && next.recreatedAt !== stream?.recreatedAt;
  const loss = sides.facts?.losses.get(now!.name);
  if (loss !== undefined) {
    const change: Change = {
      object: label,
      pipeline,
      action: 'refused',
      summary: 'Its new version would begin after the last record that was merged.',
      notes: [
        'A landing view cannot be altered: the new one reads the stream from the oldest record that it still keeps.',
        sentence(loss),
      ],
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
      'The new one reads the stream again from the oldest record that it keeps, beside the old one. What the old one holds is merged a last time before it goes. Records that both have count once.',
      'Readers see nothing of it: events and views stay as they are.',
      ...(recreated
        ? ['What went with the old stream unread is told as a gap, which only the archive or the producers can close.']
        : retentionNote(pipeline, stream?.retentionHours, sides)),
    ],
    estimate: { rows: sides.facts?.rows.get(old!.name) ?? null, complete: sides.facts ? !recreated : null },
  };
  return { changes: [change], steps: plannedSteps(label, 'update', now!, now!.create) };
}

/** What the stream forgot since the last merge, as a sentence; undefined where nothing, or nobody can tell. */
export function forgottenSince(
  pipeline: string | null,
  retentionHours: number | undefined,
  { facts }: Sides,
): string | undefined {
  const mergedUntil = facts?.pipelines.get(pipeline ?? '')?.mergedUntil;
  if (!facts || retentionHours === undefined || mergedUntil === undefined || mergedUntil === null) return undefined;
  const sinceHours = (facts.now - mergedUntil) / HOUR_MS;
  if (sinceHours <= retentionHours) return undefined;
  return `Merged is what arrived until ${time(mergedUntil)}, ${hours(sinceHours)} ago, and the stream keeps ${hours(retentionHours)}: records of ${hours(sinceHours - retentionHours)} would be lost.`;
}

function retentionNote(pipeline: string | null, retentionHours: number | undefined, { facts }: Sides): string[] {
  const mergedUntil = facts?.pipelines.get(pipeline ?? '')?.mergedUntil;
  if (!facts || mergedUntil === undefined)
    return [
      'Whether the stream still holds everything since the last merge was not asked; the deployment asks, and stops if it does not.',
    ];
  if (mergedUntil === null || retentionHours === undefined) return [];
  return [
    `Nothing is lost: merged is what arrived until ${time(mergedUntil)}, ${hours((facts.now - mergedUntil) / HOUR_MS)} ago, and the stream keeps ${hours(retentionHours)}.`,
  ];
}

export const time = (epochMs: number) => `${new Date(epochMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const hours = (value: number) =>
  value < 1 ? `${Math.max(0, Math.round(value * 60))} min` : `${Math.round(value * 10) / 10} h`;
