import type { CustomResource } from 'aws-cdk-lib';

/**
 * How many custom resources may run together. Each of them occupies two Lambda functions at a time: one of CDK's provider framework, which invokes ours and
 * waits. A new account runs ten functions at once (Lambda developer guide, "Lambda quotas"), and the framework does not retry an invocation
 * that is throttled.
 */
export const mostTogether = 4;

/** Chooses the lane of a resource, and answers the resource that is the last of that lane, which it has to come after. */
type Place = (resource: CustomResource, dependsOn: ReadonlySet<CustomResource>) => CustomResource | undefined;

/**
 * Puts every custom resource into one of four lanes, in which each comes after the one before it. The same order in reverse holds when they are deleted. Few
 * pipelines have several lanes each; many share one, so that a pipeline waits for the one that has the lane before it.
 */
export class Lanes {
  private readonly last = Array<CustomResource | undefined>(mostTogether).fill(undefined);
  private readonly lengths = Array<number>(mostTogether).fill(0);
  private readonly lanesEach: number;
  private pipelines = 0;

  constructor(pipelines: number) {
    this.lanesEach = Math.max(1, Math.floor(mostTogether / Math.max(1, pipelines)));
  }

  /** For the resources of the next pipeline, each after those that it depends on. */
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
