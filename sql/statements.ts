import type { StatementTemplate } from '../lambda/shared/plan';
import type { Pipeline } from '../pipelines/definition';
import { endpointsPlan } from './endpoints/plan';
import { exportPlan } from './exports/plan';
import { loadPlan } from './history/load';
import { reconcilePlan } from './history/reconcile';
import { warehouseObjects } from './objects/warehouse-objects';
import { refreshPlan } from './refresh/plan';

/** Statements that are submitted together, or a single one. */
export interface Batch {
  /** Path in the plan: `load.sources.shop.load`. */
  readonly name: string;
  readonly statements: readonly StatementTemplate[];
}

/** Every statement that the functions and warehouse objects of a pipeline carry. The pipeline has to be valid. */
export function allStatements(pipeline: Pipeline): Batch[] {
  const objects = warehouseObjects(pipeline, { streamName: 'stream', streamRoleArn: 'role', database: 'database' });
  const texts = ['create', 'delete', 'fill', 'rebuild', 'checks', 'unread'] as const;
  const ofObjects = Object.fromEntries(
    objects.map(({ id, properties }) => [
      id,
      Object.fromEntries(
        texts.map((text) => {
          const value = properties[text] ?? '';
          return [text, /^[[{]/.test(value) ? (JSON.parse(value) as unknown) : value];
        }),
      ),
    ]),
  );
  return batchesIn(
    {
      refresh: refreshPlan(pipeline),
      load: loadPlan(pipeline),
      reconcile: pipeline.history ? reconcilePlan(pipeline) : {},
      export: exportPlan(pipeline),
      endpoint: Object.fromEntries(endpointsPlan([pipeline]).map(({ name, statements }) => [name, statements])),
      objects: ofObjects,
    },
    '',
  );
}

const isStatement = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^\s*(alter|copy|create|delete|drop|grant|insert|lock|merge|refresh|revoke|select|unload|update|with)\s/i.test(value);

/** The texts of a plan that are SQL, at any depth. A list of them is one batch. */
function batchesIn(value: unknown, name: string): Batch[] {
  if (isStatement(value)) return [{ name, statements: [value] }];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value) && value.length > 0 && value.every(isStatement)) return [{ name, statements: value }];
  return Object.entries(value).flatMap(([key, inner]) => {
    const label = (inner as { name?: unknown } | null)?.name;
    return batchesIn(inner, [name, typeof label === 'string' ? label : key].filter(Boolean).join('.'));
  });
}
