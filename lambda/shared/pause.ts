import type { ObjectStore } from './objects';
import { asJson, asNumber, asOneOf, asRecord } from './parse';

/** All objects about a pause are below this prefix of the work bucket. */
export const pausePrefix = 'pause/';
/** Says how far a pause of the environment is. No object: the environment is not paused. */
export const pauseKey = `${pausePrefix}state.json`;
/** Written by the export function of a pipeline while the environment is being paused: whether an export is in progress. */
export const exportsReportKey = (pipeline: string) => `${pausePrefix}exports/${pipeline}.json`;

export interface PauseState {
  /**
   * `pausing`: exports in progress finish, no further one starts. `paused`: the warehouse is paused, or takes no statements of the functions.
   * `resumed`: everything runs again, and streams keep their records for longer until `retention` is restored.
   */
  readonly phase: 'pausing' | 'paused' | 'resumed';
  readonly by: 'person' | 'budget';
  /** Epoch milliseconds, as all times here. When the pause was asked for; in the phase `resumed`, when it ended. */
  readonly since: number;
  /** When the warehouse was paused. @default - not yet */
  readonly pausedAt?: number;
  /** When the environment resumes by itself. */
  readonly until: number;
  /** Hours that each stream kept its records before they were extended, by the stream's name. */
  readonly retention: Readonly<Record<string, number>>;
  /** Hours that those streams keep their records meanwhile. @default - not extended */
  readonly extendedHours?: number;
  /** RPUs of a workgroup before the pause. @default - a cluster, or not lowered yet */
  readonly baseCapacity?: number;
  /** True if exports in progress are not waited for. */
  readonly now: boolean;
}

const phases = ['pausing', 'paused', 'resumed'] as const;

/** @throws Error for a text that is no such document */
export function parsePauseState(text: string): PauseState {
  const fields = asRecord(asJson(text, pauseKey), pauseKey);
  const number = (name: string) => asNumber(fields[name], `${pauseKey}: ${name}`);
  const optional = (name: string) => (fields[name] === undefined ? {} : { [name]: number(name) });
  const hours = Object.entries(asRecord(fields['retention'], `${pauseKey}: retention`));
  return {
    phase: asOneOf(fields['phase'], phases, `${pauseKey}: phase`),
    by: asOneOf(fields['by'], ['person', 'budget'], `${pauseKey}: by`),
    since: number('since'),
    until: number('until'),
    retention: Object.fromEntries(hours.map(([name, value]) => [name, asNumber(value, `${pauseKey}: ${name}`)])),
    ...optional('pausedAt'),
    ...optional('extendedHours'),
    ...optional('baseCapacity'),
    now: fields['now'] === true,
  };
}

/** The report of a pipeline's exports. */
export interface ExportsReport {
  readonly busy: boolean;
  /** `since` of the pause that it answers. */
  readonly since: number;
}

/** @throws Error for a text that is no such document */
export function parseExportsReport(text: string): ExportsReport {
  const { busy, since } = asRecord(asJson(text, 'report'), 'report');
  return { busy: busy === true, since: asNumber(since, 'report.since') };
}

/** Reads the state of the environment's pause. Undefined: the environment is not paused. */
export async function readPauseState(
  objects: Pick<ObjectStore, 'get'>,
  workBucket: string,
): Promise<PauseState | undefined> {
  const text = await objects.get(workBucket, pauseKey);
  return text === undefined ? undefined : parsePauseState(text);
}
