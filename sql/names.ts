import type { Pipeline } from '../pipelines/definition';
import { hashDefinition } from './definition';
import { landingQuery } from './landing';

/** The database user that owns every object and runs every statement but its own creation. */
export const ownerUser = 'millrace_owner';

/** The tables that every pipeline has. */
export const tableNames = [
  'events',
  'duplicates',
  'rejects',
  'staged',
  'staged_archive',
  'ledger',
  'parked',
  'listing',
  'gaps',
  'runs',
  'checkpoints',
  'exports',
] as const;
export type TableName = (typeof tableNames)[number];

/** Schema-qualified names of a pipeline's tables: `estore.events`. */
export function pipelineTables(pipeline: Pick<Pipeline, 'name'>): Record<TableName, string> {
  return Object.fromEntries(tableNames.map((table) => [table, `${pipeline.name}.${table}`])) as Record<
    TableName,
    string
  >;
}

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
