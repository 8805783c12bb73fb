import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { environmentNamed } from '../cloud/environments';
import { costOf, costTable } from '../cost/cost';
import { resourcesOf } from '../cost/templates';
import type { Io } from '../terminal';
import { synthesize } from './local/synth';
import { wholeNumber } from './options';

export function addCost(program: Command, io: Io): void {
  program
    .command('cost <environment>')
    .summary('what an environment costs, computed from its templates')
    .description(
      'Prices every resource of the synthesized templates at list prices of us-east-1 (bin/cost/prices.ts): a month without traffic, a million events, a GB kept. No credentials are needed.',
    )
    .option('--bytes <n>', 'bytes of an event', wholeNumber('--bytes', 1, 10_485_760), 500)
    .option('--json', 'one JSON object on stdout')
    .action(async (name: string, { bytes, json }: { bytes: number; json?: true }) => {
      environmentNamed(name, 'the environment');
      const folder = mkdtempSync(join(tmpdir(), 'millrace-cost-'));
      try {
        const assembly = await synthesize(folder, new AbortController().signal, { environment: name });
        const lines = costOf(resourcesOf(assembly), bytes);
        io.stdout.write(
          json ? `${JSON.stringify({ environment: name, lines })}\n` : `${costTable({ [name]: lines })}\n`,
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
}
