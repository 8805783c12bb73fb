import {
  type Assembly,
  type Assets,
  type CloudFormation,
  type Deployment,
  loadAssembly,
  type StateFile,
} from './cloudformation';

/** Runs the deployments of one environment, one at a time. */
export interface Deployments {
  /** Opens the stored resources and runs the first deployment of this process. */
  start(assembly: Assembly): Promise<Deployment>;
  /**
   * Deploys the assembly.
   * @throws DeploymentError; Error if another deployment is in progress or the account or region differs
   */
  deploy(assemblyDir: string): Promise<Deployment>;
  /** The current deployment. */
  current(): Deployment;
  /** Stops saving the state, as if the process had been killed. The next start finds an interrupted deployment. */
  abandon(): void;
}

export interface DeploymentsOptions {
  readonly cloud: CloudFormation;
  readonly assets: Assets;
  readonly state: StateFile;
  readonly stageName?: string;
  readonly account: string;
  readonly region: string;
}

export function createDeployments({
  cloud,
  assets,
  state,
  stageName,
  account,
  region,
}: DeploymentsOptions): Deployments {
  let running = false;
  const deploy = async (assembly: Assembly): Promise<Deployment> => {
    if (running) throw new Error('a deployment is under way: wait for its end');
    running = true;
    try {
      assets.publish(assembly);
      return await cloud.deploy(assembly);
    } finally {
      running = false;
    }
  };
  return {
    async start(assembly) {
      await cloud.open();
      const deployment = await deploy(assembly);
      assets.prune(cloud.codeKeys());
      return deployment;
    },
    async deploy(assemblyDir) {
      const assembly = loadAssembly(assemblyDir, stageName);
      for (const stack of assembly.stacks)
        if ((stack.account ?? account) !== account || (stack.region ?? region) !== region)
          throw new Error(
            `stack ${stack.name} is for account ${stack.account} in ${stack.region}, and what runs is ${account} in ${region}: a new start is needed`,
          );
      return deploy(assembly);
    },
    current: () => cloud.deployment(),
    abandon: () => state.close(),
  };
}
