import { createHash } from 'node:crypto';
import type { StatementReference, WarehouseObjectPlan } from '../../lambda/warehouse-object/contract';
import type { Pipeline } from '../../pipelines/definition';
import { userObjects, type WarehouseObject, warehouseObjects } from '../../sql';

/** Bytes from which a list of statements is kept in the function's asset. The template may have 1 MB in all. */
const inlineBytes = 4000;

/** Whether a list of statements is kept in the function's asset. */
export const isLong = (statements: readonly string[]) => JSON.stringify(statements).length > inlineBytes;

/** Properties whose JSON text holds lists of statements. */
const fields = ['create', 'delete', 'fill', 'rebuild', 'checks', 'trial'] as const;
/** Key of such a list in the asset. */
const lists = ['statements', 'batch'];

/** The long lists of statements of all warehouse objects, by hash, as the function's asset holds them. */
export class StatementTexts {
  readonly plan: WarehouseObjectPlan;

  constructor(pipelines: readonly Pipeline[]) {
    const texts: Record<string, readonly string[]> = {};
    // Only short statements hold values that are known at deployment.
    const tokens = { streamName: 'stream', streamRoleArn: 'role', database: 'database' };
    for (const pipeline of pipelines)
      for (const object of [
        ...warehouseObjects(pipeline, tokens),
        ...userObjects(pipeline, { database: tokens.database, secretArn: () => 'secret' }, []),
      ])
        replaceIn(object, (list, reference) => {
          texts[reference.sha256] = list;
          return reference;
        });
    this.plan = { texts };
  }

  /** The object with references in place of lists that the asset holds. */
  shorten(object: WarehouseObject): WarehouseObject {
    return replaceIn(object, (list, reference) => (reference.sha256 in this.plan.texts ? reference : list));
  }
}

type Replace = (list: readonly string[], reference: StatementReference) => readonly string[] | StatementReference;

function replaceIn(object: WarehouseObject, replace: Replace): WarehouseObject {
  const properties = { ...object.properties };
  for (const field of fields) {
    const text = properties[field];
    if (text === undefined || text.length <= inlineBytes) continue;
    properties[field] = JSON.stringify(JSON.parse(text), (key, value: unknown) => {
      if (!lists.includes(key) || !Array.isArray(value)) return value;
      if (!isLong(value as string[])) return value;
      const json = JSON.stringify(value);
      const sha256 = createHash('sha256').update(json).digest('hex');
      return replace(value as string[], { sha256, statements: value.length, bytes: Buffer.byteLength(json) });
    });
  }
  return { ...object, properties };
}
