import { systemClock } from './clock';
import { connectKinesis } from './kinesis';
import { checkOptions, type ReadOptions } from './options';
import { type Reading, StreamReading } from './reading';
import { memoryState } from './state';
import { fileState } from './state-file';

export { deaggregate, type Part } from './aggregation';
export { type Gap, GapError, ReadError, StateError, StreamReplacedError, UndecodableError } from './errors';
export type { ReadOptions } from './options';
export { compareSequenceNumbers, type ShardPosition, type Start } from './position';
export type { Reading } from './reading';
export { type Decode, type Envelope, messageId, type StreamRecord } from './record';
export { memoryState, type ReaderState, type StateStore } from './state';
export { fileState } from './state-file';

/**
 * Reads a stream: each shard in order, parents before children. Nothing is called before the first iteration.
 * @throws ReadError for an invalid option. Iterating throws ReadError, StateError, GapError, StreamReplacedError or
 * UndecodableError.
 */
export function readStream<Value = unknown>(options: ReadOptions<Value>): Reading<Value> {
  checkOptions(options);
  const store = typeof options.state === 'string' ? fileState(options.state) : (options.state ?? memoryState());
  return new StreamReading(options, {
    kinesis: connectKinesis(options.stream, options.client),
    store,
    clock: { ...systemClock, ...(options.now && { now: options.now }) },
  });
}
