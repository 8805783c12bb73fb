import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { indent } from '../text/indent';
import { completeRowsStatements } from './complete-rows';
import { conversionsStatements } from './conversions';
import { forgottenStatements, isForgottenRecord } from './forgotten';
import { formsOf, isEncoded } from './forms';
import { incomingStatements, incomingTables } from './incoming';
import { acceptStatements, copiesStatements, lockStatement } from './merge';
import { parsedExpression, unparsedReason } from './parsing';
import { isRaised } from './raised';
import { placeSkippedStatements } from './skipped';
import { filteredCount, filterStatements, filterTables, isWanted, skipStatements } from './source-filter';
import { isText, textPayload } from './text';
import { elementProblem, envelopeProblem, type Unwrap, unwrapOf, unwrappedRows } from './unwrap';
import { isWaiting } from './waiting';

/**
 * One transaction that judges rejects again under the current columns. Valid ones become events or duplicates and
 * leave `rejects`; the others get their current reason. Records that the load function can decode now wait for it. The
 * run counts those that left as negative rejects. Placeholder: `run_id`, and those of `chosen`.
 * @param chosen a condition on the columns of `rejects`. @default - all rejects
 * @param which `raised`: records that made a statement fail. One that still does fails this transaction, so each of
 * them needs a transaction of its own
 */
export function retryStatements(
  definition: Pipeline,
  chosen?: StatementTemplate,
  which: Retried = 'ordinary',
): StatementTemplate[] {
  const pipeline = resolvePipeline(definition);
  const { rejects, runs } = pipeline.tables;
  const { incoming, arrived } = pipeline.temporary;
  const encoded = which === 'ordinary' ? decodableCondition(definition) : undefined;
  const toDecode = encoded && both(encoded, chosen);
  const forgotten = isForgottenRecord(pipeline);
  return [
    lockStatement(pipeline),
    ...completeRowsStatements(pipeline),
    ...judgeStatements(pipeline, chosen, which),
    `delete from ${rejects} where ${retryable(pipeline.definition, chosen, which)}`,
    `insert into ${rejects} (source, ${placeColumns.join(', ')}, reason, reasons, payload, unparsed, ${Object.keys(rejectNames).join(', ')})
select source, ${placeColumns.join(', ')}, reason, reasons, payload, unparsed, ${Object.values(rejectNames).join(', ')}
from ${incoming}
where reason is not null${forgotten ? ` and not ${forgotten}` : ''}`,
    ...acceptStatements(pipeline),
    ...conversionsStatements(pipeline),
    ...(forgotten ? placeSkippedStatements : skipStatements)(pipeline, { object_key: rejectNames.object_key }),
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at, definition)
with ${outcomeQueries(pipeline)}
select
  {{run_id}}, 'retry', 0, a.records - c.duplicates, c.duplicates,
  a.judged - a.records${forgotten ? ' - a.forgotten' : ''} - (select count(*) from ${arrived})${toDecode ? ` - (select count(*) from ${rejects} where ${toDecode})` : ''},
  ${skippedCount(pipeline)}, getdate(), ${quoteLiteral(pipeline.typingVersion)}
from accepted a
cross join copies c`,
    ...(toDecode ? [waitStatement(pipeline, toDecode)] : []),
    dropStatement(pipeline),
  ];
}

/**
 * SQL condition on `rejects`: the load function may be able to decode the record. Undefined if it decodes none. A
 * record without a position cannot be found again.
 */
export function decodableCondition({ stream }: Pick<Pipeline, 'stream'>): string | undefined {
  const forms = formsOf(stream.records);
  if (forms.length === 0) return undefined;
  return `${isEncoded(forms)} and shard_id is not null and sequence_number is not null and not (${isWaiting()}) and not ${isRaised}`;
}

/** Makes records wait for the load function. The next run of the refresh function unloads them. */
function waitStatement({ definition, tables }: ResolvedPipeline, condition: string): StatementTemplate {
  const reason = unparsedReason({
    decode: formsOf(definition.stream.records),
    isDecoded: false,
    isText: isText(definition.stream.records),
  });
  return `update ${tables.rejects}
set decode_after = getdate(), reason = ${reason}, reasons = null
where ${condition}`;
}

/**
 * A dry run of `retryStatements`: a transaction that changes nothing. Its statement with index `answer` returns one row
 * `judged, events, duplicates, skipped, left_over`: how many rejects would be retried, and what would become of them.
 * `left_over` would be rejects again. A reject may hold several events.
 */
export function retryPreview(
  definition: Pipeline,
  chosen?: StatementTemplate,
): { readonly statements: readonly StatementTemplate[]; readonly answer: number } {
  const pipeline = resolvePipeline(definition);
  const judged = judgeStatements(pipeline, chosen, 'ordinary');
  const counts = `with ${outcomeQueries(pipeline)}
select
  (select count(*) from ${pipeline.temporary.arrived}) as judged, a.records - c.duplicates as events, c.duplicates,
  ${skippedCount(pipeline)} as skipped, a.judged - a.records${pipeline.subject.length > 0 ? ' - a.forgotten' : ''} as left_over
from accepted a
cross join copies c`;
  return { statements: [...judged, counts, dropStatement(pipeline)], answer: judged.length };
}

/** Which rejects: those with a payload to type, or those that made a statement fail. */
type Retried = 'ordinary' | 'raised';

const both = (condition: string, other: string | undefined) =>
  other === undefined ? condition : `${condition} and ${other}`;

/**
 * SQL condition on `rejects`. Only an object has columns to type, but an event may be in any payload. An element without
 * an event has none to type.
 */
export function retryable(
  definition: Pick<Pipeline, 'stream' | 'history'>,
  chosen?: StatementTemplate,
  which: Retried = 'ordinary',
): string {
  if (which === 'raised') return both(isRaised, chosen);
  const hasEvent = unwrappings(definition).length > 0 ? 'payload is not null' : 'is_object(payload)';
  return both(`${hasEvent} and not ${isRaised} and not ${ofElement}`, chosen);
}

/** SQL condition on `rejects`: an element of an array that holds no event. */
const ofElement = `reason like ${quoteLiteral(`${elementProblem}%`)}`;

/** SQL condition on `rejects`: the payload is the whole record, because the merge found no event in it. */
const isWhole = `(reason like 'payload: nothing at %' or reason like 'payload: the text at %' or ${isRaised})`;

/** What the records of some rejects are unwrapped by. */
interface Unwrapping {
  /** SQL condition on the chosen rejects. */
  readonly of: string;
  readonly unwrap: Unwrap;
}

/**
 * How the rejects of a pipeline are unwrapped, by their source. An object whose key matches no source of the pipeline is
 * not unwrapped.
 */
function unwrappings({ stream, history = [] }: Pick<Pipeline, 'stream' | 'history'>): Unwrapping[] {
  const ofObjects = history.map(({ globs, records }) => ({
    of: `(${globs.map((glob) => `${rejectNames.object_key} ~ ${quoteLiteral(keyPattern(glob))}`).join(' or ')})`,
    unwrap: unwrapOf(records),
  }));
  const isOfStream = ["source <> 'history'", ...ofObjects.map(({ of }) => `not coalesce(${of}, false)`)].join(' and ');
  return [...ofObjects, { of: isOfStream, unwrap: unwrapOf(stream.records) }].flatMap(({ of, unwrap }) =>
    unwrap ? [{ of, unwrap }] : [],
  );
}

/** The pattern of the URLs of objects whose keys match a glob. A character with a meaning in patterns is put into brackets. */
function keyPattern(glob: string): string {
  const parts = glob.split(/(\*\*\/|\*\*|\*)/).map((part) => {
    if (part === '**/') return '(.*/)?';
    if (part === '**') return '.*';
    return part === '*' ? '[^/]*' : part.replace(/[\^\\]/g, '.').replace(/[+?()[\]{}|$]/g, '[$&]');
  });
  return `^s3://[^/]+/${parts.join('')}$`;
}

/**
 * Fills the temporary tables with the rejects, typed under the current columns. Only the chosen ones are parsed and
 * typed. A payload with an event at the declared path is unwrapped. Any other one is an event already, unless the merge
 * said that it is not.
 */
function judgeStatements(
  pipeline: ResolvedPipeline,
  chosen: StatementTemplate | undefined,
  which: Retried,
): StatementTemplate[] {
  const { arrived, parsed } = pipeline.temporary;
  const kept = Object.values(rejectNames);
  const aliases = Object.entries(rejectNames).map(([name, alias]) => `${name} as ${alias}`);
  // A stream record that raised has only its bytes.
  const parsedBytes = isText(pipeline.definition.stream.records)
    ? textPayload('unparsed')
    : parsedExpression('unparsed');
  const payload = which === 'raised' ? `case when payload is null then ${parsedBytes} else payload end` : 'payload';
  const isWrapped = unwrappings(pipeline.definition).length > 0;
  const problem = isWrapped ? [envelopeProblem] : [];
  const wanted = isWanted(pipeline);
  const rows = `select source, ${placeColumns.join(', ')}, null::timestamp as refresh_time, ${payload} as payload, unparsed, ${[...kept, wholeName].join(', ')}
from ${arrived}`;
  const events = isWrapped ? parsed : `(\n${indent(rows)}\n) as rejected`;
  return [
    `create temp table ${arrived} as
select source, ${placeColumns.join(', ')}, object_key, payload, unparsed, ${aliases.join(', ')}, case when ${isWhole} then 1 else 0 end as ${wholeName}
from ${pipeline.tables.rejects}
where ${retryable(pipeline.definition, chosen, which)}`,
    ...(isWrapped ? [`create temp table ${parsed} as\n${unwrappedRejects(pipeline, rows)}`] : []),
    ...filterStatements(
      pipeline,
      isWrapped ? `(select * from ${parsed} where ${envelopeProblem} is null) as events` : events,
      [rejectNames.object_key],
    ),
    ...incomingStatements(
      pipeline,
      `arrived as (
  select ${['source', ...placeColumns, 'refresh_time', 'payload'].join(', ')}, case when payload is null then unparsed end as unparsed, ${[...kept, ...problem].join(', ')}
  from ${events}${wanted ? `\n  where ${isWrapped ? `${envelopeProblem} is not null or ` : ''}${wanted}` : ''}
)`,
      kept,
      undefined,
      { isWrapped },
    ),
    ...forgottenStatements(pipeline),
    ...copiesStatements(pipeline),
  ];
}

/** The name of a column that is 1 for a payload that is a whole record. No column of a pipeline has it. */
const wholeName = 'reject_is_whole';

/** SQL for the events in rejects. An event of an array, whose position ends in its index, is not unwrapped again. */
function unwrappedRejects(pipeline: ResolvedPipeline, rows: string): string {
  const all = unwrappings(pipeline.definition);
  const isRecord = "strpos(coalesce(sequence_number, ''), '.') = 0";
  const kept = Object.values(rejectNames);
  const names = ['source', ...placeColumns, 'refresh_time', 'payload', 'unparsed', ...kept].join(', ');
  const branches = all.map(({ of, unwrap }) => {
    const chosen = `(\n  select *\n  from (\n${indent(rows, 4)}\n  ) as chosen\n  where ${of} and ${isRecord}\n)`;
    return `select ${names}, case when ${wholeName} = 1 or ${envelopeProblem} like ${quoteLiteral(`${elementProblem}%`)} then ${envelopeProblem} end as ${envelopeProblem}
from (
${indent(unwrappedRows(unwrap, chosen, [...kept, wholeName]))}
) as events`;
  });
  const others = all.map(({ of }) => `not coalesce(${of}, false)`);
  return [
    ...branches,
    `select ${names}, null::varchar(512) as ${envelopeProblem}
from (
${indent(rows)}
) as others
where (${others.join(' and ')}) or not (${isRecord})`,
  ].join('\nunion all\n');
}

/** SQL for the number of rejects that become rows of `skipped`. */
const skippedCount = (pipeline: ResolvedPipeline) =>
  `${filteredCount(pipeline)}${pipeline.subject.length > 0 ? ' + a.forgotten' : ''}`;

function outcomeQueries(pipeline: ResolvedPipeline): string {
  const { incoming, copies } = pipeline.temporary;
  const forgotten = isForgottenRecord(pipeline);
  return `accepted as (
  select count(*) as judged, count(*) - count(reason) as records${forgotten ? `, count(case when ${forgotten} then 1 end) as forgotten` : ''}
  from ${incoming}
),
copies as (
  select count(*) as duplicates
  from ${copies}
  where is_stored = 1 or copy_number > 1
)`;
}

function dropStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { arrived, parsed, shared, copies } = pipeline.temporary;
  const unwrapped = unwrappings(pipeline.definition).length > 0 ? [parsed] : [];
  return `drop table ${[arrived, ...unwrapped, ...filterTables(pipeline), ...incomingTables(pipeline), shared, copies].join(', ')}`;
}

/** What a reject keeps if it stays one, under names that no column has. */
export const rejectNames = {
  object_key: 'reject_object_key',
  line: 'reject_line',
  run_id: 'reject_run_id',
  merged_at: 'reject_merged_at',
} as const;
