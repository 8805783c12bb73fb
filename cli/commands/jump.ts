import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { Failure } from '../failure';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { type Output, styleFor } from '../terminal';
import { clockOfRuntime as clock } from './clock';
import { DEFAULT_DATA, text } from './options';
import { pausedText } from './pause';
import { type RuntimeFile, readRuntimeFile } from './runtime-file';

interface JumpIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
}

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestMs = 366 * unitsMs.d;
const pollEveryMs = 200;

/** Parses `90m`, `2h` or `1d` to milliseconds. @throws Failure that says what is allowed */
export function durationOf(given: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(given) ?? [];
  const ms = Number(amount) * (unitsMs[unit as keyof typeof unitsMs] ?? Number.NaN);
  if (!(ms > 0 && ms <= longestMs))
    throw new Failure(`duration must be a number with s, m, h or d, at most 366d, as in 90m, got '${given}'`, 2);
  return ms;
}

export function addJump(program: Command, io: JumpIo): void {
  program
    .command('jump <duration>')
    .summary('move the clock of the running local environment forward')
    .description(
      'Moves the clock of a running `npm start` forward, by way of all that is due until then: refreshes, exports, retries, retention.\n\n' +
        '  npx millrace jump 2h',
    )
    .option('--data <dir>', 'folder of the environment', text('--data'), DEFAULT_DATA)
    .action(async (duration: string, { data }: { data: string }) => {
      const ms = durationOf(duration);
      const runtime = readRuntimeFile(data);
      const progress = new Progress(io.stderr, styleFor(io.stderr, io.env));
      try {
        const end = await interruptible(
          () => jump(runtime, ms, progress),
          () => progress.interruption(),
        );
        io.stdout.write(`${new Date(end).toISOString()}\n`);
        const paused = await pausedText(runtime);
        if (paused !== undefined) progress.warning(paused);
      } finally {
        progress.stop();
      }
    });
}

/** Moves the clock forward. Returns its time at the end. */
async function jump(runtime: RuntimeFile, ms: number, progress: Progress): Promise<number> {
  const stage = progress.stage('jump', 'asking the clock');
  const begin = await clock(runtime);
  const to = begin.now + ms;
  progress.ifInterrupted(`The clock moves on to ${new Date(to).toISOString()} without this command.`);
  await clock(runtime, to);
  for (;;) {
    const { now, jumpsTo, error } = await clock(runtime);
    if (error !== undefined) throw new Failure(`the jump ended at ${new Date(now).toISOString()}: ${error}`);
    if (jumpsTo === undefined) {
      stage.done(new Date(now).toISOString());
      return now;
    }
    stage.update(new Date(now).toISOString());
    await wait(pollEveryMs);
  }
}
