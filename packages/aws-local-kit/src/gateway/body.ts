import type { Readable } from 'node:stream';
import { AwsError } from '../ports';

/** Bodies that are in memory now, over all requests of a gateway. */
export class BodyBudget {
  #used = 0;

  constructor(readonly bytes: number) {}

  /** Takes room for some bytes. @returns false if there is none */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.bytes) return false;
    this.#used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}

export interface BodyLimits {
  /** Largest body in bytes. */
  readonly limit: number;
  readonly isS3: boolean;
  /** True if the body is an object's content, and not a document. */
  readonly isContent: boolean;
  readonly budget: BodyBudget;
  /** Longest pause between two pieces of the body. */
  readonly pauseMs: number;
}

export interface Body {
  readonly bytes: Buffer;
  /** Gives the memory back. */
  release(): void;
}

/**
 * Reads a body within its limits. A body whose announced length is too large is refused before a byte of it is read.
 * @throws AwsError
 */
export function readBody(
  incoming: Readable & { readonly headers: { readonly 'content-length'?: string } },
  limits: BodyLimits,
): Promise<Body> {
  const { limit, budget } = limits;
  const announced = Number(incoming.headers['content-length'] ?? 0);
  if (announced > limit) return Promise.reject(tooLarge(limits));
  if (!budget.take(announced)) return Promise.reject(noRoom(limits));
  let taken = announced;
  const release = () => {
    budget.giveBack(taken);
    taken = 0;
  };
  return new Promise<Body>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let failed = false;
    const fail = (error: Error) => {
      if (failed) return;
      failed = true;
      chunks.length = 0;
      clearTimeout(pause);
      release();
      reject(error);
    };
    const pause = setTimeout(() => fail(tooSlow(limits)), limits.pauseMs);
    incoming.on('data', (chunk: Buffer) => {
      if (failed) return;
      pause.refresh();
      size += chunk.length;
      if (size > limit) return fail(tooLarge(limits));
      if (size > taken) {
        if (!budget.take(size - taken)) return fail(noRoom(limits));
        taken = size;
      }
      chunks.push(chunk);
    });
    incoming.once('end', () => {
      clearTimeout(pause);
      if (!failed) resolve({ bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), release });
    });
    incoming.once('error', fail);
    incoming.once('aborted', () => fail(Object.assign(new Error('the caller went away'), { code: 'ECONNRESET' })));
  });
}

function tooLarge({ limit, isS3, isContent }: BodyLimits): AwsError {
  if (!isS3) return new AwsError('RequestEntityTooLargeException', `the request body exceeds ${limit} bytes`, 413);
  if (isContent)
    return new AwsError(
      'EntityTooLarge',
      `Your proposed upload exceeds the maximum allowed object size: one request takes ${limit} bytes here. Upload a larger object in parts, as aws s3 cp does`,
    );
  return new AwsError('MaxMessageLengthExceeded', `Your request was too big: its body exceeds ${limit} bytes`);
}

const noRoom = ({ isS3, budget }: BodyLimits) =>
  new AwsError(
    isS3 ? 'SlowDown' : 'ThrottlingException',
    `the bodies of requests in progress exceed ${budget.bytes} bytes; retry when others have ended`,
    isS3 ? 503 : 400,
  );

const tooSlow = ({ isS3 }: BodyLimits) =>
  new AwsError(
    isS3 ? 'RequestTimeout' : 'RequestTimeoutException',
    'Your socket connection to the server was not read from or written to within the timeout period.',
    isS3 ? 400 : 408,
  );
