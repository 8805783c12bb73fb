import type { Environment, Partner } from './environment';

/** The recorded part of an environment, for comparison with a later deployment. Holds no external ids, because its readers need not know them. */
export interface EnvironmentDeclaration {
  readonly schedulesEnabled: boolean;
  readonly reconcileEveryMinutes: number;
  readonly retainData: boolean;
  readonly dropData: readonly string[];
  /** Names. A pipeline that is still recorded and not among them was removed. */
  readonly pipelines: readonly string[];
  /** By name. */
  readonly partners: Readonly<Record<string, Pick<Partner, 'who' | 'access' | 'until'>>>;
}

export function environmentDeclaration(
  environment: Environment,
  pipelines: readonly { readonly name: string }[],
): EnvironmentDeclaration {
  const { schedulesEnabled, reconcileEveryMinutes, retainData, dropData = [], partners } = environment;
  return {
    schedulesEnabled,
    reconcileEveryMinutes,
    retainData,
    dropData,
    pipelines: pipelines.map(({ name }) => name),
    partners: Object.fromEntries(partners.map(({ name, who, access, until }) => [name, { who, access, until }])),
  };
}

/** Whether the pipeline's data outlives the pipeline. */
export const keepsData = (
  { retainData, dropData = [] }: Pick<Environment, 'retainData' | 'dropData'>,
  pipeline: string,
) => retainData && !dropData.includes(pipeline);
