import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { environments } from '../../environments';
import { findEnvironment } from '../cloud/environments';
import { type CostChange, costChange, costOf, defaultEventBytes, type Line, monthOf } from '../cost/cost';
import { defaultRegion, isRegion, newTable, pricedRegions, pricesOf, tableOf } from '../cost/prices';
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
  readonly region?: string;
  readonly newRegion?: string;
  readonly json?: true;
}

export function addCost(program: Command, io: Io): void {
  program
    .command('cost [environments...]')
    .summary('what an environment costs, computed from its templates')
    .description(
      'Prices every resource of the synthesized templates, offline: a month without traffic, a million events, a GB kept. ' +
        `The list prices are those of ${pricedRegions().join(', ')}, from cli/cost/prices.ts and environments/prices. No credentials are needed. ` +
        'Without a name: all environments.\n\n' +
        '  npx millrace cost dev prod                      both, with their arithmetic\n' +
        '  npx millrace cost prod --events-per-day 5000000 a month with this traffic\n' +
        '  npx millrace cost prod --from main              what merging this tree into main would cost\n' +
        `  npx millrace cost prod --region ${defaultRegion}       for an environment in a region without prices\n` +
        '  npx millrace cost --new-region eu-west-1        begins environments/prices/eu-west-1.json, to be filled in',
    )
    .option('--bytes <n>', 'bytes of an event', wholeNumber('--bytes', 1, 10_485_760), defaultEventBytes)
    .option('--events-per-day <n>', 'adds a month with this traffic', wholeNumber('--events-per-day', 0, 1e12))
    .option('--from <what>', 'compare with a git ref or a cloud assembly', text('--from'))
    .option('--region <name>', "use this region's prices instead of those of the environment's region", region)
    .option(
      '--new-region <name>',
      'write a table without amounts for another region, with the page of each price',
      newRegion,
    )
    .option('--json', 'one JSON object on stdout')
    .action(async (given: string[], options: CostOptions) => {
      if (options.newRegion !== undefined) {
        const file = newTable(options.newRegion);
        io.stdout.write(
          options.json
            ? `${JSON.stringify({ file })}\n`
            : `${file} has a line for each price. Fill in dollars and readOn; each line names AWS's page.\n`,
        );
        return;
      }
      const names = given.length > 0 ? given : environments.map(({ name }) => name);
      // A region without prices is refused before the synthesis, which takes seconds.
      for (const name of names) pricesFor(name, options.region);
      const costs: Record<string, Line[]> = {};
      for (const name of names) costs[name] = await costOfTree(name, options);
      io.stdout.write(options.from === undefined ? printed(costs, options) : await compared(costs, options));
    });
}

function region(name: string): string {
  const known = pricedRegions();
  if (known.includes(name)) return name;
  throw new Failure(`--region must be one of ${known.join(', ')}, whose prices are known, got '${name}'`, 2);
}

function newRegion(name: string): string {
  if (isRegion(name) && name !== defaultRegion) return name;
  throw new Failure(`--new-region must be a region of AWS without prices, such as eu-west-1, got '${name}'`, 2);
}

/**
 * Returns the prices of the environment's region. An environment that names no region has the prices of us-east-1.
 * @throws Failure for an unknown environment; UnknownPriceError for a region without prices
 */
export const pricesFor = (environment: string, region?: string) => pricesOf(pricedRegionOf(environment, region));

export const pricedRegionOf = (environment: string, region?: string) =>
  region ?? findEnvironment(environment, 'each environment').region ?? defaultRegion;

/** Prices an environment of this tree. */
export async function costOfTree(
  environment: string,
  { bytes = defaultEventBytes, region }: { readonly bytes?: number; readonly region?: string } = {},
): Promise<Line[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cost-'));
  try {
    const assembly = await synthesize(folder, new AbortController().signal, { environment });
    return costOf(resourcesOf(assembly, environment), bytes, pricesFor(environment, region));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function printed(costs: Record<string, Line[]>, { json, bytes, eventsPerDay, region }: CostOptions): string {
  const traffic = eventsPerDay === undefined ? undefined : { eventsPerDay, eventBytes: bytes };
  const regions = Object.fromEntries(Object.keys(costs).map((name) => [name, pricedRegionOf(name, region)]));
  const readOn = Object.fromEntries([...new Set(Object.values(regions))].map((name) => [name, tableOf(name).readOn]));
  if (!json)
    return `${costTable(costs, 'arithmetic', traffic)}\n\nList prices of ${Object.entries(readOn)
      .map(([name, when]) => `${name} in ${when}`)
      .join(', ')}\n`;
  const months =
    traffic && Object.fromEntries(Object.entries(costs).map(([name, lines]) => [name, monthOf(lines, traffic)]));
  return `${JSON.stringify({ environments: costs, ...(months && { months }), regions, readOn })}\n`;
}

/** Returns the fixed costs beside those of a git ref or an assembly. */
async function compared(costs: Record<string, Line[]>, { from, json, bytes, region }: CostOptions): Promise<string> {
  const found: Record<string, CostChange> = {};
  const tables: string[] = [];
  for (const [name, after] of Object.entries(costs)) {
    const change = costChange(await costBefore(from!, name, { bytes, region }), after);
    found[name] = change;
    tables.push(`${name}, compared with ${from}\n\n${differenceTable(change)}\n`);
  }
  return json ? `${JSON.stringify({ environments: found })}\n` : tables.join('\n');
}

/**
 * Prices an environment at a git ref, or in a cloud assembly.
 * @throws Failure if `from` is neither, or has a resource without a price
 */
async function costBefore(
  from: string,
  environment: string,
  { bytes, region }: Pick<CostOptions, 'bytes' | 'region'>,
): Promise<Line[]> {
  const price = (assembly: string) => {
    const resources = resourcesOf(assembly, environment);
    if (Object.keys(resources).length === 0)
      throw new Failure(`--from ${from} is not a cloud assembly with stacks of ${environment}`, 2);
    return costOf(resources, bytes, pricesFor(environment, region));
  };
  return existsSync(from) ? price(from) : withAssemblyOf(from, environment, price);
}
