import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { statisticOf, timeSeries } from 'aws-local';
import type { Environment } from '../../environments/environment';
import type { HistoryRows } from '../commands/local/history-counts';
import { countRecords } from '../commands/local/record-counts';
import { alarmDefinitions, firing, NAMESPACE } from './alarms';
import type { PageRuntime } from './page-runtime';
import type { PagePorts } from './ports';
import type { RuntimeWatch } from './watch';

/** Only a deployment changes names, and the page asks for them several times a second. */
const REMEMBERED_MS = 2_000;

function remembered<T>(ask: (pipeline: string) => T): (pipeline: string) => T {
  const known = new Map<string, { readonly at: number; readonly answer: T }>();
  return (pipeline) => {
    const found = known.get(pipeline);
    const at = performance.now();
    if (found !== undefined && at - found.at < REMEMBERED_MS) return found.answer;
    const answer = ask(pipeline);
    known.set(pipeline, { at, answer });
    return answer;
  };
}

/** The ports of the local runtime. */
export function localPorts(
  { runtime, demo, dataDir }: PageRuntime,
  watch: RuntimeWatch,
  environment: () => Environment,
  /** Counts the records of objects that are not loaded. */
  rows: Pick<HistoryRows, 'of'>,
): PagePorts {
  const startedAt = runtime.clock.now();
  const connection = { data: dataDir, outputs: '' };
  const text = (outputs: Readonly<Record<string, unknown>>, name: string) => {
    const value = outputs[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    get environment() {
      return environment();
    },
    readOnly: false,
    connection,
    reach: { endpoint: demo.endpoint, region: demo.region, credentials: demo.credentials },
    warehouse: {
      kind: demo.warehouse.WorkgroupName === undefined ? 'provisioned' : 'serverless',
      name: demo.warehouse.WorkgroupName ?? demo.warehouse.ClusterIdentifier ?? '',
      database: demo.warehouse.Database,
      secretArn: demo.warehouse.SecretArn ?? '',
    },
    archiveBucket: text(demo.outputs, 'ArchiveBucketName') ?? '',
    historyBucket: demo.historyBucket,
    exportBucket: demo.exportBucket,
    workBucket: text(demo.outputs, 'WorkBucketName') ?? '',
    get apiUrl() {
      return text(demo.pipelineOutputs, 'ApiUrl')?.replace(/\/$/, '');
    },
    now: () => demo.now(),
    streamOf: remembered((pipeline) => demo.streamOf(pipeline)),
    isDeployed: remembered((pipeline) => demo.isDeployed(pipeline)),
    query: (sql) => demo.query(sql),
    counts: (pipeline) => countRecords(demo, pipeline, rows),
    acceptedRecords: (stream) => demo.acceptedRecords(stream),
    async shards(stream, read) {
      const { openShards, oldest } = runtime.kinesis.stream(stream);
      return openShards.map((shard) => {
        const position = read.get(shard.id);
        const first = position === undefined ? 0 : (shard.counterOf(position) ?? -1) + 1;
        let behindSince: number | undefined;
        if (shard.hasFrom(first, oldest))
          shard.read(first, oldest, ({ arrival_ms }) => {
            behindSince = arrival_ms;
            return false;
          });
        return { id: shard.id, accepted: shard.accepted, ...(behindSince === undefined ? {} : { behindSince }) };
      });
    },
    objects: (bucket, prefix) => demo.objects(bucket, prefix),
    async read(bucket, key) {
      // The key must be one that the bucket lists, so it cannot lead to another file.
      const listed = await demo.objects(bucket, key);
      if (!listed.some((object) => object.key === key)) return undefined;
      const path = demo.pathOf(bucket, key);
      return { bytes: (await stat(path)).size, body: createReadStream(path) };
    },
    async metrics(queries) {
      return queries.map(({ namespace, name, dimensions, statistic, periodMs, from, to }) =>
        timeSeries(runtime.metrics.find(namespace, name), dimensions, { from, to, periodMs }).map(({ at, values }) => ({
          at,
          value: statisticOf(statistic, values),
        })),
      );
    },
    lastWritten: (metric, pipeline) =>
      runtime.metrics.find(NAMESPACE, metric).findLast(({ dimensions }) => dimensions['Pipeline'] === pipeline)?.at,
    functionState: (pipeline, role) => watch.state(pipeline, role),
    firing: () => firing(runtime, startedAt),
    deployments: () => watch.deployments,
    absenceAlarms: () =>
      alarmDefinitions(runtime)
        .filter(({ below }) => below)
        .map(({ name, metric, periods, periodMs }) => ({ name, metric, hours: (periods * periodMs) / 3_600_000 })),
  };
}
