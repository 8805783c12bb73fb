import type { CheckedTransaction, ReloadPlan } from '../../lambda/load/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { isOldEvent } from '../merge/expired';
import { withoutMark } from '../merge/forgotten';
import { lockStatement, mergeSteps } from '../merge/merge';
import { filteredCount, filterTables } from '../merge/source-filter';
import type { ResolvedPipeline } from '../resolve';
import { isLenient } from '../typing/column';
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
  scanStatements,
  sourceOf,
  stagedTable,
} from './copy';
import { filesQuery, givenQuery, sameObject } from './ledger';

const replaced = '{{replaced}}';

/**
 * One transaction that loads the objects of a run again and replaces the run's rows by the result under the current
 * columns and identity. The same bytes hold the same records, so nothing may get lost: every event of the run must
 * come again with its id, and the number of rows must be the same. Otherwise nothing changes. Readers see the run's
 * rows at all times.
 */
export const reloadPlan = (pipeline: ResolvedPipeline, source: Format): ReloadPlan => ({
  inPlace: reloadStatements(pipeline, source, 'in place'),
  exact: reloadStatements(pipeline, source, 'exact'),
});

function reloadStatements(pipeline: ResolvedPipeline, source: Format, reading: Reading): CheckedTransaction {
  const tables = pipeline.tables;
  const { malformed, objects, found } = loadTables(pipeline);
  const isAccepted = `(select count(*) from ${objects}) > 0`;
  const { incoming } = pipeline.temporary;
  const steps = mergeSteps(pipeline, sourceOf(source), {
    objectKey: onlyUrl(objects),
    extraRejects: `(select count(*) from ${malformed})`,
    replaced,
    runIf: isAccepted,
    records: source.records,
  });
  const statements = [
    lockStatement(pipeline),
    ...copyStatements(pipeline, source, reading),
    ...scanStatements(pipeline, source, reading),
    ...steps.incoming,
    foundStatement(pipeline, source, reading),
    objectsStatement(pipeline),
    ...[incoming, ...filterTables(pipeline)].map((table) => `delete from ${table} where not (${isAccepted})`),
    ...steps.copies,
    ...[
      tables.events,
      tables.duplicates,
      ...(pipeline.columns.some(isLenient) ? [tables.conversions] : []),
      // The merge of an archive deletes its own rejects and skipped records.
      ...(sourceOf(source) === 'history' ? [tables.rejects, tables.skipped] : []),
      tables.ledger,
    ].map((table) => `delete from ${table} where run_id = ${replaced} and ${isAccepted}`),
    ...steps.place,
    malformedStatement(pipeline, source),
    steps.run,
    ledgerStatement(pipeline, source, reading),
    `delete from ${stagedTable(pipeline, source)}`,
  ];
  return {
    statements: [
      ...statements,
      `select accepted, known, unseen, changed, staged, refused, expected, rows_before as before, rows_now as now, lost from ${found}`,
      `${steps.drop}, ${loadedTables(pipeline, source, reading)}`,
    ],
    answer: statements.length,
  };
}

/**
 * Rows of the archive have positions, and those that other runs have are already removed. There may be more rows than
 * the run had, since a rebuild leaves out duplicates that the landing view holds. Rows of history have no positions,
 * so their number must be equal: otherwise a record that left the run, as a retried reject, would appear twice.
 */
function foundStatement(pipeline: ResolvedPipeline, source: Format, reading: Reading): StatementTemplate {
  const { unseen, changed } = comparedFiles(pipeline);
  const files = reading === 'in place' ? `,\nfiles as (\n${filesQuery}\n)` : '';
  const { events, duplicates, rejects, skipped, ledger } = pipeline.tables;
  const { malformed, found } = loadTables(pipeline);
  const { incoming } = pipeline.temporary;
  const old = isOldEvent(pipeline, 'e.');
  // Events of subjects that have a mark by now and are not erased yet come again as forgotten records.
  const unmarked = withoutMark(pipeline, 'e.');
  const ofRun = (table: string) => `(select count(*) from ${table} where run_id = ${replaced})`;
  return `create temp table ${found} as
with given as (
${givenQuery}
)${files},
counts as (
  select
    (select count(*) from given) as objects_given,
    (select count(*) from given g inner join ${ledger} l on ${sameObject('l', 'g')} where l.run_id = ${replaced}) as objects_known,
    ${ofRun(ledger)} as objects_loaded,
    ${reading === 'in place' ? `(${unseen})` : '0'} as unseen,
    ${reading === 'in place' ? `(${changed})` : '0'} as changed,
${countedItems(pipeline, source, reading)},
    ${ofRun(events)} + ${ofRun(duplicates)} + ${ofRun(rejects)} + ${ofRun(skipped)} as rows_before,
    (select count(*) from ${incoming}) + (select count(*) from ${malformed}) + ${filteredCount(pipeline)} as rows_now,
    (
      select count(*)
      from ${events} e
      left join (select distinct event_id from ${incoming} where reason is null) i on i.event_id = e.event_id${unmarked.joins}
      where e.run_id = ${replaced} and i.event_id is null${old ? ` and not ${old}` : ''}${unmarked.condition}
    ) as lost
),
judged as (
  select *, case when objects_given > 0 and objects_given = objects_known and objects_given = objects_loaded then 1 else 0 end as known
  from counts
)
select
  known, unseen, changed, staged, refused, expected, rows_before, rows_now, lost,
  case when known = 1 and unseen = 0 and changed = 0 and staged = expected and lost = 0 and rows_before ${sourceOf(source) === 'archive' ? '<=' : '='} rows_now then 1 else 0 end as accepted
from judged`;
}

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
