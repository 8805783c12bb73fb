import type { DeploymentError } from '../../local/cloudformation';
import type { Pipeline } from '../../pipelines/definition';
import { DeployedCloud, type Image, Killed, type Point, type Tree } from '../support/deployed-cloud';
import { simPipeline } from '../support/pipeline';

/** All points of all pairs with `MILLRACE_WALK=all`; else one of each disturbance and pair. */
const all = process.env['MILLRACE_WALK'] === 'all';
jest.setTimeout(all ? 7_200_000 : 300_000);

const sim = simPipeline;
const view = (name: string, query: string) => ({ name, query, file: `views/${name}.sql` });
const hourly = (
  amount: string,
) => `select date_trunc('hour', occurred_at) as hour, count(*) as events, ${amount} as amount
from sim.events
group by date_trunc('hour', occurred_at)`;
const daily = view(
  'daily',
  "select date_trunc('day', hour) as day, sum(events) as events from sim.hourly group by date_trunc('day', hour)",
);
const large = view('large', 'select event_id, id, events.amount from sim.events where events.amount >= 10');
const base: Tree = [{ ...sim, views: [view('hourly', hourly('sum(events.amount)')), large] }];
const withViews = (...views: Pipeline['views'][number][]): Tree => [{ ...sim, views }];
const edited = (edit: Partial<Pipeline>): Tree => [{ ...base[0]!, ...edit }];
const other: Pipeline = {
  ...sim,
  name: 'other',
  views: [view('hourly', hourly('sum(events.amount)').replace('sim.', 'other.'))],
};

interface Pair {
  readonly kind: string;
  readonly from: Tree;
  readonly to: Tree;
  /** True of every event once the new tree is deployed. */
  readonly holds?: string;
}
const pairs: readonly Pair[] = [
  { kind: 'view edited', from: base, to: withViews(view('hourly', hourly('max(events.amount)')), large) },
  { kind: 'view added', from: withViews(view('hourly', hourly('sum(events.amount)'))), to: base },
  { kind: 'view removed', from: base, to: withViews(view('hourly', hourly('sum(events.amount)'))) },
  {
    kind: 'view edited that another one reads',
    from: withViews(view('hourly', hourly('sum(events.amount)')), daily),
    to: withViews(view('hourly', hourly('max(events.amount)')), daily),
  },
  {
    kind: 'landing view edited',
    from: base,
    to: edited({ stream: { ...sim.stream, recreatedAt: '2026-11-21T00:30:00Z' } }),
  },
  {
    kind: 'column added and filled',
    from: base,
    to: edited({
      columns: [...sim.columns, { name: 'label', path: ['label'], type: 'varchar', maxBytes: 20, fill: true }],
    }),
    holds: "label = 'label ' || amount",
  },
  {
    kind: 'column with another type',
    from: base,
    to: edited({
      columns: sim.columns.map((column) =>
        column.name === 'amount'
          ? { ...column, type: 'decimal', precision: 18, scale: 2, stored: 'amount_2', fill: true }
          : column,
      ),
    }),
    holds: 'amount = substring(id, 2)::decimal(18, 2)',
  },
  {
    kind: 'export edited',
    from: base,
    to: edited({ exports: [{ ...sim.exports[0]!, query: 'select event_id, id, arrived_at from sim.events' }] }),
  },
  { kind: 'pipeline added', from: base, to: [...base, other] },
  { kind: 'pipeline removed', from: [...base, other], to: base },
];

const images = new Map<Tree, Promise<Image>>();
const imageOf = (tree: Tree) => {
  const known = images.get(tree) ?? DeployedCloud.image(tree);
  images.set(tree, known);
  return known;
};

/** How a deployment is disturbed at a point, and what is deployed then. */
type Disturbance =
  | 'a statement fails'
  | 'the function is killed'
  | 'the process is killed'
  | 'the process is killed, then the old tree';
const disturbances: readonly Disturbance[] = [
  'a statement fails',
  'the function is killed',
  'the process is killed',
  'the process is killed, then the old tree',
];

class Walk {
  readonly problems: string[] = [];
  private sent = 0;
  /** Readers saw so many before the deployment began: a new version is filled after that. */
  private least = 0;
  private readings: Promise<void> = Promise.resolve();

  constructor(
    readonly world: DeployedCloud,
    private readonly pipeline: Pipeline,
  ) {}

  /** Something arrives, now and then is merged, and is read. */
  live = (): void => {
    this.send(1);
    if (this.sent % 3 === 0) this.world.tick();
    this.readings = this.readings.then(() => this.read());
  };

  async begin(): Promise<void> {
    this.send(80);
    await this.settle();
    this.least = 80;
  }

  private send(count: number): void {
    const lines = Array.from({ length: count }, () => {
      const number = this.sent++;
      const at = new Date(Date.UTC(2026, 10, 20) + number * 7 * 60_000).toISOString();
      return JSON.stringify({ id: `e${number}`, amount: number, at, label: `label ${number}` });
    });
    this.world.put(this.pipeline, lines);
  }

  private async read(): Promise<void> {
    try {
      const [[events]] = (await this.world.query('select coalesce(sum(events), 0) from sim.hourly')) as [[string]];
      if (Number(events) < this.least) this.problems.push(`readers saw ${events} events after ${this.least}`);
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

  /** Everything is as after a first deployment of the tree, with every event in it once. */
  async check(image: Image, when: string, holds?: string): Promise<void> {
    await this.settle();
    const { world } = this;
    const expect = (what: string, found: unknown, wanted: unknown) => {
      if (JSON.stringify(found) !== JSON.stringify(wanted))
        this.problems.push(`${when}: ${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
    };
    const { status, operation, leftovers } = world.state();
    expect('the state', [/_COMPLETE$/.test(status), operation, leftovers], [true, undefined, []]);
    const content = await world.content();
    expect(
      'left over',
      content.filter((item) => !image.content.includes(item)),
      [],
    );
    expect(
      'missing',
      image.content.filter((item) => !content.includes(item)),
      [],
    );
    expect(
      'events, ids, duplicates',
      await world.query(
        'select (select count(*) from sim.events), (select count(distinct id) from sim.events), (select count(*) from sim.duplicates)',
      ),
      [[String(this.sent), String(this.sent), '0']],
    );
    if (holds !== undefined)
      expect(holds, await world.query(`select count(*) from sim.events where ${holds}`), [[String(this.sent)]]);
    for (const { name, query } of image.tree[0]!.views) {
      const rows = (sql: string) => world.query(sql).then((found) => found.map((row) => row.join()).sort());
      expect(`view ${name}`, await rows(`select * from sim.${name}`), await rows(query));
    }
  }
}

async function play(pair: Pair, disturbance: Disturbance | undefined, number: number) {
  const [from, to] = [await imageOf(pair.from), await imageOf(pair.to)];
  const world = await DeployedCloud.start(from);
  try {
    await world.deploy(pair.from);
    const walk = new Walk(world, pair.from[0]!);
    await walk.begin();
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
      if (points !== number || !disturbance) return 'go on';
      if (disturbance === 'the function is killed') throw new Killed(`killed ${point.what}`);
      return disturbance.startsWith('the process') ? 'kill the process' : 'go on';
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
    if (outcome.startsWith('UPDATE_ROLLBACK_COMPLETE')) await walk.check(from, 'rolled back');
    else if (outcome !== 'deployed' && outcome !== 'killed') walk.problems.push(`ended as ${outcome}`);
    const last = disturbance?.endsWith('old tree') ? from : to;
    await world.deploy(last.tree);
    await walk.check(last, 'at the end', last === to ? pair.holds : undefined);
    return { problems: walk.problems, points, statements, outcome };
  } finally {
    await world.dispose();
  }
}

afterAll(async () => {
  const { rmSync } = await import('node:fs');
  for (const image of images.values()) rmSync((await image).folder, { recursive: true, force: true });
});

describe.each(pairs)('$kind', (pair) => {
  let calm: Awaited<ReturnType<typeof play>>;

  test('undisturbed', async () => {
    calm = await play(pair, undefined, 0);
    expect([calm.outcome, calm.problems]).toEqual(['deployed', []]);
    expect([calm.points, calm.statements].every((count) => count > 1)).toBe(true);
  });

  // Of the two kills of a process one, where not all is walked.
  const walked = disturbances.filter((_, index) => all || index < 2 || index % 2 === pairs.indexOf(pair) % 2);

  test.each(walked)('%s, at any point', async (disturbance) => {
    const last = disturbance === 'a statement fails' ? calm.statements : calm.points;
    const chosen = (disturbances.indexOf(disturbance) * 5 + pairs.indexOf(pair) * 3) % last;
    const numbers = all ? Array.from({ length: last }, (_, index) => index + 1) : [chosen + 1];
    for (const number of numbers) {
      const { problems, outcome } = await play(pair, disturbance, number);
      expect({ number, last, outcome, problems }).toEqual({ number, last, outcome, problems: [] });
    }
  });
});
