import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openState } from 'aws-local/data-folder';
import type { Row } from '../../lambda/shared/warehouse';
import { registryTable, registryTexts, resourceType } from '../../lambda/warehouse-object/contract';
import { textOf } from '../../lambda/warehouse-object/registry';
import { type Context, queryRows } from '../commands/context';
import { Failure } from '../failure';
import type { ObjectState } from './state';
import { stateOf, statesOf } from './state';

/** Reads the registry of a warehouse; undefined if it has none yet. */
export async function readRegistry(context: Context): Promise<ObjectState[] | undefined> {
  const [registry] = await queryRows(
    context,
    'plan-registry',
    `select count(*) as found from svv_tables where table_schema || '.' || table_name = '${registryTable}'`,
  );
  if (Number(registry?.found) === 0) return undefined;
  const rows = await queryRows(
    context,
    'plan-objects',
    `select name, kind, version from ${registryTable} order by deployed_at, kind, name`,
  );
  const texts = await queryRows(context, 'plan-texts', `select name, kind, what, piece, body from ${registryTexts}`);
  return rows.map((row) => {
    const own = texts.filter(({ name, kind }) => name === row.name && kind === row.kind);
    try {
      return stateOfRow({ ...row, definition: textOf(own, 'definition'), removal: textOf(own, 'removal') });
    } catch (cause) {
      throw new Failure(
        `${registryTable} has a row that this version cannot read, ${row.kind} ${row.name}: ${(cause as Error).message}. Compare with --from instead`,
        1,
        { cause },
      );
    }
  });
}

/** Builds the state of a registry row and its texts. Throws an error if this version cannot read it. */
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

/** Reads what the local runtime deployed into its folder. The runtime need not run. */
export function readFolder(dataDir: string): ObjectState[] {
  if (!existsSync(join(dataDir, 'state.json')))
    throw new Failure(
      `nothing is deployed in ${dataDir}: start it with 'npm start', name its folder with --data, an environment in AWS, or a source with --from`,
    );
  return Object.values(openState(dataDir).stacks)
    .flatMap(({ resources }) => Object.values(resources))
    .filter(({ type, properties }) => type === resourceType && properties !== undefined)
    .flatMap(({ deletionPolicy, properties }) =>
      statesOf({ onRemoval: deletionPolicy.startsWith('Retain') ? 'keep' : 'drop', ...properties }),
    );
}
