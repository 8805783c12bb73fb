import { pascalCase } from '../../lib/shared/names';
import { Failure } from '../failure';

/** What an environment's resources are called. */
export interface Names {
  readonly environment: string;
  readonly historyBucket: string;
  readonly archiveBucket: string;
  readonly exportsBucket: string;
  stream(pipeline: string): string;
  queues(pipeline: string): QueueUrls;
}

/** The queues of one pipeline. */
export interface QueueUrls {
  /** What arrives now. Undefined for a pipeline without history. */
  readonly history?: string;
  /** What was there before: filled by the reconcile function and by backfills. */
  readonly backlog: string;
  /** What could not be loaded. */
  readonly deadLetters: string;
}

/** Values of a stack's outputs by their logical id, as `cdk deploy --outputs-file` writes them. */
export type StackOutputs = Readonly<Record<string, unknown>>;

/** The output of a construct that stands in a scope: that scope's name, the construct's, and eight hexadecimal digits of CDK. */
export const scoped = (scope: string, name: string) => new RegExp(`^${idOf(scope)}${name}[0-9A-F]{8}$`);

/** CDK leaves out of a logical id what is neither letter nor digit. */
const idOf = (name: string) => pascalCase(name).replace(/[^A-Za-z0-9]/g, '');

export function outputLike(outputs: StackOutputs, pattern: RegExp): string | undefined {
  const found = Object.entries(outputs).find(([id]) => pattern.test(id))?.[1];
  return typeof found === 'string' ? found : undefined;
}

/**
 * Reads the names from the outputs of the stack `millrace-<environment>-data`. The outputs of a pipeline have its name in front and,
 * since they stand in a scope of their own, eight hexadecimal digits of CDK behind.
 * @throws Failure naming the output that is missing
 */
export function namesFrom(environment: string, outputs: StackOutputs, source: string): Names {
  const required = (pattern: RegExp, shown: string): string => {
    const found = outputLike(outputs, pattern);
    if (found !== undefined) return found;
    throw new Failure(`${source} has no output ${shown} of the stack ${dataStackName(environment)}; deploy it again`);
  };
  const plain = (name: string) => required(new RegExp(`^${name}$`), name);
  const ofPipeline = (pipeline: string, name: string) =>
    required(scoped(pipeline, name), `${pascalCase(pipeline)}${name}`);
  return {
    environment,
    historyBucket: plain('HistoryBucketName'),
    archiveBucket: plain('ArchiveBucketName'),
    exportsBucket: plain('ExportsBucketName'),
    stream: (pipeline) => ofPipeline(pipeline, 'StreamName'),
    queues: (pipeline) => ({
      history: outputLike(outputs, scoped(pipeline, 'HistoryQueueUrl')),
      backlog: ofPipeline(pipeline, 'HistoryBacklogUrl'),
      deadLetters: ofPipeline(pipeline, 'HistoryDeadLettersUrl'),
    }),
  };
}

export const stackName = (environment: string, stack: 'data' | 'pipelines') => `millrace-${environment}-${stack}`;
export const dataStackName = (environment: string) => stackName(environment, 'data');

/** The local runtime deploys this environment. */
export const LOCAL_ENVIRONMENT = 'dev';
