import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Partner } from '../../environments/environment';
import { prefixesOf } from '../../lib/partners/prefixes';
import { preset } from '../../lib/partners/presets';
import { styleFor, table } from '../terminal';
import { addContextOptions, type CommandIo, type ContextOptions, type Exit } from './context';
import { text } from './options';
import { partnerCaller } from './partners/caller';
import type { Check } from './partners/check-list';
import { checkPartner } from './partners/checks';
import { onboarding } from './partners/onboarding';
import { externalIdsOf, findPartner, type PartnerSite, partnerSite, roleArnOf } from './partners/site';

export function addPartners(program: Command, io: CommandIo, exit: Exit): void {
  const partners = program
    .command('partners')
    .summary('list partners, write the page to send, verify what their roles open')
    .description(
      'Lists the partners of an environment (environments/*.ts) and their roles, writes the page to send, and verifies what the roles open.',
    );
  addContextOptions(partners.command('list').summary('list every partner with its role'), 60).action(
    async (options: ContextOptions) => {
      list(await partnerSite(options), options, io);
    },
  );
  addContextOptions(
    partners
      .command('onboard <name>')
      .summary('write the page for a partner: role, external id, bucket, prefixes, and a snippet for their system')
      .option('--out <file>', 'write to this file instead of stdout; only its owner can read it', text('--out')),
    60,
  ).action(async (name: string, options: ContextOptions & { out?: string }) => {
    const site = await partnerSite(options);
    const partner = findPartner(site, name);
    const page = onboarding(site, partner, await externalIdsOf(site, partner));
    if (options.out === undefined) io.stdout.write(options.json ? `${JSON.stringify(page.facts)}\n` : page.text);
    else {
      writeFileSync(options.out, options.json ? `${JSON.stringify(page.facts)}\n` : page.text, { mode: 0o600 });
      io.stderr.write(`wrote ${options.out}\n`);
    }
  });
  addContextOptions(
    partners
      .command('verify [name]')
      .summary('try everything that the roles must and must not allow')
      .description(
        'Calls STS, S3 and the endpoints as the partner would: without an external id, with wrong ones, with those of others, with its own; then inside and ' +
          'outside its prefixes, and endpoints that it may ask and those that it may not. Exit code 0 only if everything is as it should be; 1 if something is open, closed or could not be proven.',
      )
      .option('--as <profile>', 'in AWS: profile with credentials of the principal of the partner', text('--as')),
    300,
  ).action(async (name: string | undefined, options: ContextOptions & { as?: string }) => {
    const site = await partnerSite(options);
    const chosen = name === undefined ? site.environment.partners : [findPartner(site, name)];
    const checks: Check[] = [];
    for (const partner of chosen) checks.push(...(await checkPartner(site, partner, partnerCaller(site, options.as))));
    printChecks(checks, options, io);
    exit.code = checks.every(({ result }) => result === 'holds') ? 0 : 1;
  });
}

function list(site: PartnerSite, { json }: ContextOptions, io: CommandIo): void {
  const rows = site.environment.partners.map((partner) => ({
    name: partner.name,
    who: partner.who.kind,
    mode: partner.access.mode,
    prefixes: prefixesOf(partner),
    role: roleArnOf(site, partner),
    externalId: stateOf(partner),
    until: partner.until ?? null,
  }));
  if (json) return void io.stdout.write(`${JSON.stringify({ environment: site.environment.name, partners: rows })}\n`);
  if (rows.length === 0) return void io.stdout.write(`environments.${site.environment.name}.partners is empty.\n`);
  const cells = rows.map((row) => [
    row.name,
    row.who,
    row.mode,
    row.prefixes.join(', '),
    row.externalId,
    row.until ?? '',
    row.role,
  ]);
  io.stdout.write(
    `${table(['partner', 'who', 'access', 'prefixes', 'external id', 'until', 'role'], cells, styleFor(io.stdout, io.env), { longest: 200 })}\n`,
  );
}

function stateOf(partner: Partner): string {
  if (preset(partner).principal === undefined) return 'awaited: the role trusts nobody until who.userArn is known';
  const { externalId } = partner;
  if (externalId.kind === 'awaited') return 'awaited: the role trusts nobody';
  const count = externalId.kind === 'given' ? externalId.values.length : (externalId.generations ?? [1]).length;
  return count === 1 ? externalId.kind : `${externalId.kind}, in rotation`;
}

function printChecks(checks: readonly Check[], { json }: ContextOptions, io: CommandIo): void {
  const of = (result: Check['result']) => checks.filter((check) => check.result === result).length;
  const counts = { holds: of('holds'), broken: of('broken'), unproven: of('unproven') };
  if (json) return void io.stdout.write(`${JSON.stringify({ ...counts, checks })}\n`);
  const style = styleFor(io.stdout, io.env);
  const rows = checks.map(({ partner, what, expected, result, detail }) => [
    partner,
    what,
    expected,
    result === 'broken' ? 'BROKEN' : result,
    detail ?? '',
  ]);
  io.stdout.write(`${table(['partner', 'what', 'must be', '', ''], rows, style, { longest: 160 })}\n\n`);
  io.stdout.write(`${counts.holds} hold, ${counts.broken} broken, ${counts.unproven} unproven\n`);
}
