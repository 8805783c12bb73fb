import { type Change, type Outcome, pipelineOf } from './plan';
import type { ObjectState } from './state';

export function unchangedOutcome(label: string, states: readonly ObjectState[]): Outcome {
  const change: Change = {
    object: label,
    pipeline: pipelineOf(states),
    action: 'unchanged',
    summary: 'As it is deployed.',
    notes: [],
  };
  return { changes: [change], steps: [] };
}

export function joinNames(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
