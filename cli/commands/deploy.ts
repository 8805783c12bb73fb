import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunEvent } from 'aws-local-kit';
import type { Command } from 'commander';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { type Output, styleFor } from '../terminal';
import { changesOf, lineOf, resultText } from './deploy/report';
import { deployTo } from './deploy/request-deployment';
import { synthesize } from './local/synth';
import { DEFAULT_DATA, text } from './options';
import { readRuntimeFile } from './runtime-file';

export interface DeployCommandIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
}

export function addDeploy(
  program: Command,
  io: DeployCommandIo,
  exit: { code: number },
  synth: typeof synthesize = synthesize,
): void {
  program
    .command('deploy')
    .summary('deploy this tree to the running local environment')
    .description(
      'Synthesizes the dev environment and deploys it to the local runtime over the data folder, as CloudFormation would: new versions\n' +
        'first, old ones deleted after all succeeded, everything rolled back if anything fails. Events keep flowing meanwhile.\n' +
        'Exit 0: deployed, or nothing to change. 1: it failed and was rolled back, with the reason. Ctrl-C ends this command, not the deployment.',
    )
    .option('--data <dir>', 'data folder of the running runtime', text('--data'), DEFAULT_DATA)
    .option('--repair', 'check every warehouse object, and recreate missing ones')
    .option('--json', 'the result as one JSON object, the only line on stdout')
    .action(async ({ data, json, repair }: { data: string; json?: boolean; repair?: boolean }) => {
      const runtime = readRuntimeFile(data);
      const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: json === true });
      const assemblyDir = join(resolve(data), `deploy-${process.pid}`);
      const events: RunEvent[] = [];
      const asked = repair ? { repair: new Date().toISOString() } : {};
      const run = async (signal: AbortSignal) => {
        const folder = await synthesized(progress, () => synth(assemblyDir, signal, asked));
        progress.ifInterrupted(
          'The deployment goes on in the local runtime. Run this command again to see the result.',
        );
        const stage = progress.stage('deploy', 'comparing the templates');
        const result = await deployTo(runtime, folder, (event) => {
          events.push(event);
          stage.count(completed(events), 'resources');
          const line = lineOf(event, progress.style);
          if (line !== undefined) progress.line(line);
        });
        if (result.failures.length > 0) stage.failed();
        else stage.done('');
        const changes = changesOf(events);
        exit.code = result.failures.length > 0 ? 1 : 0;
        if (json) io.stdout.write(`${JSON.stringify({ ...result, changes })}\n`);
        else io.stdout.write(`${resultText(result, changes, styleFor(io.stdout, io.env))}\n`);
      };
      try {
        await interruptible(run, () => progress.interruption());
      } finally {
        progress.stop();
        rmSync(assemblyDir, { recursive: true, force: true });
      }
    });
}

const completed = (events: readonly RunEvent[]) =>
  events.filter((event) => event.kind === 'resource' && event.done).length;

async function synthesized(progress: Progress, work: () => Promise<string>): Promise<string> {
  const stage = progress.stage('synth', 'the dev environment');
  try {
    const folder = await work();
    stage.done('the dev environment');
    return folder;
  } catch (error) {
    stage.failed();
    throw error;
  }
}
