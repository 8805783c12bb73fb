import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { render, type Values } from '../../lambda/shared/statement';
import { execute, type Row, run, StatementError } from '../../lambda/shared/warehouse';
import type { ConnectOptions } from '../cloud/connect';
import type { Cloud } from '../cloud/ports';
import { Failure } from '../failure';
import { type Output, Progress, type Style, styleFor } from '../terminal';
import { DEFAULT_DATA, text, wholeNumber } from './options';

/** What a command works with: an environment, a terminal, and time. */
export interface Context {
  readonly cloud: Cloud;
  /** The result. */
  readonly stdout: Output;
  /** Goes to stderr, so that stdout holds the result alone. */
  readonly progress: Progress;
  /** Of stdout. */
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

/** Adds the options that every command on a running environment has. */
export function addContextOptions(command: Command, timeoutSeconds: number): Command {
  return command
    .option('--data <dir>', 'data folder of the running local runtime', text('--data'), DEFAULT_DATA)
    .option('--environment <name>', 'work on this environment in AWS instead', text('--environment'))
    .option(
      '--outputs <file>',
      'what cdk deploy --outputs-file wrote, with --environment',
      text('--outputs'),
      'outputs.json',
    )
    .option(
      '--timeout <s>',
      'give up after so many seconds',
      wholeNumber('--timeout', 1, 24 * HOUR_SECONDS),
      timeoutSeconds,
    )
    .option('--json', 'the result as one JSON object');
}

/** Connects, works and disconnects. The exit code is 0 when the work found nothing wrong, else 1. */
export async function withContext(
  options: ContextOptions,
  io: CommandIo,
  exit: Exit,
  act: (context: Context) => Promise<boolean>,
): Promise<void> {
  // Loaded when it is needed: help and plans without a warehouse do without the SDK.
  const { connect } = require('../cloud/connect') as typeof import('../cloud/connect');
  const cloud = connect(options);
  const progress = new Progress(io.stderr, styleFor(io.stderr, io.env));
  const deadline = performance.now() + options.timeout * 1000;
  try {
    const good = await act({
      cloud,
      stdout: io.stdout,
      progress,
      style: styleFor(io.stdout, io.env),
      json: options.json === true,
      remainingMs: () => deadline - performance.now(),
      sleep: wait,
    });
    exit.code = good ? 0 : 1;
  } finally {
    progress.stop();
    cloud.close();
  }
}

/**
 * Runs one statement to its end and answers its rows. `what` names it in messages and among the statements of the warehouse.
 * @throws Failure with what the warehouse says, or when the time of the command is up
 */
export async function queryRows(context: Context, what: string, template: string, values: Values = {}): Promise<Row[]> {
  const { warehouse } = context.cloud;
  return explained(what, () => run(warehouse, `millrace-cli/${what}`, render(template, values), context.remainingMs));
}

/** As `ask`, for a statement that changes something: the Data API has no result for it. */
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

/** Time is up. */
export function assertTimeLeft(context: Context, what: string): void {
  if (context.remainingMs() <= 0) throw new Failure(`${what}: the time is up; raise --timeout`);
}

/** A parser for commander: a moment in UTC as a day or an ISO 8601 time with its zone, in epoch milliseconds. */
export function moment(flag: string): (value: string) => number {
  return (value) => {
    const [, day] = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.exec(value) ?? [];
    const time = day === undefined ? Number.NaN : Date.parse(value);
    // 30 February is 2 March for the parser
    if (Number.isNaN(time) || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day)
      throw new Failure(
        `${flag} must be a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z, got '${value}'`,
        2,
      );
    return time;
  };
}

/** @throws Failure where nothing can lie between the moments */
export function checkOrder({ since, until }: { readonly since?: number; readonly until?: number }): void {
  if (since === undefined || until === undefined || since < until) return;
  const shown = (time: number) => new Date(time).toISOString();
  throw new Failure(`--since must be before --until, got ${shown(since)} and ${shown(until)}`, 2);
}

/** `2026-11-21 09:00:00` of the warehouse, which is in UTC, as epoch milliseconds. */
export const warehouseTime = (timestamp: unknown) => Date.parse(`${String(timestamp).replace(' ', 'T')}Z`);

/** Epoch milliseconds as the warehouse writes them. */
export const warehouseText = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 23).replace('T', ' ');
