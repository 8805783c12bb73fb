import { limits } from '../../lib/limits/limits';
import type { Column, HistorySource, Identity, Pipeline, RecordShape } from '../../pipelines/definition';
import { allStatements } from '../../sql';

/** Shapes of records that need different statements. */
const shapes: Readonly<Record<string, RecordShape | undefined>> = {
  'JSON objects': undefined,
  'batches that are decoded': { decode: ['gzip', 'objects'], unwrap: ['Records'] },
  'batches in base64': { base64: true, unwrap: ['Records'] },
  'lines of text': { format: 'text' },
};

const historyOf = (records: RecordShape | undefined): HistorySource[] => {
  const source = (format: HistorySource['format'], more: Partial<HistorySource> = {}): HistorySource => ({
    name: format,
    globs: [`${format}/*`],
    format,
    compression: format === 'parquet' ? 'none' : 'gzip',
    ...more,
  });
  return [
    source('ndjson', { records }),
    source('firehose', { records }),
    source('csv', { columns: [{ name: 'id' }] }),
    source('parquet', { columns: [{ name: 'id', type: 'varchar' }] }),
    source('text'),
  ];
};

interface Choices {
  readonly stream: RecordShape | undefined;
  readonly history: RecordShape | undefined;
  readonly identity: Identity;
  readonly isFiltered: boolean;
  readonly isLenient: boolean;
  readonly isKept: boolean;
}

const pipelineOf = ({ stream, history, identity, isFiltered, isLenient, isKept }: Choices): Pipeline => ({
  name: 'shop',
  stream: {
    capacity: { mode: 'provisioned', shards: 1 },
    retentionHours: 24,
    ...(stream ? { records: stream } : {}),
  },
  identity,
  columns: [
    { name: 'id', type: 'varchar', maxBytes: 64, path: ['id'], required: true },
    { name: 'at', type: 'timestamp', path: ['at'], required: true },
    { name: 'amount', type: 'bigint', path: ['amount'], ...(isLenient ? { convert: 'text' } : {}) } satisfies Column,
  ],
  ...(isFiltered ? { where: [{ path: ['type'], oneOf: ['sale'] }] } : {}),
  ...(identity.by === 'columns' ? { history: historyOf(history) } : {}),
  subject: ['id', 'amount'],
  ...(isKept ? {} : { retention: { events: '400 days', eventTime: 'at', rejects: '30 days' } }),
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
});

const either = [true, false];
const identities: Identity[] = [{ by: 'columns', columns: ['id', 'at'] }, { by: 'stream-position' }];

/** All pipelines that differ in what adds statements to a batch. */
const pipelines = (stream: RecordShape | undefined): Pipeline[] =>
  Object.values(shapes).flatMap((history) =>
    identities.flatMap((identity) =>
      either.flatMap((isFiltered) =>
        either.flatMap((isLenient) =>
          either.map((isKept) => pipelineOf({ stream, history, identity, isFiltered, isLenient, isKept })),
        ),
      ),
    ),
  );

test.each(Object.keys(shapes))('no batch has more statements than the Data API takes: a stream of %s', (shape) => {
  const lengths = new Map<string, number>();
  for (const pipeline of pipelines(shapes[shape]))
    for (const { name, statements } of allStatements(pipeline))
      lengths.set(name, Math.max(lengths.get(name) ?? 0, statements.length));
  const longest = [...lengths].filter(([, length]) => length > limits.batchStatements.most);
  expect(longest).toEqual([]);
  // The combinations reach the longest batches: reloads.
  expect(Math.max(...lengths.values())).toBeGreaterThan(35);
});
