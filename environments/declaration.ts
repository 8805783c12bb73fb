import type { Environment, Partner } from './environment';

/** What is recorded of an environment, so that a later deployment can be compared with it. No external ids: who reads this need not know them. */
export interface EnvironmentDeclaration {
  readonly schedulesEnabled: boolean;
  readonly reconcileEveryMinutes: number;
  readonly retainData: boolean;
  readonly dropData: readonly string[];
  /** Names: one that is kept and not among them was removed. */
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

/** Whether what holds data of the pipeline outlives its removal. */
export const keepsData = (
  { retainData, dropData = [] }: Pick<Environment, 'retainData' | 'dropData'>,
  pipeline: string,
) => retainData && !dropData.includes(pipeline);
