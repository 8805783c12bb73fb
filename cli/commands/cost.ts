import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { findEnvironment } from '../cloud/environments';
import { costOf, costTable, type Line } from '../cost/cost';
import { resourcesOf } from '../cost/templates';
import type { Io } from '../terminal';
import { synthesize } from './local/synth';
import { wholeNumber } from './options';

export function addCost(program: Command, io: Io): void {
  program
    .command('cost <environments...>')
    .summary('what an environment costs, computed from its templates')
    .description(
      'Prices every resource of the synthesized templates at list prices of us-east-1 (cli/cost/prices.ts): a month without traffic, a million events, a GB kept. No credentials are needed.',
    )
    .option('--bytes <n>', 'bytes of an event', wholeNumber('--bytes', 1, 10_485_760), 500)
    .option('--json', 'one JSON object on stdout')
    .action(async (names: string[], { bytes, json }: { bytes: number; json?: true }) => {
      for (const name of names) findEnvironment(name, 'each environment');
      const folder = mkdtempSync(join(tmpdir(), 'millrace-cost-'));
      try {
        const costs: Record<string, Line[]> = {};
        for (const environment of names) {
          const signal = new AbortController().signal;
          const assembly = await synthesize(join(folder, environment), signal, { environment });
          costs[environment] = costOf(resourcesOf(assembly), bytes);
        }
        io.stdout.write(json ? `${JSON.stringify({ environments: costs })}\n` : `${costTable(costs)}\n`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
}
