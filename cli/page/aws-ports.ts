import type { Readable } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Environment } from '../../environments/environment';
import { clientSettings } from '../../lambda/shared/client-settings';
import { listPages } from '../../lambda/shared/s3';
import { functionMetrics, shownMetrics } from '../../lib/monitoring/alarms';
import type { Pipeline } from '../../pipelines/definition';
import { type ConnectOptions, stackOutputs, warehouseTargetOf } from '../cloud/connect';
import { namesFrom, outputLike, type StackOutputs, scoped } from '../cloud/names';
import { Failure } from '../failure';
import { countInAws } from './aws/counts';
import { explainer } from './aws/explain';
import { AwsMetrics, type Look, RECENT_MS } from './aws/look';
import { awsQueries } from './aws/statements';
import type { PagePorts, Reach } from './ports';
import type { FunctionState, Role } from './watch';

/** Pages of 1,000 keys that one listing reads. The listing of a larger prefix would take minutes. */
const MOST_PAGES = 200;

export interface AwsPlace {
  readonly environment: Environment;
  /** File with the outputs of the environment's stacks. */
  readonly outputs: string;
  /** Data folder of the command. */
  readonly data: string;
  readonly reach: Reach;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
}

/** The ports of an environment in AWS, and what only the page in AWS needs. */
export interface AwsPorts extends PagePorts {
  readonly cloudWatch: AwsMetrics;
  /** Asks CloudWatch once. What it says is what the ports say until the next look. */
  look(): Promise<Look>;
  lastLook(): Look | undefined;
  /** Places with more objects than one listing reads, as `<bucket>/<prefix>`. */
  readonly cut: ReadonlySet<string>;
  dispose(): void;
}

/** The metrics that say how a function's runs end. */
const endingsOf: Readonly<Record<Role, { readonly good: string; readonly bad?: string }>> = {
  Refresh: { good: functionMetrics.refreshCompleted, bad: functionMetrics.refreshFailed },
  Load: { good: shownMetrics.loadedFiles, bad: functionMetrics.loadFailed },
  Exports: { good: functionMetrics.exportedWindows, bad: functionMetrics.exportFailed },
  Reconcile: { good: functionMetrics.reconcileCompleted },
};

/** The ports of an environment in AWS, over the Data API, CloudWatch and S3. It only reads. */
export function awsPorts(place: AwsPlace, pipelines: readonly Pick<Pipeline, 'name'>[]): AwsPorts {
  const { environment, reach } = place;
  const connection: ConnectOptions = { ...place, environment: environment.name };
  const target = warehouseTargetOf(connection);
  const outputs = outputsOf(place);
  const now = place.now ?? Date.now;
  const queries = awsQueries(target, reach);
  const cloudWatch = new AwsMetrics(reach);
  const s3 = new S3Client({ ...clientSettings(), ...reach, forcePathStyle: reach.endpoint !== undefined });
  const streamOf = (pipeline: string) => outputs.names.stream(pipeline);
  const isDeployed = (pipeline: string) => outputLike(outputs.data, scoped(pipeline, 'StreamName')) !== undefined;
  const cut = new Set<string>();
  let last: Look | undefined;
  const metrics: PagePorts['metrics'] = (asked) => cloudWatch.metrics(asked);
  const wroteAt = (pipeline: string, metric: string) => last?.written.get(`${pipeline} ${metric}`);
  return {
    environment,
    readOnly: true,
    connection,
    reach,
    warehouse: target,
    archiveBucket: outputs.names.archiveBucket,
    historyBucket: outputs.names.historyBucket,
    exportBucket: outputs.names.exportsBucket,
    workBucket: outputs.workBucket,
    apiUrl: outputs.apiUrl,
    now,
    streamOf,
    isDeployed,
    query: (sql) => queries.query(sql),
    counts: (pipeline) => countInAws({ now, query: queries.query, metrics }, pipeline, streamOf(pipeline.name)),
    acceptedRecords: (stream) => last?.accepted.get(stream) ?? 0,
    // Kinesis reports shards to CloudWatch only with enhanced monitoring, which costs.
    shards: async () => [],
    async objects(bucket, prefix) {
      const found = [];
      let pages = 0;
      for await (const page of listPages(s3, bucket, prefix)) {
        found.push(...page.map(({ key, size, etag }) => ({ key, size, etag })));
        if (++pages < MOST_PAGES) continue;
        cut.add(`${bucket}/${prefix}`);
        break;
      }
      return found;
    },
    async read(Bucket, Key) {
      try {
        const { Body, ContentLength = 0 } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        return { bytes: ContentLength, body: Body as Readable };
      } catch (error) {
        if (['NoSuchKey', 'NotFound'].includes((error as Error).name)) return undefined;
        throw error;
      }
    },
    metrics,
    lastWritten(metric, pipeline) {
      const at = wroteAt(pipeline, metric);
      if (at !== undefined || last === undefined) return at;
      // Without a value in this time, a run is late. That CloudWatch could not be asked says nothing.
      const isKnown = !last.problems.some(({ part }) => part === 'runs');
      return isKnown && metric === functionMetrics.refreshCompleted ? last.at - RECENT_MS : undefined;
    },
    functionState(pipeline, role): FunctionState {
      const { good, bad } = endingsOf[role];
      const endedAt = wroteAt(pipeline, good);
      const failedAt = bad === undefined ? undefined : wroteAt(pipeline, bad);
      const ended = endedAt === undefined ? {} : { endedAt };
      if (failedAt === undefined || failedAt <= (endedAt ?? 0)) return { running: 0, ...ended };
      const at = new Date(failedAt).toISOString().slice(11, 16);
      return { running: 0, endedAt: failedAt, error: `it failed at ${at} UTC; its log says why` };
    },
    firing: () => last?.alarms ?? [],
    absenceAlarms: () => last?.absence ?? [],
    cloudWatch,
    async look() {
      const deployed = pipelines.filter(({ name }) => isDeployed(name));
      const streams = new Map(deployed.map(({ name }) => [name, streamOf(name)]));
      last = await cloudWatch.look(
        environment.name,
        streams,
        now(),
        explainer({ environment, warehouse: target, connection }),
      );
      return last;
    },
    lastLook: () => last,
    cut,
    dispose() {
      queries.dispose();
      cloudWatch.dispose();
      s3.destroy();
    },
  };
}

/** @throws Failure that names a missing file, stack or output */
function outputsOf({ environment, outputs: file }: AwsPlace) {
  const data = stackOutputs(environment, 'data', file);
  const pipelines = stackOutputs(environment, 'pipelines', file);
  const workBucket = data['WorkBucketName'];
  if (typeof workBucket !== 'string')
    throw new Failure(`the data stack of ${environment.name} has no output WorkBucketName; deploy it again`);
  return { data, names: namesFrom(environment.name, data, file), workBucket, apiUrl: urlOf(pipelines) };
}

function urlOf(outputs: StackOutputs): string | undefined {
  const url = outputs['ApiUrl'];
  return typeof url === 'string' ? url.replace(/\/$/, '') : undefined;
}
