import type { Partner } from '../../../environments/environment';
import { prefixesOf } from '../../../lib/partners/prefixes';
import { preset } from '../../../lib/partners/presets';
import { findExport } from '../exports/find-export';
import { bucketOf, type PartnerSite, roleArnOf } from './site';
import { type OnboardingFacts, snippet } from './snippets';

/** Returns the page to send to the partner, and the facts on it. */
export function onboarding(
  site: PartnerSite,
  partner: Partner,
  externalIds: readonly string[],
): { readonly text: string; readonly facts: OnboardingFacts } {
  const facts: OnboardingFacts = {
    partner: partner.name,
    environment: site.environment.name,
    roleArn: roleArnOf(site, partner),
    externalIds,
    principal: preset(partner).principal ?? null,
    bucket: bucketOf(site, 'Exports'),
    region: site.region,
    prefixes: prefixesOf(partner),
    formats: formatsOf(partner),
    access: partner.access.mode,
    until: partner.until ?? null,
  };
  const parts = [
    `# ${partner.name}: access to ${facts.access === 'read' ? 'exports' : 'a prefix of your own'}`,
    table(facts),
    ...missing(partner, facts),
    facts.access === 'read' ? layout(facts) : writing(facts),
    snippet(partner, facts),
  ];
  return { text: `${parts.join('\n\n')}\n`, facts };
}

const formatsOf = ({ access }: Partner) =>
  access.mode === 'read' ? access.exports.map((name) => findExport(name).definition.format.kind) : [];

function table(facts: OnboardingFacts): string {
  const rows: [string, string][] = [
    ['role', facts.roleArn],
    ...facts.externalIds.map((id, index): [string, string] => [
      index === 0 && facts.externalIds.length === 2 ? 'external id, until you have changed over' : 'external id',
      id,
    ]),
    ['who may assume it', facts.principal ?? 'not known yet'],
    ['bucket', facts.bucket],
    ['region', facts.region],
    ...facts.prefixes.map((prefix, index): [string, string] => [
      facts.formats[index] ? `prefix, ${facts.formats[index]}` : 'prefix',
      prefix,
    ]),
    ['access', facts.access],
    ...(facts.until ? [['ends on', `${facts.until}, 00:00 UTC`] as [string, string]] : []),
  ];
  return ['| | |', '|---|---|', ...rows.map(([name, value]) => `| ${name} | \`${value}\` |`)].join('\n');
}

/** Says what is missing, and where the partner finds it. */
function missing({ who, externalId }: Partner, facts: OnboardingFacts): string[] {
  if (facts.principal !== null && externalId.kind !== 'awaited') return [];
  const where: Record<typeof who.kind, string> = {
    aws: 'Choose an id of at least 20 random characters and send it to us over a channel that you trust.',
    snowflake:
      'Create the storage integration below, then run `DESC INTEGRATION millrace` and send us `STORAGE_AWS_IAM_USER_ARN`' +
      (externalId.kind === 'awaited' ? ' and `STORAGE_AWS_EXTERNAL_ID`.' : '.'),
    databricks: 'Create the storage credential below; Databricks then shows its external id. Send it to us.',
    materialize:
      'Create the connection below and send us the id that this query shows:\n\n```sql\n' +
      "SELECT external_id FROM mz_internal.mz_aws_connections a JOIN mz_connections c ON a.id = c.id WHERE c.name = 'millrace';\n```",
  };
  return [`## What we still need\n\nThe role trusts nobody yet. ${where[who.kind]}`];
}

function layout({ prefixes }: OnboardingFacts): string {
  return `## How the files lie

- \`<prefix>latest.json\` names the newest publication: its window, its success file and the keys of its files in the bucket. Read it first; it only ever names complete runs. A window without rows has no files.
- \`<prefix>window=<start>/revision=<n>/run=<id>/\` is one run: \`success.json\` (window, rows, columns, each file with its bytes and SHA-256) and the files below \`data/\`, where the folders are columns too.
- To take everything once, read the success file that \`latest.json\` names, then the one that its \`previous\` names, back to the \`sequence\` that you had last. A \`correction\` replaces its window, a \`snapshot\` the one before.
- Take no files that nothing names: they are being written, or will be deleted.

${prefixes.map((prefix) => `- \`${prefix}\``).join('\n')}`;
}

function writing({ prefixes }: OnboardingFacts): string {
  return `## Where to write\n\nAnything below \`${prefixes[0]}\`. You can write, list and delete there, and nowhere else.`;
}
