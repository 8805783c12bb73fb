import type { Clock } from './clock';
import { ReadError, reason } from './errors';

/** The reader gives up after so many failures in a row. With the waits below, that takes about three minutes. */
const MAX_FAILURES = 12;
const BASE_MS = 250;
const LONGEST_MS = 30_000;

/** Errors after which the same call may succeed. The names are those of the Kinesis API reference and of Node. */
const passing = new Set([
  'ProvisionedThroughputExceededException',
  'LimitExceededException',
  'KMSThrottlingException',
  'ThrottlingException',
  'InternalFailure',
  'InternalFailureException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'RequestTimeout',
  'TimeoutError',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

interface ServiceError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

export const nameOf = (error: unknown): string => (error as ServiceError)?.name ?? '';

export function isPassing(error: unknown): boolean {
  const { name, code, $metadata } = (error ?? {}) as ServiceError;
  return passing.has(name ?? '') || passing.has(code ?? '') || ($metadata?.httpStatusCode ?? 0) >= 500;
}

/**
 * Repeats the call until it succeeds, with exponential backoff and full jitter. A lasting error is thrown at once, as
 * `explained` rewrites it.
 */
export async function retrying<Result>(
  what: string,
  clock: Clock,
  signal: AbortSignal,
  call: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error)) throw explained(what, error);
      if (failures === MAX_FAILURES)
        throw new ReadError(`${what}: ${failures} attempts failed, the last with ${reason(error)}`, { cause: error });
      await clock.sleep(backoffMs(failures, clock), signal);
    }
  }
}

export function backoffMs(failures: number, clock: Clock): number {
  return Math.ceil(clock.random() * Math.min(LONGEST_MS, BASE_MS * 2 ** failures));
}

/**
 * Throws the error of a first call. A host that does not exist is then most likely a region that does not exist, for
 * which no retry helps. During a read it is more likely a network that is down.
 */
export function throwUnknownHost(what: string, error: unknown): never {
  const { code, hostname } = (error ?? {}) as { code?: string; hostname?: string };
  if (code !== 'ENOTFOUND') throw error;
  throw new ReadError(`${what}: there is no host ${hostname}; check the region and the endpoint`, { cause: error });
}

/** Rewrites an error of the service to say what a person can do. Errors that the reader handles keep their names. */
function explained(what: string, error: unknown): unknown {
  const { name, message } = (error ?? {}) as ServiceError;
  switch (name) {
    case 'ResourceNotFoundException':
      return new ReadError(`${what}: there is no such stream or shard in this account and region (${message})`, {
        cause: error,
      });
    case 'AccessDeniedException':
    case 'AccessDenied': {
      const action = /kinesis:\w+|kms:\w+/.exec(message ?? '')?.[0];
      return new ReadError(`${what}: permission ${action ?? ''} is missing (${message})`.replace('  ', ' '), {
        cause: error,
      });
    }
    case 'ExpiredTokenException':
    case 'ExpiredToken':
      return new ReadError(`${what}: the session token has expired; log in again`, { cause: error });
    case 'UnrecognizedClientException':
    case 'InvalidSignatureException':
    case 'CredentialsProviderError':
      return new ReadError(`${what}: the credentials are not accepted (${message})`, { cause: error });
    default:
      return error;
  }
}
