import type { Pipeline } from '../pipelines/definition';
import { hashDefinition } from './definition';
import { landingQuery } from './landing';

/** The database user that owns every object and runs every statement but its own creation. */
export const ownerUser = 'millrace_owner';

/** The tables that every pipeline has. `events_data` holds the events; people read them through the view `events`. */
export const tableNames = [
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
  'fills',
  // Last: filling its columns takes the others.
  'events_data',
] as const;
export type TableName = (typeof tableNames)[number];

/** The view over `events_data` that shows the columns which the pipeline declares, under their own names. */
export const eventsView = 'events';
export type RelationName = TableName | typeof eventsView;

/** Schema-qualified names of a pipeline's tables, and of the view of its events: `estore.events`. */
export function pipelineTables(pipeline: Pick<Pipeline, 'name'>): Record<RelationName, string> {
  return Object.fromEntries(
    [eventsView, ...tableNames].map((relation) => [relation, `${pipeline.name}.${relation}`]),
  ) as Record<RelationName, string>;
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
