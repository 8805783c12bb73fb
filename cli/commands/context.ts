import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { render, type Values } from '../../lambda/shared/statement';
import { execute, type Row, run, StatementError } from '../../lambda/shared/warehouse';
import type { ConnectOptions } from '../cloud/connect';
import type { Cloud } from '../cloud/ports';
import { Failure } from '../failure';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { type Output, type Style, styleFor } from '../terminal';
import { addEnvironmentOptions, wholeNumber } from './options';

/** Everything a command needs: an environment, a terminal, and a deadline. */
export interface Context {
  readonly cloud: Cloud;
  /** Receives the result. */
  readonly stdout: Output;
  /** Writes to stderr, so that stdout holds only the result. */
  readonly progress: Progress;
  /** Style of stdout. */
  readonly style: Style;
  readonly json: boolean;
  /** Milliseconds until the deadline of the command. */
  remainingMs(): number;
  sleep(ms: number): Promise<unknown>;
}

export interface ContextOptions extends ConnectOptions {
  /** Seconds. */
  readonly timeout: number;
  readonly json?: boolean;
}

export interface CommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
}

export interface Exit {
  code: number;
}

const HOUR_SECONDS = 3600;

/** Adds the options of every command that uses a running environment. */
export function addContextOptions(command: Command, timeoutSeconds: number): Command {
  return addEnvironmentOptions(command)
    .option(
      '--timeout <s>',
      'give up after so many seconds',
      wholeNumber('--timeout', 1, 24 * HOUR_SECONDS),
      timeoutSeconds,
    )
    .option('--json', 'the result as one JSON object');
}

/** Connects, runs the command and disconnects. The exit code is 0 if the command returns true, else 1. */
export async function withContext(
  options: ContextOptions,
  io: CommandIo,
  exit: Exit,
  act: (context: Context) => Promise<boolean>,
): Promise<void> {
  // Loaded late: help, and plans without a warehouse, do not need the SDK.
  const { connect } = require('../cloud/connect') as typeof import('../cloud/connect');
  const cloud = connect(options);
  const json = options.json === true;
  const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: json });
  const deadline = performance.now() + options.timeout * 1000;
  const run = (signal: AbortSignal) =>
    act({
      cloud,
      stdout: io.stdout,
      progress,
      style: styleFor(io.stdout, io.env),
      json,
      // After an interruption no time is left, so that the command ends at its next step.
      remainingMs: () => (signal.aborted ? 0 : deadline - performance.now()),
      sleep: (ms) => wait(ms, undefined, { signal }).catch(() => {}),
    });
  try {
    const good = await interruptible(run, () => progress.interruption());
    exit.code = good ? 0 : 1;
  } finally {
    progress.stop();
    cloud.close();
  }
}

/**
 * Runs one statement and returns its rows. `what` names it in messages and in the warehouse's list of statements.
 * @throws Failure with the warehouse's message, or if the command's time is up
 */
export async function queryRows(context: Context, what: string, template: string, values: Values = {}): Promise<Row[]> {
  const { warehouse } = context.cloud;
  return explained(what, () => run(warehouse, `millrace-cli/${what}`, render(template, values), context.remainingMs));
}

/** Runs a statement that changes something. The Data API has no result for it. */
export async function executeStatement(
  context: Context,
  what: string,
  template: string,
  values: Values = {},
): Promise<void> {
  const { warehouse } = context.cloud;
  await explained(what, () =>
    execute(warehouse, `millrace-cli/${what}`, render(template, values), context.remainingMs),
  );
}

async function explained<T>(what: string, statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    const { status, error: reason, id } = error.state;
    const ended = status === 'FAILED' || status === 'ABORTED';
    throw new Failure(
      ended
        ? `${what}: the warehouse ${status.toLowerCase()} the statement: ${reason ?? 'it gave no reason'}`
        : `${what}: the time is up and statement ${id} is still ${status.toLowerCase()}; raise --timeout`,
      1,
      { cause: error },
    );
  }
}

/** @throws Failure if the command's time is up */
export function assertTimeLeft(context: Context, what: string): void {
  if (context.remainingMs() <= 0) throw new Failure(`${what}: the time is up; raise --timeout`);
}

/**
 * Creates a commander parser for a UTC time: a day, or an ISO 8601 time with its zone. The value is in epoch
 * milliseconds.
 */
export function moment(flag: string): (value: string) => number {
  return (value) => {
    const time = parseMoment(value);
    if (time === undefined)
      throw new Failure(
        `${flag} must be a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z, got '${value}'`,
        2,
      );
    return time;
  };
}

/** Epoch milliseconds of a day in UTC or a time with its zone, both in ISO 8601; undefined for any other text. */
export function parseMoment(value: string): number | undefined {
  const [, day] = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.exec(value) ?? [];
  const time = day === undefined ? Number.NaN : Date.parse(value);
  // Date.parse reads 30 February as 2 March.
  return Number.isNaN(time) || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day ? undefined : time;
}

/** @throws Failure unless `since` is before `until` */
export function checkOrder({ since, until }: { readonly since?: number; readonly until?: number }): void {
  if (since === undefined || until === undefined || since < until) return;
  const shown = (time: number) => new Date(time).toISOString();
  throw new Failure(`--since must be before --until, got ${shown(since)} and ${shown(until)}`, 2);
}

/** Converts a UTC timestamp of the warehouse (`2026-11-21 09:00:00`) to epoch milliseconds. */
export const warehouseTime = (timestamp: unknown) => Date.parse(`${String(timestamp).replace(' ', 'T')}Z`);

/** Converts epoch milliseconds to a timestamp of the warehouse. */
export const warehouseText = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 23).replace('T', ' ');
