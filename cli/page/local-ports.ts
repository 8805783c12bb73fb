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

/** The ports of the local runtime. */
export function localPorts(
  { runtime, demo, dataDir }: PageRuntime,
  watch: RuntimeWatch,
  environment: Environment,
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
    environment,
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
    streamOf: (pipeline) => demo.streamOf(pipeline),
    isDeployed: (pipeline) => demo.isDeployed(pipeline),
    query: (sql) => demo.query(sql),
    counts: (pipeline) => countRecords(demo, pipeline, rows),
    acceptedRecords: (stream) => demo.acceptedRecords(stream),
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
    absenceAlarms: () =>
      alarmDefinitions(runtime)
        .filter(({ below }) => below)
        .map(({ name, metric, periods, periodMs }) => ({ name, metric, hours: (periods * periodMs) / 3_600_000 })),
  };
}
