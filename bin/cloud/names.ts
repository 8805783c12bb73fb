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

/**
 * Reads the names from the outputs of the stack `millrace-<environment>-data`. The outputs of a pipeline have its name in front and,
 * since they stand in a scope of their own, eight hexadecimal digits of CDK behind.
 * @throws Failure naming the output that is missing
 */
export function namesFrom(environment: string, outputs: StackOutputs, source: string): Names {
  const value = (pattern: RegExp): string | undefined => {
    const found = Object.entries(outputs).find(([id]) => pattern.test(id))?.[1];
    return typeof found === 'string' ? found : undefined;
  };
  const required = (pattern: RegExp, shown: string): string => {
    const found = value(pattern);
    if (found !== undefined) return found;
    throw new Failure(`${source} has no output ${shown} of the stack ${dataStackName(environment)}; deploy it again`);
  };
  const plain = (name: string) => required(new RegExp(`^${name}$`), name);
  const scoped = (pipeline: string, name: string) => new RegExp(`^${pascalCase(pipeline)}${name}[0-9A-F]{8}$`);
  const ofPipeline = (pipeline: string, name: string) =>
    required(scoped(pipeline, name), `${pascalCase(pipeline)}${name}`);
  return {
    environment,
    historyBucket: plain('HistoryBucketName'),
    archiveBucket: plain('ArchiveBucketName'),
    exportsBucket: plain('ExportsBucketName'),
    stream: (pipeline) => ofPipeline(pipeline, 'StreamName'),
    queues: (pipeline) => ({
      history: value(scoped(pipeline, 'HistoryQueueUrl')),
      backlog: ofPipeline(pipeline, 'HistoryBacklogUrl'),
      deadLetters: ofPipeline(pipeline, 'HistoryDeadLettersUrl'),
    }),
  };
}

export const dataStackName = (environment: string) => `millrace-${environment}-data`;

/** `page_views` as part of a construct id: `PageViews`. */
const pascalCase = (name: string) => name.replace(/(?:^|_+)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
