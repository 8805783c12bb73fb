import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { isText } from '../../../sql/names';
import { generators } from '../generators';
import { eventIdOf } from '../why/question';

/** Every mark begins with this, so that a person who finds one knows what it is. */
export const markPrefix = 'millrace-smoke-';
export const newMark = () => `${markPrefix}${randomBytes(6).toString('hex')}`;

export const isMark = (text: string) => new RegExp(`^${markPrefix}[0-9a-f]{12}$`).test(text);

/** The records that a smoke test sends for one pipeline, and their expected outcome. */
export interface Marked {
  readonly pipeline: Pipeline;
  readonly mark: string;
  /**
   * Column whose texts begin with the mark. It is part of the identity, so no other event has the id of a marked one.
   */
  readonly column: Column;
  /** Records for the stream. All have the mark as their partition key. */
  readonly stream: readonly string[];
  readonly object?: { readonly key: string; readonly body: Buffer };
  readonly expected: { readonly events: number; readonly duplicates: number; readonly rejects: number };
  readonly eventIds: readonly string[];
}

/** Age of the marked events by the warehouse's clock. Their hourly windows are closed, lateness included. */
const ENDED_BEFORE_MS = 90 * 60_000;
const GENERATED = 5000;
const MOST_EVENTS = 10;

/**
 * Creates marked events with the pipeline's generator: one for each value of a column with few values, with the mark in
 * an identity column. One of them is sent twice. One record is not JSON, and one event is in a history object. Returns
 * a reason if the pipeline cannot be marked.
 */
export function createMarked(pipeline: Pipeline, mark: string, now: number): Marked | string {
  const generator = generators().find((candidate) => candidate.pipeline === pipeline.name);
  if (!generator) return 'it has no generator';
  if (isText(pipeline.stream.records)) return 'its records are texts, which hold no mark';
  const column = markedColumn(pipeline, mark);
  if (!column) return 'its identity has no text column that takes the mark';
  const start = now - ENDED_BEFORE_MS;
  const clean = { duplicates: 0, late: 0, malformed: 0, oversized: 0, others: 0, historyShare: 0, overlap: 0 };
  const generation = generator.generate({ seed: mark, start, events: GENERATED, ...clean });
  const kinds = new Map([...generation.stream()].map(({ data }) => [kindOf(pipeline, data), data]));
  const payloads = [...kinds.values()]
    .slice(0, MOST_EVENTS)
    .map((data, index) => withMark(JSON.parse(data), column, `${mark}-${index + 1}`));
  const source = ndjsonOf(pipeline);
  const historical = source && payloads.length > 1 ? payloads.slice(-1) : [];
  const onStream = payloads.slice(0, payloads.length - historical.length).map((payload) => JSON.stringify(payload));
  return {
    pipeline,
    mark,
    column,
    stream: [...onStream, onStream[0]!, `${mark} is not JSON`],
    ...(historical.length > 0 && {
      object: { key: keyOf(source!.globs[0]!, mark), body: bodyOf(source!, historical) },
    }),
    expected: { events: payloads.length, duplicates: 1, rejects: 1 },
    eventIds: payloads.map((payload) => eventIdOf(pipeline, payload)!),
  };
}

/**
 * Returns what an earlier smoke test may have left, from its mark alone. Undefined if the pipeline cannot be marked.
 */
export function marksLeftBy(pipeline: Pipeline, mark: string): Marked | undefined {
  const column = markedColumn(pipeline, mark);
  if (!column) return undefined;
  const source = ndjsonOf(pipeline);
  const object = source && { object: { key: keyOf(source.globs[0]!, mark), body: Buffer.alloc(0) } };
  return {
    pipeline,
    mark,
    column,
    stream: [],
    ...object,
    expected: { events: 0, duplicates: 0, rejects: 0 },
    eventIds: [],
  };
}

const ndjsonOf = ({ history }: Pipeline) => history?.find(({ format }) => format === 'ndjson');

/**
 * Returns a text column of the identity without fixed values, long enough for the mark. A stream of texts has no JSON to
 * put it into.
 */
export function markedColumn({ stream, identity, columns }: Pipeline, mark: string): Column | undefined {
  if (isText(stream.records)) return undefined;
  const names = identity.by === 'columns' ? identity.columns : [];
  return columns.find(
    (column) =>
      names.includes(column.name) &&
      column.type === 'varchar' &&
      column.oneOf === undefined &&
      column.maxBytes >= mark.length + 4,
  );
}

/** Returns the kind of a record: its values in all columns with few values. */
function kindOf({ columns }: Pipeline, data: string): string {
  const payload = JSON.parse(data) as unknown;
  const few = columns.filter((column) => column.type === 'varchar' && column.oneOf !== undefined);
  if (few.length === 0) return data;
  return JSON.stringify(
    few.map(({ path }) => path.reduce<unknown>((value, name) => (value as never)?.[name], payload)),
  );
}

function withMark(payload: Record<string, unknown>, { path }: Column, text: string): Record<string, unknown> {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return { ...payload, [name]: text };
  const inner = (payload[name] ?? {}) as Record<string, unknown>;
  return { ...payload, [name]: withMark(inner, { path: rest } as unknown as Column, text) };
}

/** Returns a unique key that matches the glob. */
export const keyOf = (glob: string, mark: string) => glob.replace(/\*+/g, mark);

function bodyOf(source: NonNullable<Pipeline['history']>[number], payloads: readonly object[]): Buffer {
  const text = Buffer.from(payloads.map((payload) => `${JSON.stringify(payload)}\n`).join(''));
  return 'compression' in source && source.compression === 'gzip' ? gzipSync(text) : text;
}
