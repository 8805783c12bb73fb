import type { Clock } from './clock';
import { ReadError, reason } from './errors';
import type { Fetched, Kinesis, Pushed } from './kinesis';
import { type StartingPosition, startingPosition } from './position';
import { backoffMs, isPassing, nameOf, retrying } from './retry';
import type { ShardSource, SourceOptions } from './source';

/** A connection without an event for this long is dead: Kinesis sends one every few seconds, even without records. */
const SILENCE_MS = 30_000;
/** SubscribeToShard is allowed once a second per shard. After 5 s a new call takes over (API reference). */
const RESUBSCRIBE_MS = 1_000;
const IN_USE_MS = 5_000;
const MAX_FAILURES = 12;

export interface FanOutOptions extends SourceOptions {
  readonly kinesis: Kinesis;
  readonly clock: Clock;
  readonly consumerArn: string;
}

/** Reads a shard with SubscribeToShard, one subscription after the other. */
export function subscribeToShard(options: FanOutOptions): ShardSource {
  const { kinesis, clock, shardId, consumerArn } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let position: StartingPosition = startingPosition(options.position, options.start, options.afterParent);
  let subscription: Subscription | undefined;
  let failures = 0;
  let notBefore = 0;

  const subscribed = async (): Promise<Subscription> => {
    if (notBefore > clock.now()) await clock.sleep(notBefore - clock.now(), signal);
    notBefore = clock.now() + RESUBSCRIBE_MS;
    return openSubscription(signal, (own) =>
      retrying(shardId, clock, own, () => kinesis.subscribe(consumerArn, shardId, position, own)),
    );
  };
  const failed = async (error: unknown) => {
    signal.throwIfAborted();
    const inUse = nameOf(error) === 'ResourceInUseException';
    failures += 1;
    if ((!inUse && !isPassing(error) && !(error instanceof SilenceError)) || failures === MAX_FAILURES)
      throw failures === MAX_FAILURES
        ? new ReadError(`${shardId}: ${failures} subscriptions failed, the last with ${reason(error)}`, {
            cause: error,
          })
        : error;
    await clock.sleep(inUse ? IN_USE_MS : backoffMs(failures, clock), signal);
  };

  return {
    ready: async () => undefined,
    async next(): Promise<Fetched> {
      for (;;) {
        signal.throwIfAborted();
        try {
          subscription ??= await subscribed();
          const event = await withinSilence(subscription, clock, signal);
          if (event) {
            failures = 0;
            if (event.continuation !== undefined)
              position = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: event.continuation };
            if (event.ended) subscription.close();
            return event;
          }
          // The subscription is over; the next one starts where it ended.
          subscription.close();
          subscription = undefined;
        } catch (error) {
          subscription?.close();
          subscription = undefined;
          await failed(error);
        }
      }
    },
    close() {
      subscription?.close();
      stop.abort(new ReadError(`${shardId}: closed`));
    },
  };
}

class SilenceError extends Error {}

interface Subscription {
  next(): Promise<Pushed | undefined>;
  close(): void;
}

/**
 * Opens a subscription with its own AbortController, because the SDK leaves the stream open after `return()` and
 * `destroy()`.
 */
async function openSubscription(
  outer: AbortSignal,
  subscribe: (signal: AbortSignal) => Promise<AsyncIterable<Pushed>>,
): Promise<Subscription> {
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  const events = (await subscribe(signal))[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await events.next();
      return done ? undefined : value;
    },
    close() {
      own.abort(new Error('subscription closed'));
      Promise.resolve(events.return?.()).catch(() => undefined);
    },
  };
}

async function withinSilence(
  subscription: Subscription,
  clock: Clock,
  signal: AbortSignal,
): Promise<Pushed | undefined> {
  const heard = new AbortController();
  const stop = () => heard.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const silence = clock.sleep(SILENCE_MS, heard.signal).then(() => {
    throw new SilenceError(`no event for ${SILENCE_MS / 1_000} s`);
  });
  const event = subscription.next();
  // The promise that loses the race must not become an unhandled rejection.
  silence.catch(() => undefined);
  event.catch(() => undefined);
  try {
    return await Promise.race([event, silence]);
  } finally {
    signal.removeEventListener('abort', stop);
    heard.abort(new Error('heard'));
  }
}
