import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { hashDefinition } from '../text/definition';
import { identityVersion } from './identity';
import { landingQuery } from './landing';

/** The database user that owns every object and runs every statement but its own creation. */
export const ownerUser = 'millrace_owner';

/**
 * The books: what became of each record. They hold for one identity, whose version is part of their names; people read them through plain views
 * of the names here, as `estore.events`.
 */
export const identityTableNames = ['events', 'duplicates', 'rejects', 'ledger', 'gaps'] as const;
export type IdentityTableName = (typeof identityTableNames)[number];

/** The tables that every pipeline has. */
export const tableNames = [
  'staged',
  'staged_archive',
  'parked',
  'listing',
  'runs',
  'checkpoints',
  'exports',
  'fills',
  'duplicates',
  'rejects',
  'ledger',
  'gaps',
  // Last: filling it, or its columns, takes the others.
  'events',
] as const;
export type TableName = (typeof tableNames)[number];

export const isIdentityTable = (name: string): name is IdentityTableName =>
  (identityTableNames as readonly string[]).includes(name);

/** Schema-qualified names of a pipeline's tables, the books with the version of their identity: `estore.events_1a2b3c4d`, `estore.runs`. */
export function pipelineTables(pipeline: Pick<Pipeline, 'name' | 'identity' | 'columns'>): Record<TableName, string> {
  const version = identityVersion(pipeline);
  const named = (table: TableName) => `${pipeline.name}.${isIdentityTable(table) ? `${table}_${version}` : table}`;
  return Object.fromEntries(tableNames.map((table) => [table, named(table)])) as Record<TableName, string>;
}

/** The names by which people, commands and exports read them, whatever the identity is: `estore.events`. */
export function publicTables({ name }: Pick<Pipeline, 'name'>): Record<TableName, string> {
  return Object.fromEntries(tableNames.map((table) => [table, `${name}.${table}`])) as Record<TableName, string>;
}

/** Rows of `checkpoints` that are about these books. */
export const ofIdentity = (pipeline: Pick<Pipeline, 'identity' | 'columns'>) =>
  `identity_version = ${quoteLiteral(identityVersion(pipeline))}`;

/** Rows of `checkpoints` that tell how far these books have read the landing view. */
export const ofLanding = (pipeline: Pick<Pipeline, 'identity' | 'columns' | 'stream'>) =>
  `landing = ${quoteLiteral(landingTable(pipeline))} and ${ofIdentity(pipeline)}`;

/** The external schema over the pipeline's stream. */
export function streamSchema(pipeline: Pick<Pipeline, 'name'>): string {
  return `${pipeline.name}_stream`;
}

/**
 * What the landing view is made of: its query, and which stream of that name it reads. Not the name itself, since it follows from environment
 * and pipeline.
 */
export function landingVersion({ stream }: Pick<Pipeline, 'stream'>): string {
  const { recreatedAt } = stream;
  return hashDefinition(landingQuery(recreatedAt === undefined ? 'stream' : `"stream of ${recreatedAt}"`));
}

/** Name of the landing view without its schema: its version is part of it. */
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
