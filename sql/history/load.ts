import {
  type CheckedTransaction,
  type FileShape,
  type LoadPlan,
  type LoadSource,
  undecodedPrefix,
} from '../../lambda/load/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Pipeline } from '../../pipelines/definition';
import { swaps } from '../forget/rewrites';
import { formsOf } from '../merge/forms';
import { lockStatement, mergeSteps } from '../merge/merge';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { isColumnar, pathOf, spellingOf } from './columnar-files';
import {
  comparedFiles,
  copyStatements,
  countedItems,
  type Format,
  ledgerStatement,
  loadedTables,
  loadTables,
  malformedStatement,
  onlyUrl,
  type Reading,
  scanPlan,
  scanStatements,
  sourceOf,
  stagedTable,
} from './copy';
import {
  filesQuery,
  givenQuery,
  loadedQuery,
  overwrittenQuery,
  parkedQuery,
  parkStatement,
  runObjectsQuery,
  sameObject,
  unparkStatement,
} from './ledger';
import { originsPlan } from './origins';
import { loadRaising, type RaisedLines } from './raising-lines';
import { reloadPlan } from './reload';

/**
 * What the load function carries. Every pipeline has one, since even without history Firehose's archive can be
 * loaded.
 */
export function loadPlan(definition: Pipeline): LoadPlan {
  const pipeline = resolvePipeline(definition);
  return {
    pipeline: pipeline.name,
    sources: [
      ...(definition.history ?? []).map(
        (source): LoadSource => ({
          name: source.name,
          bucket: 'history',
          globs: source.globs,
          overwritten: source.overwritten ?? 'load-again',
          shape: shapeOf(pipeline, source),
          ...statementsOf(pipeline, source),
        }),
      ),
      {
        name: archiveSource,
        bucket: 'archive',
        globs: [archiveGlob(pipeline)],
        // Firehose never writes an object twice.
        overwritten: 'load-again',
        shape: shapeOf(pipeline, archiveFormat(definition)),
        ...statementsOf(pipeline, archiveFormat(definition)),
      },
      ...undecodedSources(pipeline),
    ],
    loaded: loadedQuery(pipeline),
    ...(pipeline.subject.length > 0 ? { swap: swaps(pipeline) } : {}),
    overwritten: overwrittenQuery(pipeline),
    parked: parkedQuery(pipeline),
    park: parkStatement(pipeline),
    unpark: unparkStatement(pipeline),
    origins: originsPlan(pipeline),
    runObjects: runObjectsQuery(pipeline),
  };
}

/** The source that every pipeline has: what Firehose archived of its stream. */
export const archiveSource = 'archive';

/** The format of Firehose's objects, which hold records of the stream. */
const archiveFormat = ({ stream }: Pick<Pipeline, 'stream'>): Format => ({
  name: archiveSource,
  format: 'firehose',
  compression: 'gzip',
  ...(stream.records && { records: stream.records }),
});

/** The source of a pipeline that decodes records of its stream. */
export const undecodedSource = 'undecoded';

/**
 * The records that the merge could not read. The load function decodes them and writes the parts as lines of the archive,
 * so their merge is that of the archive. In the ledger they count as archive too, since both hold records of the stream.
 */
function undecodedSources(pipeline: ResolvedPipeline): LoadSource[] {
  const { definition } = pipeline;
  if (formsOf(definition.stream.records).length === 0) return [];
  const format = archiveFormat(definition);
  return [
    {
      name: undecodedSource,
      bucket: 'work',
      globs: [`${undecodedPrefix}${pipeline.name}/**`],
      overwritten: 'load-again',
      shape: { ...shapeOf(pipeline, format), format: 'undecoded' },
      ...statementsOf(pipeline, format),
    },
  ];
}

/** Keys of the archive bucket that belong to the pipeline. */
const archiveGlob = (pipeline: Pick<Pipeline, 'name'>) => `archive/${pipeline.name}/**`;

const statementsOf = (
  pipeline: ResolvedPipeline,
  source: Format,
): Pick<LoadSource, 'inPlace' | 'exact' | 'scan' | 'reload' | 'raising'> => ({
  inPlace: loadStatements(pipeline, source, 'in place'),
  exact: loadStatements(pipeline, source, 'exact'),
  scan: scanPlan(pipeline, source),
  reload: reloadPlan(pipeline, source),
  raising: {
    inPlace: loadRaising(pipeline, source, 'in place', loadStatements),
    exact: loadRaising(pipeline, source, 'exact', loadStatements),
  },
});

/** What the load function itself needs to know about the files. */
function shapeOf(pipeline: ResolvedPipeline, source: Format): FileShape {
  const { compression, records } = source;
  if (source.format === 'ndjson' || source.format === 'firehose')
    return { format: source.format, compression, ...(records && { records }) };
  if (source.format === 'text') return { format: source.format, compression };
  if (!isColumnar(source)) throw new Error(`history source ${source.name} must name the columns of its files`);
  const columns = source.columns.map((column) => ({
    name: column.name,
    path: pathOf(column),
    spelling: spellingOf(pipeline, column),
  }));
  return { format: source.format, compression, delimiter: source.delimiter ?? ',', columns };
}

/**
 * One transaction that copies the objects of a batch, merges them and adds them to the ledger: all or none. It
 * changes nothing if an object is already in the ledger, if its bytes differ from its etag, or if COPY made fewer
 * rows than it scanned: `answer` says which.
 */
function loadStatements(
  pipeline: ResolvedPipeline,
  source: Format,
  reading: Reading,
  raised?: RaisedLines,
): CheckedTransaction {
  const { malformed, objects, found } = loadTables(pipeline);
  const staged = stagedTable(pipeline, source);
  const { incoming, copies, place, run, drop } = mergeSteps(pipeline, sourceOf(source), {
    objectKey: onlyUrl(objects),
    extraRejects: `(select count(*) from ${malformed})${raised ? ` + ${raised.count}` : ''}`,
    ...(raised && { replacedRejects: raised.replaced }),
    runIf: `(select count(*) from ${objects}) > 0`,
    records: source.records,
  });
  const statements = [
    lockStatement(pipeline),
    ...copyStatements(pipeline, source, reading),
    ...scanStatements(pipeline, source, reading),
    foundStatement(pipeline, source, reading),
    objectsStatement(pipeline),
    `delete from ${staged} where (select count(*) from ${objects}) = 0`,
    `delete from ${malformed} where (select count(*) from ${objects}) = 0`,
    ...(raised?.take ?? []),
    ...incoming,
    ...copies,
    ...place,
    ...(raised ? [raised.reject] : []),
    malformedStatement(pipeline, source),
    run,
    ...(raised?.replace ?? []),
    ledgerStatement(pipeline, source, reading),
    `delete from ${staged}`,
  ];
  return {
    statements: [
      ...statements,
      `select accepted, known, unseen, changed, staged, refused, expected from ${found}`,
      [drop, loadedTables(pipeline, source, reading), ...(raised ? [raised.tables] : [])].join(', '),
    ],
    answer: statements.length,
  };
}

/** One row: what was found about the batch, and whether it may be loaded. */
function foundStatement(pipeline: ResolvedPipeline, source: Format, reading: Reading): StatementTemplate {
  const { unseen, changed } = comparedFiles(pipeline);
  const files = reading === 'in place' ? `,\nfiles as (\n${filesQuery}\n)` : '';
  return `create temp table ${loadTables(pipeline).found} as
with given as (
${givenQuery}
)${files},
counts as (
  select
    (
      select count(*)
      from given g
      inner join ${pipeline.tables.ledger} l on ${sameObject('l', 'g')}
    ) as known,
    ${reading === 'in place' ? `(${unseen})` : '0'} as unseen,
    ${reading === 'in place' ? `(${changed})` : '0'} as changed,
${countedItems(pipeline, source, reading)}
)
select *, case when known = 0 and unseen = 0 and changed = 0 and staged = expected then 1 else 0 end as accepted
from counts`;
}

/** The objects of the batch if all of them may be loaded, otherwise none. */
function objectsStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { objects, found } = loadTables(pipeline);
  return `create temp table ${objects} as
with given as (
${givenQuery}
)
select bucket, object_key, etag, version_id, size, 's3://' || bucket || '/' || object_key as url
from given
where (select accepted from ${found}) = 1`;
}
