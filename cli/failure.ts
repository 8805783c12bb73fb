import { meaningOf } from './cloud/aws-errors';

type ExitCode = 1 | 2 | 130;

/** An error that its message explains in full. It is printed without a stack trace. */
export class Failure extends Error {
  constructor(
    message: string,
    /** 1: the command failed. 2: the command line is invalid. 130: Ctrl-C ended it. */
    readonly exitCode: ExitCode = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'Failure';
  }
}

/** A person ended the command. The message says what is done and what is not. */
export class Interrupted extends Failure {
  constructor(message = 'interrupted') {
    super(message, 130);
  }
}

/** Returns the exit code of a process that ends with the error. */
export const exitCodeOf = (error: unknown): ExitCode => (error instanceof Failure ? error.exitCode : 1);

const systemErrors: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file',
  EMFILE: 'too many open files',
};

export const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');

/** Returns how often the SDK sent the request. */
const triedTimes = (error: object) => {
  const attempts = (error as { $metadata?: { attempts?: number } }).$metadata?.attempts ?? 1;
  return attempts === 1 ? 'tried once' : `tried ${attempts} times`;
};

/** Returns one line for a person: the operating system's error in words, and the path. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${message.replace(/^listen EADDRINUSE: /, '')}; choose another port with --port`;
  const meaning = code === undefined ? undefined : systemErrors[code];
  if (meaning !== undefined) return path === undefined ? `${meaning}: ${message}` : `${path}: ${meaning}`;
  if (error.name === 'TimeoutError')
    return `the service did not answer in time, ${triedTimes(error)}: ${message}; check the endpoint, the network and the region`;
  const aws = meaningOf(error);
  if (aws !== undefined) return aws.sentence;
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(explain).join('\n');
  return message === '' ? error.name : message;
}
