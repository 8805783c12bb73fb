import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { hashDefinition } from '../text/definition';
import { identityVersion } from './identity';
import { landingQuery } from './landing';

/** The database user that owns every object and runs every statement except those that create this user. */
export const ownerUser = 'millrace_owner';

/**
 * The tables that record what became of each record. Each belongs to one identity and has its version in its name.
 * People read them through plain views without the version: `estore.events`.
 */
export const identityTableNames = ['events', 'duplicates', 'rejects', 'ledger', 'gaps'] as const;
export type IdentityTableName = (typeof identityTableNames)[number];

/** The tables of a pipeline. Every pipeline has them, except those of `subjectTables`. */
export const tableNames = [
  'staged',
  'staged_archive',
  'parked',
  'listing',
  'runs',
  'checkpoints',
  'exports',
  'fills',
  'view_failures',
  'conversions',
  'skipped',
  'forgotten',
  'rewrites',
  'duplicates',
  'rejects',
  'ledger',
  'gaps',
  // Last, because filling the table or its columns needs the other tables.
  'events',
] as const;
export type TableName = (typeof tableNames)[number];

/** The tables that only pipelines with a `subject` have. */
const subjectTables: readonly TableName[] = ['forgotten', 'rewrites'];

/** The tables that the pipeline has. */
export const tableNamesOf = ({ subject = [] }: Pick<Pipeline, 'subject'>): readonly TableName[] =>
  tableNames.filter((table) => subject.length > 0 || !subjectTables.includes(table));

export const isIdentityTable = (name: string): name is IdentityTableName =>
  (identityTableNames as readonly string[]).includes(name);

/**
 * Schema-qualified names of a pipeline's tables, with the identity's version where they have one:
 * `estore.events_1a2b3c4d`, `estore.runs`.
 */
export function pipelineTables(pipeline: Pick<Pipeline, 'name' | 'identity' | 'columns'>): Record<TableName, string> {
  const version = identityVersion(pipeline);
  const named = (table: TableName) => `${pipeline.name}.${isIdentityTable(table) ? `${table}_${version}` : table}`;
  return Object.fromEntries(tableNames.map((table) => [table, named(table)])) as Record<TableName, string>;
}

/** The names by which people, commands and exports read the tables, whatever the identity is: `estore.events`. */
export function publicTables({ name }: Pick<Pipeline, 'name'>): Record<TableName, string> {
  return Object.fromEntries(tableNames.map((table) => [table, `${name}.${table}`])) as Record<TableName, string>;
}

/** SQL condition: the rows of `checkpoints` that belong to the pipeline's identity. */
export const ofIdentity = (pipeline: Pick<Pipeline, 'identity' | 'columns'>) =>
  `identity_version = ${quoteLiteral(identityVersion(pipeline))}`;

/** SQL condition: the checkpoints of the landing view under the pipeline's identity. */
export const ofLanding = (pipeline: Pick<Pipeline, 'identity' | 'columns' | 'stream'>) =>
  `landing = ${quoteLiteral(landingTable(pipeline))} and ${ofIdentity(pipeline)}`;

/** SQL condition on the landing view: rows that no merge of the pipeline's identity has read. */
export const isUnmerged = (pipeline: Pick<Pipeline, 'name' | 'identity' | 'columns' | 'stream'>) =>
  `refresh_time > coalesce(
    (select max(refresh_time) from ${publicTables(pipeline).checkpoints} where ${ofLanding(pipeline)}), '1970-01-01'::timestamp)`;

/** SQL for the arrival time until which the views include every record. Null before the first refresh. */
export const completeUntil = (pipeline: Pick<Pipeline, 'name' | 'identity' | 'columns'>) =>
  `(select max(complete_until) from ${publicTables(pipeline).checkpoints} where ${ofIdentity(pipeline)})`;

/** The external schema over the pipeline's stream. */
export function streamSchema(pipeline: Pick<Pipeline, 'name'>): string {
  return `${pipeline.name}_stream`;
}

/**
 * Version of the landing view: a hash over its query and over `recreatedAt`, which tells streams of one name apart.
 * The name of the stream is left out, since environment and pipeline determine it.
 */
export function landingVersion({ stream }: Pick<Pipeline, 'stream'>): string {
  const { recreatedAt } = stream;
  return hashDefinition(landingQuery(recreatedAt === undefined ? 'stream' : `"stream of ${recreatedAt}"`));
}

/** Name of the landing view without its schema. It ends with the version. */
export function landingTable(pipeline: Pick<Pipeline, 'stream'>): string {
  return `landing_${landingVersion(pipeline)}`;
}

/** The landing view, schema-qualified: `estore.landing_1a2b3c4d`. */
export function landingName(pipeline: Pick<Pipeline, 'name' | 'stream'>): string {
  return `${pipeline.name}.${landingTable(pipeline)}`;
}

/** `hourly_views` as a construct id: `HourlyViews`. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|_+)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
}
