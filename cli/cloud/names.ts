import { pascalCase } from '../../lib/shared/names';
import { Failure } from '../failure';

/** Names of an environment's resources. */
export interface Names {
  readonly environment: string;
  readonly historyBucket: string;
  readonly archiveBucket: string;
  readonly exportsBucket: string;
  /** The bucket of temporary files. */
  readonly workBucket: string;
  /** The secret of the marks. */
  forgetSecretArn(): string;
  /** With this role the warehouse writes and reads full exports. */
  readonly fullExportRoleArn: string;
  stream(pipeline: string): string;
  queues(pipeline: string): QueueUrls;
}

/** The queues of one pipeline. */
export interface QueueUrls {
  /** Queue for new objects. Undefined for a pipeline without history. */
  readonly history?: string;
  /** Queue for older objects, filled by the reconcile function and by backfills. */
  readonly backlog: string;
  /** Queue for objects that could not be loaded. */
  readonly deadLetters: string;
}

/** A stack's outputs by logical id, as `cdk deploy --outputs-file` writes them. */
export type StackOutputs = Readonly<Record<string, unknown>>;

/**
 * Matches the output of a construct in a scope: the scope's name, the construct's name, and eight hexadecimal digits of
 * CDK.
 */
export const scoped = (scope: string, name: string) => new RegExp(`^${idOf(scope)}${name}[0-9A-F]{8}$`);

/** CDK drops everything but letters and digits from a logical id. */
const idOf = (name: string) => pascalCase(name).replace(/[^A-Za-z0-9]/g, '');

export function outputLike(outputs: StackOutputs, pattern: RegExp): string | undefined {
  const found = Object.entries(outputs).find(([id]) => pattern.test(id))?.[1];
  return typeof found === 'string' ? found : undefined;
}

/**
 * Reads the names from the outputs of the stack `millrace-<environment>-data`. A pipeline's outputs begin with its
 * name. They have a scope of their own, so they end in eight hexadecimal digits of CDK.
 * @throws Failure that names the missing output
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
    workBucket: plain('WorkBucketName'),
    forgetSecretArn: () => plain('ForgetSecretArn'),
    // Older deployments lack it, and only full exports need it.
    get fullExportRoleArn() {
      return plain('FullExportRoleArn');
    },
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

/** Name of the environment that the local runtime deploys. */
export const LOCAL_ENVIRONMENT = 'dev';
