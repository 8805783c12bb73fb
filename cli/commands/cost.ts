import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { findEnvironment } from '../cloud/environments';
import { type CostChange, costChange, costOf, defaultEventBytes, type Line, monthOf } from '../cost/cost';
import { costTable, differenceTable } from '../cost/table';
import { resourcesOf } from '../cost/templates';
import { Failure } from '../failure';
import { withAssemblyOf } from '../plan/git-ref';
import type { Io } from '../terminal';
import { synthesize } from './local/synth';
import { text, wholeNumber } from './options';

interface CostOptions {
  readonly bytes: number;
  readonly eventsPerDay?: number;
  readonly from?: string;
  readonly json?: true;
}

export function addCost(program: Command, io: Io): void {
  program
    .command('cost <environments...>')
    .summary('what an environment costs, computed from its templates')
    .description(
      'Prices every resource of the synthesized templates at list prices of us-east-1 (cli/cost/prices.ts): a month ' +
        'without traffic, a million events, a GB kept. No credentials are needed.\n\n' +
        '  npx millrace cost dev prod                      both, with their arithmetic\n' +
        '  npx millrace cost prod --events-per-day 5000000 a month with this traffic\n' +
        '  npx millrace cost prod --from main              what merging this tree into main would cost',
    )
    .option('--bytes <n>', 'bytes of an event', wholeNumber('--bytes', 1, 10_485_760), defaultEventBytes)
    .option('--events-per-day <n>', 'adds a month with this traffic', wholeNumber('--events-per-day', 0, 1e12))
    .option('--from <what>', 'compare with a git ref or a cloud assembly', text('--from'))
    .option('--json', 'one JSON object on stdout')
    .action(async (names: string[], options: CostOptions) => {
      for (const name of names) findEnvironment(name, 'each environment');
      const costs: Record<string, Line[]> = {};
      for (const name of names) costs[name] = await costOfTree(name, options.bytes);
      io.stdout.write(options.from === undefined ? printed(costs, options) : await compared(costs, options));
    });
}

/** Prices an environment of this tree. */
export async function costOfTree(environment: string, bytes = defaultEventBytes): Promise<Line[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cost-'));
  try {
    const assembly = await synthesize(folder, new AbortController().signal, { environment });
    return costOf(resourcesOf(assembly, environment), bytes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function printed(costs: Record<string, Line[]>, { json, bytes, eventsPerDay }: CostOptions): string {
  const traffic = eventsPerDay === undefined ? undefined : { eventsPerDay, eventBytes: bytes };
  if (!json) return `${costTable(costs, 'arithmetic', traffic)}\n`;
  const months =
    traffic && Object.fromEntries(Object.entries(costs).map(([name, lines]) => [name, monthOf(lines, traffic)]));
  return `${JSON.stringify({ environments: costs, ...(months && { months }) })}\n`;
}

/** Returns the fixed costs beside those of a git ref or an assembly. */
async function compared(costs: Record<string, Line[]>, { from, json, bytes }: CostOptions): Promise<string> {
  const found: Record<string, CostChange> = {};
  const tables: string[] = [];
  for (const [name, after] of Object.entries(costs)) {
    const change = costChange(await costBefore(from!, name, bytes), after);
    found[name] = change;
    tables.push(`${name}, compared with ${from}\n\n${differenceTable(change)}\n`);
  }
  return json ? `${JSON.stringify({ environments: found })}\n` : tables.join('\n');
}

/**
 * Prices an environment at a git ref, or in a cloud assembly.
 * @throws Failure if `from` is neither, or has a resource without a price
 */
async function costBefore(from: string, environment: string, bytes: number): Promise<Line[]> {
  const price = (assembly: string) => {
    const resources = resourcesOf(assembly, environment);
    if (Object.keys(resources).length === 0)
      throw new Failure(`--from ${from} is not a cloud assembly with stacks of ${environment}`, 2);
    return costOf(resources, bytes);
  };
  return existsSync(from) ? price(from) : withAssemblyOf(from, environment, price);
}
