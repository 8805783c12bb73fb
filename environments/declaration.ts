import type { Environment, Partner } from './environment';

/** The recorded part of an environment, for comparison with a later deployment. Holds no external ids, because its readers need not know them. */
export interface EnvironmentDeclaration {
  readonly schedulesEnabled: boolean;
  readonly reconcileEveryMinutes: number;
  readonly retainData: boolean;
  readonly dropData: readonly string[];
  /** Names. A pipeline that is still recorded and not among them was removed. */
  readonly pipelines: readonly string[];
  /** What Millrace uses and did not make, by what it is: `stream of clicks`. @default - nothing */
  readonly existing?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** By name. */
  readonly partners: Readonly<Record<string, Pick<Partner, 'who' | 'access' | 'until'>>>;
}

export function environmentDeclaration(
  environment: Environment,
  pipelines: readonly { readonly name: string }[],
): EnvironmentDeclaration {
  const { schedulesEnabled, reconcileEveryMinutes, retainData, dropData = [], partners } = environment;
  const existing = existingThings(environment, pipelines);
  return {
    schedulesEnabled,
    reconcileEveryMinutes,
    retainData,
    dropData,
    pipelines: pipelines.map(({ name }) => name),
    ...(Object.keys(existing).length === 0 ? {} : { existing }),
    partners: Object.fromEntries(partners.map(({ name, who, access, until }) => [name, { who, access, until }])),
  };
}

function existingThings(
  environment: Environment,
  pipelines: readonly { readonly name: string }[],
): NonNullable<EnvironmentDeclaration['existing']> {
  const streams = pipelines.flatMap(({ name }) => {
    const stream = existingStream(environment, name);
    return stream === undefined ? [] : [[`stream of ${name}`, { ...stream }] as const];
  });
  const bucket = environment.history?.bucket;
  const warehouse = existingWarehouse(environment);
  return Object.fromEntries([
    ...streams,
    ...(bucket ? [['history bucket', { ...bucket }] as const] : []),
    ...(warehouse ? [['warehouse', { existing: warehouse.name, database: environment.database }] as const] : []),
  ]);
}

/** The warehouse of the environment, if Millrace did not make it. */
export function existingWarehouse({ warehouse }: Pick<Environment, 'warehouse'>) {
  if (warehouse.kind !== 'existing') return undefined;
  const { cluster, workgroup, adminSecret, adminSecretKey } = warehouse;
  const named =
    workgroup === undefined
      ? ({ is: 'provisioned', name: cluster! } as const)
      : ({ is: 'serverless', ...workgroup } as const);
  return { ...named, adminSecret, adminSecretKey };
}

/** Whether the warehouse is a cluster or a workgroup, whoever made it. */
export const warehouseKind = (environment: Pick<Environment, 'warehouse'>): 'provisioned' | 'serverless' =>
  environment.warehouse.kind === 'existing' ? existingWarehouse(environment)!.is : environment.warehouse.kind;

/** The stream of a pipeline that Millrace did not make. */
export const existingStream = ({ pipelines }: Pick<Environment, 'pipelines'>, pipeline: string) =>
  pipelines?.[pipeline]?.stream;

/** Whether the pipeline's data outlives the pipeline. */
export const keepsData = (
  { retainData, dropData = [] }: Pick<Environment, 'retainData' | 'dropData'>,
  pipeline: string,
) => retainData && !dropData.includes(pipeline);
