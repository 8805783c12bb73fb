import type { Pipeline } from '../../pipelines/definition';
import { fullExportStatements } from '../../sql';
import type { FullManifestPipeline } from './manifest';

/** Why a pipeline of a full export does not fit an environment with these pipelines. Empty if it does. */
export function differencesOf(
  given: FullManifestPipeline,
  pipelines: readonly Pipeline[],
  environment: string,
): string[] {
  const ours = pipelines.find(({ name }) => name === given.name);
  if (ours === undefined)
    return [
      `pipeline ${given.name} of the full export is unknown: ${environment} has ${pipelines.map(({ name }) => name).join(', ') || 'none'}`,
    ];
  const identity = identityText(ours);
  const theirs = identityText(given);
  const { tables } = fullExportStatements(ours, { urlOf: () => '', roleArn: '', encrypted: false });
  const differences = tables.flatMap(({ name, columns }) => {
    const table = given.tables.find((each) => each.name === name);
    if (table === undefined) return [`${given.name}.${name} is missing in the full export`];
    const types = new Map(table.columns.map((column) => [column.name, column.type]));
    return [
      ...columns.flatMap((column) => {
        const type = types.get(column.name);
        types.delete(column.name);
        if (type === undefined) return [`${given.name}.${name}.${column.name} is missing in the full export`];
        return type === column.type
          ? []
          : [`${given.name}.${name}.${column.name} is ${column.type} here, ${type} in the full export`];
      }),
      ...[...types.keys()].map((column) => `${given.name}.${name}.${column} of the full export is missing here`),
    ];
  });
  return [
    ...(identity === theirs ? [] : [`the identity of ${given.name} is ${identity} here, ${theirs} in the full export`]),
    ...differences,
  ];
}

const identityText = ({ identity }: Pick<FullManifestPipeline | Pipeline, 'identity'>) =>
  identity.by === 'columns' && 'columns' in identity ? identity.columns.join(', ') : identity.by;
