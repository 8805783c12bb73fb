import type { CustomResource } from 'aws-cdk-lib';

/**
 * How many custom resources may run together. Each occupies two Lambda functions: ours, and the one of CDK's provider framework that invokes it and waits.
 * A new account runs ten functions at once (Lambda developer guide, "Lambda quotas"), and the framework does not retry a throttled invocation.
 */
export const mostTogether = 4;

/** Puts a resource at the end of a lane and returns the resource before it, which it has to wait for. */
type Place = (resource: CustomResource, dependsOn: ReadonlySet<CustomResource>) => CustomResource | undefined;

/**
 * Puts every custom resource into one of four lanes. Within a lane each resource is created after the one before it, and deleted in reverse order. A few
 * pipelines get several lanes each. Many pipelines share a lane, so one waits for another.
 */
export class Lanes {
  private readonly last = Array<CustomResource | undefined>(mostTogether).fill(undefined);
  private readonly lengths = Array<number>(mostTogether).fill(0);
  private readonly lanesEach: number;
  private pipelines = 0;

  constructor(pipelines: number) {
    this.lanesEach = Math.max(1, Math.floor(mostTogether / Math.max(1, pipelines)));
  }

  /** Placement for the resources of the next pipeline. They have to be placed after the resources that they depend on. */
  next(): Place {
    const first = (this.pipelines * this.lanesEach) % mostTogether;
    this.pipelines += 1;
    const own = Array.from({ length: this.lanesEach }, (_, i) => first + i);
    return (resource, dependsOn) => {
      const { last, lengths } = this;
      const follows = own.find((lane) => last[lane] !== undefined && dependsOn.has(last[lane]));
      const lane = follows ?? own.reduce((least, other) => (lengths[other]! < lengths[least]! ? other : least));
      const before = last[lane];
      last[lane] = resource;
      lengths[lane]! += 1;
      return before;
    };
  }
}
