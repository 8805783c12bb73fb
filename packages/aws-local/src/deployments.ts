import {
  type Assembly,
  type Assets,
  type CloudFormation,
  type Deployment,
  loadAssembly,
  type StateFile,
} from './cloudformation';

/** The deployments of one running environment: one at a time. */
export interface Deployments {
  /** The first of this process: what the data folder holds is opened before. */
  start(assembly: Assembly): Promise<Deployment>;
  /** @throws DeploymentError; Error when another one is under way, or when the assembly is not of this environment */
  deploy(assemblyDir: string): Promise<Deployment>;
  /** What is deployed now. */
  current(): Deployment;
  /** One that is under way stays where it is, as if the process had been killed; the next start goes on with it. */
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
