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

/** Name of the landing view without its schema: its version is part of it. The stream's name is not, since it follows from environment and pipeline. */
export function landingTable(): string {
  return `landing_${hashDefinition(landingQuery('stream'))}`;
}

/** The landing view, schema-qualified: `estore.landing_1a2b3c4d`. */
export function landingName(pipeline: Pick<Pipeline, 'name'>): string {
  return `${pipeline.name}.${landingTable()}`;
}

/** `hourly_views` as a construct id: `HourlyViews`. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|_+)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
}
