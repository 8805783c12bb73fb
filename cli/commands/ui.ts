import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { pageAddress, readAccess } from '../../ui/server';
import { Failure, Interrupted } from '../failure';
import { interruptible } from '../interrupt';
import type { Output } from '../terminal';
import { addEnvironmentOptions } from './options';
import { isRunningOver } from './runtime-file';

interface UiOptions {
  readonly data: string;
  readonly environment?: string;
  readonly outputs: string;
  readonly open: boolean;
  readonly policy?: boolean;
}

const DESCRIPTION = `Prints the address of a page that shows a running environment, and opens it in a browser. Who has the address can
use the page: it ends in a token.

Without --environment it is the page of the local runtime over the data folder. With it, this command serves the page of an
environment in AWS until Ctrl-C, with your credentials. That page only reads. docs/page.md says how often it looks, and
what a look costs.

  npx millrace ui
  npx millrace ui --environment dev --outputs outputs.json
  npx millrace ui --environment dev --outputs outputs.json --policy > policy.json`;

export function addUi(program: Command, { stdout }: { readonly stdout: Output }): void {
  addEnvironmentOptions(
    program
      .command('ui')
      .summary('open the page of the local runtime, or of an environment in AWS, in a browser')
      .description(DESCRIPTION),
  )
    .option('--no-open', 'print the address only')
    .option('--policy', 'print the IAM policy that the page needs, with --environment')
    .action(async (options: UiOptions) => {
      if (options.environment !== undefined)
        return await inAws({ ...options, environment: options.environment }, stdout);
      if (options.policy)
        throw new Failure('--policy needs --environment: the page of the local runtime needs none', 2);
      const access = readAccess(options.data);
      if (!isRunningOver(options.data) || access?.port === undefined)
        throw new Failure(
          `no page is served over ${options.data}; start one with 'npm start', or name its folder with --data`,
        );
      const address = pageAddress({ token: access.token, port: access.port });
      stdout.write(`${address}\n`);
      if (options.open) openInBrowser(address);
    });
}

/** Serves the page until Ctrl-C. */
async function inAws(options: UiOptions & { readonly environment: string }, stdout: Output): Promise<void> {
  // Loaded late: the page of the local runtime does not need the SDK.
  const { connectPage, openAwsPage } = require('../page/open-aws-page') as typeof import('../page/open-aws-page');
  if (options.policy) {
    const { ports, policy } = connectPage(options);
    ports.dispose();
    stdout.write(`${JSON.stringify(policy(), null, 2)}\n`);
    return;
  }
  const serve = async (signal: AbortSignal) => {
    const page = await openAwsPage(options);
    try {
      stdout.write(`${page.address}\n`);
      if (options.open) openInBrowser(page.address);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    } finally {
      await page.dispose();
    }
  };
  await interruptible(serve, () => 'the page is closed').catch((error: unknown) => {
    // Ctrl-C is how the page ends.
    if (!(error instanceof Interrupted)) throw error;
  });
}

/** Opens a browser. A machine without one is no error, because the address is printed too. */
function openInBrowser(address: string): void {
  const commands: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
    darwin: ['open'],
    win32: ['rundll32', 'url.dll,FileProtocolHandler'],
  };
  const [command, ...args] = commands[process.platform] ?? ['xdg-open'];
  spawn(command, [...args, address], { detached: true, stdio: 'ignore' })
    .on('error', () => {})
    .unref();
}
