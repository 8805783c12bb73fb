import type { DeploymentError } from 'aws-local';
import type { Pipeline } from '../../../pipelines/definition';
import {
  contentOf,
  DeployedCloud,
  type Image,
  Killed,
  keptOf,
  type Point,
  type Tree,
} from '../../support/deployed-cloud';
import type { Pair } from './pairs';

/** How a deployment is disturbed at a point. */
export type Disturbance = 'a statement fails' | 'the function is killed' | 'the process is killed';
export const disturbances: readonly Disturbance[] = [
  'a statement fails',
  'the function is killed',
  'the process is killed',
];

/** Events of each pipeline that are merged before a deployment begins. */
const before = 80;

/** What producers send, by its number. */
const record = (number: number) => ({
  id: `e${number}`,
  amount: number,
  at: new Date(Date.UTC(2026, 10, 20) + number * 7 * 60_000).toISOString(),
  label: `label ${number}`,
  four: Math.floor(number / 4),
  two: Math.floor(number / 2),
});

/** How many events the first records are to a pipeline. */
function eventsOf({ identity, columns }: Pipeline, sent: number): number {
  if (identity.by === 'stream-position') return sent;
  const paths = identity.columns.map((name) => columns.find((column) => column.name === name)!.path);
  const idOf = (payload: Record<string, unknown>) => JSON.stringify(paths.map(([attribute]) => payload[attribute!]));
  return new Set(Array.from({ length: sent }, (_, number) => idOf(record(number)))).size;
}

const images = new Map<Tree, Promise<Image>>();

/** The tree deployed, with events in it. */
function imageOf(tree: Tree): Promise<Image> {
  const known = images.get(tree) ?? DeployedCloud.image(tree, (world) => new Walk(world, tree, 0).begin());
  images.set(tree, known);
  return known;
}

export async function removeImages(): Promise<void> {
  const { rmSync } = await import('node:fs');
  for (const image of images.values()) rmSync((await image).folder, { recursive: true, force: true });
  images.clear();
}

/** Producers, readers and schedules, which go on whatever is deployed. */
class Walk {
  readonly problems: string[] = [];
  private turns = 0;
  private readings: Promise<void> = Promise.resolve();
  /** The most events that readers saw. */
  private seen = 0;
  /** By pipeline. A stream is there before its pipeline is deployed. */
  private readonly sent: Map<string, number>;
  /** Events of before the deployment, of the identity that has fewer. */
  private readonly least: number;
  /** The deployment changes nothing of what makes records the same event. */
  private readonly sameIds: boolean;

  /**
   * @param merged events that each pipeline of the tree has already
   * @param later pipelines that come with the next one
   */
  constructor(
    private readonly world: DeployedCloud,
    tree: Tree,
    merged: number,
    later: Tree = [],
  ) {
    this.sent = new Map(later.map(({ name }) => [name, 0]));
    for (const { name } of tree) this.sent.set(name, merged);
    const counts = [...tree, ...later].filter(({ name }) => name === 'sim').map((one) => eventsOf(one, merged));
    this.least = Math.min(...counts);
    this.sameIds = counts.every((count) => count === this.least);
  }

  /** Something arrives, now and then is merged, and is read. */
  live = (): void => {
    for (const name of this.sent.keys()) this.send(name, 1);
    this.turns += 1;
    if (this.turns % 2 === 0) this.world.tick();
    this.readings = this.readings.then(() => this.read());
  };

  async begin(): Promise<void> {
    for (const name of this.sent.keys()) this.send(name, before);
    await this.settle();
  }

  private send(pipeline: string, count: number): void {
    const sent = this.sent.get(pipeline)!;
    const lines = Array.from({ length: count }, (_, index) => {
      return JSON.stringify(record(sent + index));
    });
    this.sent.set(pipeline, sent + count);
    this.world.put(pipeline, lines);
  }

  /** What was seen of the events stays in sight. A new version of a view is filled after the deployment began, so it has those from before that. */
  private async read(): Promise<void> {
    try {
      const query = 'select (select count(*) from sim.events), (select coalesce(sum(events), 0) from sim.hourly)';
      const [[events, hourly]] = (await this.world.query(query)) as [[string, string]];
      if (Number(events) < (this.sameIds ? this.seen : this.least) || Number(hourly) < this.least)
        this.problems.push(`readers saw ${events} events, ${hourly} of them in a view, after ${this.seen}`);
      this.seen = Math.max(this.seen, Number(events));
    } catch (error) {
      this.problems.push(`a reader met: ${(error as Error).message}`);
    }
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      this.world.tick();
      await this.world.cloud.settle();
    }
    await this.readings;
  }

  /**
   * Everything is as after a first deployment of the tree, with every event in it once.
   * @param extra what may be there besides
   */
  async check(tree: Tree, when: string, holds: string | undefined, extra: readonly string[] = []): Promise<void> {
    await this.settle();
    const { world } = this;
    const expect = (what: string, found: unknown, wanted: unknown) => {
      if (JSON.stringify(found) !== JSON.stringify(wanted))
        this.problems.push(`${when}: ${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
    };
    const { status, operation, leftovers } = world.state();
    expect('the state', [/_COMPLETE$/.test(status), operation, leftovers], [true, undefined, []]);
    const content = await world.content();
    const wanted = [...new Set([...contentOf(tree), ...extra])].sort();
    const lacks = (of: readonly string[]) => (item: string) => !of.includes(item);
    expect('left over', content.filter(lacks(wanted)), []);
    expect('missing', wanted.filter(lacks(content)), []);
    for (const pipeline of tree) {
      const { name, views } = pipeline;
      const sent = this.sent.get(name)!;
      const events = eventsOf(pipeline, sent);
      expect(
        `events, ids, duplicates of ${name}`,
        await world.query(
          `select (select count(*) from ${name}.events), (select count(distinct id) from ${name}.events), (select count(*) from ${name}.duplicates)`,
        ),
        [[events, events, sent - events].map(String)],
      );
      for (const { name: view, query } of views) {
        const rows = (sql: string) => world.query(sql).then((found) => found.map((row) => row.join()).sort());
        expect(`view ${name}.${view}`, await rows(`select * from ${name}.${view}`), await rows(query));
      }
    }
    if (holds !== undefined)
      expect(holds, await world.query(`select count(*) from sim.events where ${holds}`), [
        [String(eventsOf(tree.find(({ name }) => name === 'sim')!, this.sent.get('sim')!))],
      ]);
  }
}

/** How one deployment went. */
export interface Played {
  readonly problems: readonly string[];
  readonly points: number;
  readonly statements: number;
  readonly outcome: string;
}

/**
 * Deploys the pair's new tree over its old one, disturbed at one point, and brings it to the end by what follows: the rollback, or the next deployment
 * after a process that was killed, which is of the old tree at every second point and goes on with the new one at once at the others.
 * @param number of the point or the statement, from 1
 */
export async function play(pair: Pair, disturbance?: Disturbance, number = 0): Promise<Played> {
  const world = await DeployedCloud.start(await imageOf(pair.from));
  try {
    await world.deploy(pair.from);
    const walk = new Walk(world, pair.from, before, pair.to);
    let points = 0;
    let statements = 0;
    world.fault = () => {
      statements += 1;
      return disturbance === 'a statement fails' && statements === number
        ? { kind: 'fail', error: 'ERROR: disk full' }
        : undefined;
    };
    world.at = (point: Point) => {
      points += 1;
      walk.live();
      if (points !== number) return 'go on';
      if (disturbance === 'the function is killed') throw new Killed(`killed ${point.what}`);
      return disturbance === 'the process is killed' ? 'kill the process' : 'go on';
    };
    const outcome = await world.deploy(pair.to).then(
      (deployment) => (deployment ? 'deployed' : 'killed'),
      (error: DeploymentError) => `${error.status}: ${error.message}`,
    );
    world.at = () => {
      walk.live();
      return 'go on';
    };
    world.fault = () => undefined;
    const rolledBack = outcome.startsWith('UPDATE_ROLLBACK_COMPLETE');
    const interrupted = outcome === 'killed' && number % 2 === 0;
    if (interrupted) await world.deploy(pair.from);
    if (rolledBack || interrupted) await walk.check(pair.from, 'rolled back', pair.held);
    else if (outcome !== 'deployed' && outcome !== 'killed') walk.problems.push(`ended as ${outcome}`);
    await world.deploy(pair.to);
    await walk.check(pair.to, 'at the end', pair.holds, keptOf(pair.from));
    return { problems: walk.problems, points, statements, outcome };
  } finally {
    await world.dispose();
  }
}
