import { KinesisClient } from '@aws-sdk/client-kinesis';
import { clockPath } from 'aws-local/internal-api';
import { clientSettings } from '../../../lambda/shared/client-settings';
import { pipelines } from '../../../pipelines';
import type { Pipeline } from '../../../pipelines/definition';
import { stackOutputs } from '../../cloud/connect';
import { findEnvironment } from '../../cloud/environments';
import { LOCAL_ENVIRONMENT, namesFrom } from '../../cloud/names';
import { Failure } from '../../failure';
import { isRunningOver, readRuntimeFile } from '../runtime-file';

export interface StreamOptions {
  readonly data: string;
  readonly environment?: string;
  readonly outputs: string;
}

/** A stream that a command works on, and how to reach it. */
export interface OpenStream {
  /** Name or ARN. */
  readonly stream: string;
  readonly client: KinesisClient;
  /** The pipeline, if the stream was named by it. */
  readonly pipeline?: Pipeline;
  /** Epoch milliseconds of the clock by which records arrive: the local runtime has its own. */
  readonly now: () => number;
  close(): void;
}

/**
 * Finds a stream by the name of its pipeline, by its own name or by its ARN: in the environment that is named, else in
 * the local runtime that runs, else in the account and region that any AWS client finds.
 * @throws Failure
 */
export async function openStream(named: string, options: StreamOptions): Promise<OpenStream> {
  const pipeline = pipelines.find(({ name }) => name === named);
  if (options.environment !== undefined) {
    const environment = findEnvironment(options.environment);
    const names = () =>
      namesFrom(environment.name, stackOutputs(environment, 'data', options.outputs), options.outputs);
    return { ...aws(pipeline ? names().stream(named) : named, environment.region), pipeline };
  }
  if (!isRunningOver(options.data)) {
    if (pipeline)
      throw new Failure(
        `no local runtime is running over ${options.data}; start one with 'npm start', name its folder with --data, or an environment in AWS with --environment`,
      );
    return aws(named, named.startsWith('arn:') ? named.split(':')[3] : undefined);
  }
  const { endpoint, region, credentials, outputs, token } = readRuntimeFile(options.data);
  const stream = pipeline ? namesFrom(LOCAL_ENVIRONMENT, outputs, options.data).stream(named) : named;
  const client = new KinesisClient({ ...clientSettings(), endpoint, region, credentials });
  const clock = await followClock(endpoint, token);
  return {
    stream,
    client,
    pipeline,
    now: clock.now,
    close() {
      clock.stop();
      client.destroy();
    },
  };
}

function aws(stream: string, region: string | undefined): OpenStream {
  const client = new KinesisClient({ ...clientSettings(), ...(region && { region }) });
  return { stream, client, now: Date.now, close: () => client.destroy() };
}

const SAMPLE_MS = 200;

/** The clock of a local runtime, asked for five times a second: it may run sixty times as fast as this machine's. */
async function followClock(endpoint: string, token: string): Promise<{ now: () => number; stop(): void }> {
  let latest = 0;
  const ask = async () => {
    const answer = await fetch(`${endpoint}${clockPath}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    latest = Math.max(latest, ((await answer.json()) as { now: number }).now);
  };
  await ask();
  const timer = setInterval(() => void ask().catch(() => undefined), SAMPLE_MS).unref();
  return { now: () => latest, stop: () => clearInterval(timer) };
}
