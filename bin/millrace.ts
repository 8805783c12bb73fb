import type { Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { version } from '../package.json';
import { addBackfill } from './commands/backfill';
import { addConformance } from './commands/conformance';
import { addEndpoints } from './commands/endpoints';
import { addFiles } from './commands/files';
import { addGenerate } from './commands/generate';
import { addLocal } from './commands/local';
import { addPartners } from './commands/partners';
import { addRedrive } from './commands/redrive';
import { addRejects } from './commands/rejects';
import { addReprocess } from './commands/reprocess';
import { addSql } from './commands/sql';
import { addWarehouse } from './commands/warehouse';
import { addWhy } from './commands/why';
import { explain, Failure } from './failure';
import type { Output } from './terminal';

export interface Io {
  readonly stdout: Writable & Output;
  readonly stderr: Writable & Output;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs one command line and answers its exit code: 0 done, 1 failed, 2 asked for something impossible. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const setExitCode = { code: 0 };
  const program = createProgram(io, setExitCode);
  try {
    await program.parseAsync(args, { from: 'user' });
    return setExitCode.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0;
    io.stderr.write(`error: ${explain(error)}\n`);
    if (io.env['MILLRACE_DEBUG'] && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return error instanceof Failure ? error.exitCode : 1;
  }
}

function createProgram(io: Io, exit: { code: number }): Command {
  const program = new Command('millrace')
    .description(
      'From an event stream to fresh, complete, shareable analytics: the pipelines of this repository on this machine.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError('(add --help for what is possible)');
  addLocal(program, io, exit);
  addGenerate(program, io.stdout, io.stderr);
  addSql(program, io.stdout, io.env);
  addEndpoints(program, io.stdout);
  addFiles(program, io, exit);
  addBackfill(program, io, exit);
  addRedrive(program, io, exit);
  addReprocess(program, io, exit);
  addRejects(program, io, exit);
  addWhy(program, io, exit);
  addPartners(program, io, exit);
  addWarehouse(program, io);
  addConformance(program, io, exit);
  return program;
}

if (require.main?.filename.endsWith('millrace.js') || require.main === module) {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // the reader of a pipe left
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, env: process.env }).then((code) => {
    process.exitCode = code;
  });
}
