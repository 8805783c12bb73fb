import { isBalanced } from '../../cli/commands/local/record-counts';
import { alarmDefinitions } from '../../cli/page/alarms';
import type { MetricQuery, PagePorts } from '../../cli/page/ports';
import { textOf } from '../../cli/page/ports';
import { pipelines } from '../../pipelines';
import type { PageWorld } from '../ui/world';

export interface PortsWorld {
  readonly world: PageWorld;
  readonly ports: PagePorts;
}

/** What the page relies on, of every implementation of its ports. Each case gets an environment in which nothing moves. */
export const pagePortsContract: Readonly<Record<string, (given: PortsWorld) => Promise<void>>> = {
  async 'names of buckets, streams and the warehouse are those of the deployment'({ world, ports }) {
    const { outputs } = world.demo;
    expect({
      history: ports.historyBucket,
      archive: ports.archiveBucket,
      exports: ports.exportBucket,
      work: ports.workBucket,
      warehouse: ports.warehouse,
      stream: ports.streamOf('estore'),
      deployed: pipelines.map(({ name }) => ports.isDeployed(name)),
      unknown: ports.isDeployed('nosuch'),
      url: ports.apiUrl,
      environment: ports.environment.name,
      now: ports.now(),
    }).toEqual({
      history: outputs['HistoryBucketName'],
      archive: outputs['ArchiveBucketName'],
      exports: outputs['ExportsBucketName'],
      work: outputs['WorkBucketName'],
      warehouse: expect.objectContaining({ kind: 'provisioned', name: outputs['WarehouseName'], database: 'millrace' }),
      stream: world.demo.streamOf('estore'),
      deployed: pipelines.map(() => true),
      unknown: false,
      url: String(world.demo.pipelineOutputs['ApiUrl']).replace(/\/$/, ''),
      environment: 'dev',
      now: world.demo.now(),
    });
  },

  async 'a query gives columns and rows, with equal names and nulls'({ ports }) {
    const sql = `select count(*), count(*), max(action) as newest, cast(null as integer) as nothing, 1.50::decimal(4,2) as price,
  min(merged_at) < max(merged_at) as later from estore.events`;
    const { columns, rows } = await ports.query(sql);
    expect(columns).toEqual(['count', 'count', 'newest', 'nothing', 'price', 'later']);
    expect(rows).toHaveLength(1);
    const [one, two, newest, nothing, price, later] = rows[0]!;
    expect([Number(one) > 0, one === two, typeof newest, nothing, Number(price), later]).toEqual([
      true,
      true,
      'string',
      null,
      1.5,
      true,
    ]);
    await expect(ports.query('select nosuch from estore.events')).rejects.toThrow(/nosuch/);
  },

  async 'a result of several pages is whole'({ ports }) {
    const { rows } = await ports.query(
      'select a.n from (select row_number() over () as n from estore.events limit 300) a cross join (select row_number() over () as n from estore.events limit 20) b',
    );
    expect(rows).toHaveLength(6000);
  },

  async 'the counts balance, and are those of SQL'({ world, ports }) {
    for (const pipeline of pipelines) {
      const counts = await ports.counts(pipeline);
      const of = async (table: string) => Number(await world.value(`select count(*) from ${pipeline.name}.${table}`));
      expect([pipeline.name, isBalanced(counts), counts]).toEqual([
        pipeline.name,
        true,
        expect.objectContaining({
          events: await of('events'),
          duplicates: await of('duplicates'),
          rejects: await of('rejects'),
          skipped: await of('skipped'),
          pending: 0,
        }),
      ]);
    }
  },

  async 'a stream has accepted what was sent'({ world, ports }) {
    const stream = ports.streamOf('estore');
    expect(ports.acceptedRecords(stream)).toBe(world.runtime.kinesis.acceptedRecords(stream));
    expect(ports.acceptedRecords(stream)).toBeGreaterThan(0);
  },

  async 'shards are the open ones of the stream, or not known'({ world, ports }) {
    const stream = ports.streamOf('estore');
    const open = world.runtime.kinesis.stream(stream).openShards.map(({ id }) => id);
    const found = (await ports.shards(stream, new Map())).map(({ id }) => id);
    expect([open, []]).toContainEqual(found);
  },

  async 'objects are listed below a prefix with key, size and etag, and read whole'({ world, ports }) {
    const listed = await ports.objects(ports.historyBucket, '');
    const expected = await world.demo.objects(ports.historyBucket, '');
    expect(listed).toEqual(expected.map((object) => expect.objectContaining(object)));
    expect(await ports.objects(ports.historyBucket, 'nosuch/')).toEqual([]);
    const [first] = listed;
    const found = await ports.read(ports.historyBucket, first!.key);
    expect(found!.bytes).toBe(first!.size);
    let bytes = 0;
    for await (const chunk of found!.body) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(first!.size);
    expect(await ports.read(ports.historyBucket, 'no such/key')).toBeUndefined();
    expect(JSON.parse((await textOf(ports, ports.workBucket, 'freshness/estore.json'))!).done.run).toBeTruthy();
  },

  async 'metrics have the values that the functions wrote, each in its period'({ world, ports }) {
    const to = ports.now() + 1;
    const from = to - 24 * 3_600_000;
    const query = (name: string, statistic: MetricQuery['statistic'], periodMs: number): MetricQuery => ({
      namespace: 'Millrace',
      name,
      dimensions: { Environment: 'dev', Pipeline: 'estore' },
      statistic,
      periodMs,
      from,
      to,
    });
    const [merged, runs, longest, none] = await ports.metrics([
      query('MergedEvents', 'Sum', 3_600_000),
      query('RunCompleted', 'SampleCount', 60_000),
      query('RunSeconds', 'Maximum', 24 * 3_600_000),
      query('NoSuchMetric', 'Sum', 60_000),
    ]);
    const sum = (points: typeof merged) => points!.reduce((total, { value }) => total + value, 0);
    const events = Number(await world.value("select sum(events) from estore.runs where source = 'stream'"));
    expect(events).toBeGreaterThan(0);
    expect(sum(merged)).toBeGreaterThanOrEqual(events);
    expect(merged!.every(({ at }) => at % 3_600_000 === 0)).toBe(true);
    expect(sum(runs)).toBeGreaterThan(3);
    expect(longest!.length).toBeGreaterThan(0);
    expect(none).toEqual([]);
    expect(await ports.metrics([])).toEqual([]);
  },

  async 'the end of a run is known by the minute'({ world, ports }) {
    const at = ports.lastWritten('RunCompleted', 'estore');
    const local = world.runtime.metrics
      .find('Millrace', 'RunCompleted')
      .findLast(({ dimensions }) => dimensions['Pipeline'] === 'estore')!.at;
    expect(Math.abs(at! - local)).toBeLessThan(60_000);
    expect(ports.lastWritten('RunFailed', 'estore')).toBeUndefined();
    const refresh = ports.functionState('estore', 'Refresh');
    expect([refresh.running, refresh.error, refresh.endedAt !== undefined]).toEqual([0, undefined, true]);
    expect(ports.functionState('nosuch', 'Load')).toEqual({ running: 0 });
  },

  async 'no alarm fires, and alarms on something missing are those of the templates'({ world, ports }) {
    expect(ports.firing()).toEqual([]);
    const expected = alarmDefinitions(world.runtime).filter(({ below }) => below);
    const found = [...ports.absenceAlarms()].sort((one, other) => (one.name < other.name ? -1 : 1));
    expect(found).toEqual(
      expected
        .map(({ name, metric, periods, periodMs }) => ({ name, metric, hours: (periods * periodMs) / 3_600_000 }))
        .sort((one, other) => (one.name < other.name ? -1 : 1)),
    );
  },
};
