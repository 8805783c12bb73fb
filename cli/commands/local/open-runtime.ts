import { availableParallelism } from 'node:os';
import type { AllowedListener } from 'aws-local';
import { resourceType } from '../../../lambda/warehouse-object/contract';
import { streamName } from '../../../lib/shared/names';
import type { FaultSource } from '../../../local/faults';
import { type Runtime, startRuntime } from '../../../local/runtime';
import { pipelines } from '../../../pipelines';
import type { PipelineDeclaration } from '../../../sql';
import { findEnvironment } from '../../cloud/environments';
import { outputLike, scoped } from '../../cloud/names';
import { Failure } from '../../failure';
import { plural } from '../../terminal';
import type { DemoRuntime } from './demo-runtime';
import { makeOutside } from './outside';
import type { OpenOptions } from './run';

const stageName = 'dev';
/** DuckDB's threads: one core is left for functions and services. A DuckDB thread that waits keeps its core busy. */
const warehouseThreads = Math.min(8, Math.max(1, availableParallelism() - 1));

export interface RuntimeHooks {
  /** Receives every request that IAM allowed, including those of the deployment. */
  readonly onAllowed?: AllowedListener;
  readonly onStarted?: (runtime: Runtime) => void;
  /** Decides which faults happen. @default - none */
  readonly faults?: FaultSource;
}

/** Deploys the dev environment on this machine. Its clock does not move until the caller moves it. */
export async function openRuntime(
  { assemblyDir, dataDir, port, pgPort, startAt, onProgress }: OpenOptions,
  { onAllowed, onStarted, faults }: RuntimeHooks = {},
): Promise<DemoRuntime> {
  let ready = 0;
  const environment = findEnvironment(stageName);
  const runtime = await startRuntime({
    assemblyDir,
    stageName,
    dataDir,
    port,
    clock: { rate: 0, start: startAt },
    warehouseThreads,
    onAllowed,
    faults,
    beforeDeployment: (outside) => makeOutside(environment, pipelines, outside),
    onRun: (event) => {
      if (event.kind === 'resource' && event.done) onProgress(`${plural(++ready, 'resource')}, ${event.name}`);
    },
  }).catch((error: Error) => {
    if (error.name === 'DeploymentError')
      throw new Failure(`the dev environment could not be started:\n${indented(error.message)}`, 1, { cause: error });
    throw error;
  });
  const prompt = pgPort === undefined ? undefined : await openPrompt(runtime, pgPort);
  onStarted?.(runtime);
  const { principal, credentials } = runtime.administrator;
  const outputsOf = (stack: string) => runtime.deployment.outputs[`millrace-${stageName}-${stack}`] ?? {};
  const output = (name: string): string => {
    const value = outputsOf('data')[name];
    if (typeof value !== 'string') throw new Error(`the data stack of ${stageName} has no output ${name}`);
    return value;
  };
  const outputOfStream = (pipeline: string) => outputLike(outputsOf('data'), scoped(pipeline, 'StreamName'));
  const streamOf = (pipeline: string) => outputOfStream(pipeline) ?? streamName(environment, pipeline);
  let disposing = false;
  return {
    endpoint: runtime.endpoint,
    region: runtime.region,
    credentials,
    warehouse: {
      [output('WarehouseKind') === 'serverless' ? 'WorkgroupName' : 'ClusterIdentifier']: output('WarehouseName'),
      Database: output('DatabaseName'),
      SecretArn: output('OwnerSecretArn'),
    },
    prompt,
    get outputs() {
      return outputsOf('data');
    },
    get pipelineOutputs() {
      return outputsOf('pipelines');
    },
    resources: runtime.deployment.resources.length,
    historyBucket: output('HistoryBucketName'),
    exportBucket: output('ExportsBucketName'),
    streamOf,
    isDeployed: (pipeline) => outputOfStream(pipeline) !== undefined,
    now: () => runtime.clock.now(),
    setRate: (rate) => runtime.clock.setRate(rate),
    pause: runtime.pause,
    settle: (signal) => runtime.settle(signal),
    async step(signal) {
      if (!(await runtime.step(signal))) throw new Error('no schedule is enabled, so nothing will ever happen');
    },
    leapTo: (epochMs) => runtime.clock.leapTo(epochMs),
    onActivity: (listener) => void runtime.onRun(listener),
    query: (sql) => runtime.warehouse.query(sql),
    acceptedRecords: (stream) => runtime.kinesis.acceptedRecords(stream),
    deployedPipelines: () =>
      runtime
        .ofType(resourceType)
        .filter(({ properties }) => properties['kind'] === 'pipeline')
        .map(({ properties }) => ({
          name: String(properties['name']),
          ...(JSON.parse(String(properties['declaration'])) as PipelineDeclaration),
        })),
    objects: async (bucket, prefix) =>
      (await runtime.s3.list(principal, bucket, prefix)).map(({ key, size, etag }) => ({
        key,
        size,
        etag: etag.replaceAll('"', ''),
      })),
    pathOf: (bucket, key) => runtime.s3.pathOf(bucket, key),
    onTrouble(listener) {
      runtime.onRun((event) => {
        // Work that the end of the runtime interrupts is no error.
        if (disposing) return;
        if (event.kind === 'trouble') listener(`${event.name}: ${event.message}`);
        else if (event.kind === 'statement' && event.error !== undefined) listener(`${event.name}: ${event.error}`);
        else if (event.kind === 'function' && event.error !== undefined)
          listener(`${event.name}: ${event.error.errorMessage}`);
      });
    },
    dispose: () => {
      disposing = true;
      return runtime.dispose();
    },
  };
}

/** Opens the port for clients of PostgreSQL. The runtime ends if that fails. */
async function openPrompt(runtime: Runtime, port: number) {
  try {
    return await runtime.listen({ port });
  } catch (error) {
    await runtime.dispose();
    throw error;
  }
}

/** Indents a message, without stack traces and empty lines. */
const indented = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
    .map((line) => `  ${line.trim()}`)
    .join('\n');
