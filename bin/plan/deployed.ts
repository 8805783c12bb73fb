import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../../lambda/shared/warehouse';
import { registryTable, resourceType } from '../../lambda/warehouse-object/contract';
import { openState } from '../../local/cloudformation/state';
import { ask, type Work } from '../commands/work';
import { Failure } from '../failure';
import type { ObjectState } from './state';
import { stateOf } from './state';

/** What the registry of a warehouse holds; undefined where there is none yet. */
export async function statesOfRegistry(work: Work): Promise<ObjectState[] | undefined> {
  const [registry] = await ask(
    work,
    'plan-registry',
    `select count(*) as found from svv_tables where table_schema || '.' || table_name = '${registryTable}'`,
  );
  if (Number(registry?.found) === 0) return undefined;
  const rows = await ask(
    work,
    'plan-objects',
    `select name, kind, version, definition, removal from ${registryTable} order by deployed_at, kind, name`,
  );
  return rows.map((row) => {
    try {
      return stateOfRow(row);
    } catch (cause) {
      throw new Failure(
        `${registryTable} has a row that this version cannot read, ${row.kind} ${row.name}: ${(cause as Error).message}. Compare with --from what was deployed instead`,
        1,
        { cause },
      );
    }
  });
}

/** A row of the registry. Throws on one that this version cannot read. */
export function stateOfRow({ name, kind, version, definition, removal }: Row): ObjectState {
  const { create, columns, fill, declaration, ...rest } = JSON.parse(String(definition ?? '{}')) as Record<
    string,
    unknown
  >;
  const text = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
  const state = stateOf({
    identity: 'owner',
    pipeline: definition === null ? String(name).split('.')[0]! : undefined,
    ...rest,
    name,
    kind,
    version,
    create: text(create) ?? '[]',
    delete: removal ?? '[]',
    declaration: text(declaration),
  });
  return {
    ...state,
    create: definition === null ? undefined : state.create,
    remove: removal === null ? undefined : state.remove,
    columns: columns as ObjectState['columns'],
    ...(fill === undefined ? {} : { filled: fill as ObjectState['filled'] }),
  };
}

/** What the local runtime deployed into its folder; it need not run. */
export function statesOfFolder(dataDir: string): ObjectState[] {
  if (!existsSync(join(dataDir, 'state.json')))
    throw new Failure(
      `nothing is deployed in ${dataDir}: start it with 'npm start', name its folder with --data, an environment in AWS, or what to compare with by --from`,
    );
  return Object.values(openState(dataDir).stacks)
    .flatMap(({ resources }) => Object.values(resources))
    .filter(({ type, properties }) => type === resourceType && properties !== undefined)
    .map(({ deletionPolicy, properties }) =>
      stateOf({ onRemoval: deletionPolicy.startsWith('Retain') ? 'keep' : 'drop', ...properties }),
    );
}
