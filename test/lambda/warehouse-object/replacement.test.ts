import type { Pipeline, ViewDefinition } from '../../../pipelines/definition';
import { ownerObject, registryObject, type WarehouseObject, warehouseObjects } from '../../../sql';
import { database, roles } from '../../support/cloud';
import { Objects } from '../../support/objects';
import { SeamWorld } from '../../support/seam';
import { ObjectStack } from '../../support/stack';
import { everyNth, isExhaustive, rotation, stride } from '../../support/tier';

/** After every `step`th statement a function is killed. Then the deployment is rolled back or repeated, by turns or, in an exhaustive run, both. */
const { step, offset } = stride(30, 12);
jest.setTimeout(isExhaustive ? 3_600_000 : 180_000);

const view = (name: string, query: string): ViewDefinition => ({ name, query, file: `views/${name}.sql` });
const hourly =
  "select date_trunc('hour', at) as hour, count(*) as events from walk.events group by date_trunc('hour', at)";
const daily = view(
  'daily',
  "select date_trunc('day', hour) as day, sum(events) as events from walk.hourly group by date_trunc('day', hour)",
);
const base: Pipeline = {
  name: 'walk',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'at', path: ['at'], type: 'timestamp', required: true },
  ],
  history: [{ name: 'files', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [view('hourly', hourly), daily],
  exports: [],
};
const edited = (...views: ViewDefinition[]): Pipeline => ({ ...base, views });

const edits: [string, Pipeline][] = [
  [
    'a view that another one reads, its columns as before',
    edited(view('hourly', `${hourly} having count(*) > 0`), daily),
  ],
  [
    'a view that gets a column',
    edited(view('hourly', hourly.replace('as events', 'as events, min(at) as first_at')), daily),
  ],
  [
    'a view that goes, and one that comes',
    edited(view('hourly', hourly), view('ids', 'select id, at from walk.events')),
  ],
  ['the landing view', { ...base, stream: { ...base.stream, recreatedAt: '2020-01-01T00:00:00Z' } }],
  [
    'the landing view and the views at once',
    {
      ...edited(view('hourly', hourly.replace('as events', 'as events, max(at) as last_at')), daily),
      stream: { ...base.stream, recreatedAt: '2020-02-01T00:00:00Z' },
    },
  ],
];

class Walk {
  sent = 0;
  seen = 0;
  private reshards = 0;
  readonly problems: string[] = [];

  private constructor(
    readonly world: SeamWorld,
    readonly objects: Objects,
    readonly stack: ObjectStack,
  ) {}

  static async begin(): Promise<Walk> {
    const world = await SeamWorld.open(base);
    const objects = new Objects(world.cloud);
    const walk = new Walk(world, objects, new ObjectStack(objects));
    await walk.deploy(base);
    await objects.run('grant usage on schema walk to public');
    await objects.run('grant select on walk.hourly to public');
    return walk;
  }

  of(pipeline: Pipeline): WarehouseObject[] {
    const tokens = { streamName: this.world.streamName, streamRoleArn: roles.stream, database };
    return [ownerObject(database), registryObject(), ...warehouseObjects(pipeline, tokens)];
  }

  deploy(pipeline: Pipeline): Promise<void> {
    return this.stack.deploy(this.of(pipeline), () => this.world.takeOver(pipeline));
  }

  send(): void {
    const at = new Date(this.world.cloud.clock.now()).toISOString();
    this.world.send({ id: `e${this.sent}`, at });
    this.sent += 1;
  }

  /** Splits the first open shard or merges the first two, by turns. */
  reshard(): void {
    const stream = this.world.cloud.kinesis.port.stream(this.world.streamName);
    const [first, second] = [...stream.openShards].sort((a, b) =>
      a.description.startHash < b.description.startHash ? -1 : 1,
    );
    this.reshards += 1;
    if (this.reshards % 2 === 0) {
      stream.merge(first!.id, second!.id);
    } else {
      const { startHash, endHash } = first!.description;
      const middle = (BigInt(`0x${startHash}`) + BigInt(`0x${endHash}`)) / 2n + 1n;
      stream.split(first!.id, middle.toString(16).padStart(32, '0'));
    }
  }

  /** Reads the view in the middle of a deployment: it must not have lost events. */
  async checkView(): Promise<void> {
    const [[events]] = (await this.world.query('select coalesce(sum(events), 0) from walk.hourly')) as [[number]];
    if (Number(events) < this.seen) this.problems.push(`hourly has ${events} events, and had ${this.seen} before`);
  }

  /** Refreshes, then expects all sent records in events, once, and in the views; the grants; and no other objects than the tree's. */
  async expectComplete(pipeline: Pipeline): Promise<void> {
    await this.world.tick('refresh');
    await this.world.tick('refresh');
    const [[events, ids]] = (await this.world.query('select count(*), count(distinct id) from walk.events')) as [
      [number, number],
    ];
    expect([Number(events), Number(ids)]).toEqual([this.sent, this.sent]);
    for (const sql of [
      'select count(*) from walk.duplicates',
      'select count(*) from walk.rejects',
      'select count(*) from walk.gaps',
    ])
      expect([sql, Number((await this.world.query(sql))[0]![0])]).toEqual([sql, 0]);
    const [[shown]] = (await this.world.query('select sum(events) from walk.hourly')) as [[number]];
    expect(Number(shown)).toBe(this.sent);
    this.seen = this.sent;
    const names = this.of(pipeline).map(({ properties }) => properties);
    const relations = await this.objects.run(
      "select table_name from svv_tables where table_schema = 'walk' order by 1",
    );
    expect(relations.map(({ table_name }) => `walk.${table_name}`)).toEqual(
      names
        .filter(({ kind, name }) => /table|view/.test(kind) && name.startsWith('walk.'))
        .map(({ name }) => name)
        .sort(),
    );
    const recorded = await this.objects.run('select kind, name, version from millrace.objects');
    expect(recorded.map(({ kind, name, version }) => `${kind} ${name} ${version}`).sort()).toEqual(
      names
        .filter(({ identity }) => identity === 'owner')
        .map(({ kind, name, version }) => `${kind} ${name} ${version}`)
        .sort(),
    );
    const grants = await this.objects.run(
      "select relation_name from svv_relation_privileges where identity_name = 'public' and namespace_name = 'walk'",
      'admin',
    );
    expect(grants).toEqual([{ relation_name: 'hourly' }]);
    expect(this.problems).toEqual([]);
  }

  /**
   * Deploys, and is killed after the nth statement; then by rollback or by a second deployment to one of the two editions.
   * @returns whether there was an nth statement
   */
  async killed(nth: number, to: Pipeline, then: 'rollback' | 'again'): Promise<boolean> {
    let statements = 0;
    let killed = false;
    let busy = false;
    this.objects.kill = async (call, changes) => {
      if (!changes || busy || !call.startsWith('after')) return;
      busy = true;
      this.send();
      // What comes long before the kill was seen with an earlier one.
      if (statements + step >= nth) await this.checkView();
      if (statements % 4 === 2) await this.world.tick('refresh');
      if (statements % 3 === 0) this.reshard();
      busy = false;
      statements += 1;
      if (statements !== nth) return;
      killed = true;
      throw new Error('killed');
    };
    const error = await this.deploy(to).catch((reason: Error) => reason);
    if (error && !killed) throw error;
    // In the cleanup nothing is taken back any more.
    const isBack = error !== undefined && then === 'rollback';
    this.objects.kill = async (call, changes) => {
      if (changes && call.startsWith('after')) await this.checkView();
    };
    if (isBack) {
      await this.stack.rollBack();
      this.world.takeOver(base);
      await this.expectComplete(base);
      this.objects.kill = () => undefined;
      return killed;
    }
    if (killed) await this.deploy(to);
    await this.expectComplete(to);
    this.objects.kill = () => undefined;
    await this.deploy(base);
    await this.expectComplete(base);
    return killed;
  }
}

let walk: Walk;
beforeAll(async () => {
  walk = await Walk.begin();
  for (let i = 0; i < 20; i += 1) walk.send();
  await walk.expectComplete(base);
});
afterAll(() => walk.world.dispose());

test.each(everyNth(edits, 5))('%s is replaced while events flow, and killed after any statement', async (_, to) => {
  const ways = ['rollback', 'again'] as const;
  const first = 1 + ((edits.findIndex(([, edition]) => edition === to) + offset) % step);
  const turn = Math.floor(rotation / step);
  let killed = true;
  for (let nth = first; killed; nth += step) {
    const tried = isExhaustive ? ways : [ways[(Math.floor(nth / step) + turn) % 2]!];
    for (const way of tried) killed = await walk.killed(nth, to, way);
    if (!killed) expect(nth).toBeGreaterThan(4);
  }
});

test('between the switch and the cleanup the functions of before and of after work, each on its views', async () => {
  const counts = 'select id as "Id", date_trunc(\'day\', at) as "order" from walk.events';
  const twice = 'select id from walk.events union select event_id as id from walk.duplicates';
  const to: Pipeline = {
    ...edited(view('hourly', hourly.replace('as events', 'as events, max(id) as last_id')), view('days', counts)),
    stream: { ...base.stream, recreatedAt: '2020-03-01T00:00:00Z' },
  };
  const last: Pipeline = { ...to, views: [...to.views, { ...view('all_ids', twice), recomputed: true }] };
  const versions = [base, last].map((pipeline) => walk.of(pipeline).find(({ id }) => id === 'Hourly')!.properties.name);
  await walk.stack.deploy(walk.of(last), async () => {
    for (const pipeline of [base, last, base, last]) {
      walk.world.takeOver(pipeline);
      walk.send();
      await walk.world.tick('refresh');
      const [[shown]] = (await walk.world.query(`select sum(events) from ${versions[pipeline === base ? 0 : 1]}`)) as [
        [number],
      ];
      expect(Number(shown)).toBe(walk.sent);
    }
  });
  await walk.expectComplete(last);
  expect(await walk.objects.run('select count("Id") as ids, count(distinct "order") as days from walk.days')).toEqual([
    { ids: walk.sent, days: 1 },
  ]);
  expect(await walk.objects.run('select count(*) as ids from walk.all_ids')).toEqual([{ ids: walk.sent }]);
  expect(walk.world.cloud.log.filter(({ message }) => /failed/.test(String(message)))).toEqual([]);
  await walk.deploy(base);
  await walk.expectComplete(base);
});

test('a version that does not stand its checks is never shown, and the rollback leaves nothing of it', async () => {
  const none = edited(view('hourly', hourly.replace('group by', "where id = 'nobody' group by")), daily);
  walk.objects.kill = (call, changes) => (changes && call.startsWith('after') ? walk.checkView() : undefined);
  await expect(walk.deploy(none)).rejects.toThrow(
    /^materialized-view walk\.hourly_[0-9a-f]{8} is not given to readers: it has 0 rows where/,
  );
  await walk.stack.rollBack();
  walk.objects.kill = () => undefined;
  await walk.expectComplete(base);
  // Said to be meant, it is what readers get.
  const meant: Pipeline = { ...none, views: none.views.map((one) => ({ ...one, mayShrink: 1 })) };
  await walk.deploy(meant);
  expect(await walk.objects.run('select count(*) as hours from walk.hourly')).toEqual([{ hours: 0 }]);
  await walk.deploy(base);
  await walk.expectComplete(base);
});
