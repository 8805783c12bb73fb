import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { pageAddress, readAccess } from '../../ui/server';
import { Failure } from '../failure';
import type { Output } from '../terminal';
import { DEFAULT_DATA, text } from './options';
import { isRunningOver } from './runtime-file';

export function addUi(program: Command, { stdout }: { readonly stdout: Output }): void {
  program
    .command('ui')
    .summary('open the page of the local runtime in a browser')
    .description(
      'Prints the address of the page that the local runtime over the data folder serves, and opens it in a browser.\n' +
        'Who has the address can use the page: it ends in a token.',
    )
    .option('--data <dir>', 'data folder of the running runtime', text('--data'), DEFAULT_DATA)
    .option('--no-open', 'print the address only')
    .action((options: { data: string; open: boolean }) => {
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
