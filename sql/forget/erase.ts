import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { expiredItems } from '../merge/expired';
import { forgottenReason, markExpression, payloadText, subjectText } from '../merge/forgotten';
import { lockStatement } from '../merge/merge';
import { parsedExpression } from '../merge/parsing';
import { isText } from '../merge/text';
import { type ResolvedColumn, type ResolvedPipeline, resolvePipeline } from '../resolve';
import { forgottenFilter } from '../tables/forgotten';
import { erasureSource } from './marks';
import { raisedKey, raisedKeys, unlessRaised } from './raised';
import { twiceStatements } from './twice';

/** What a row of `skipped` was before. */
export const erasedNames = {
  event: 'forgotten event',
  duplicate: 'forgotten duplicate',
  reject: 'forgotten reject',
} as const;

/** A transaction whose statement with index `answer` returns a row. */
export interface Erasure {
  readonly statements: readonly StatementTemplate[];
  readonly answer: number;
}

/**
 * One transaction that moves the events of marked subjects with their duplicates, and their rejects, to `skipped`, without
 * their payloads. Their positions stay known, so a record that is read again changes nothing. They also keep their runs,
 * so a reload of a run counts them. Another run counts what went, as negative events, duplicates and rejects: see
 * refresh/expire.ts. It names no typing version, because it completes no rows. A repetition finds nothing. Positions that
 * `skipped` has already leave it first: see twice.ts.
 *
 * While the tables of another identity exist, nothing changes, because a rebuild has to find every row in one place. The
 * answer is one row `events, duplicates, rejects, identities`: what was erased, and the number of identities.
 * Placeholders: `run_id`, and `raised`, the keys of rejects that the command has looked into: see raised.ts.
 */
export function eraseStatements(definition: Pipeline): Erasure {
  const pipeline = resolvePipeline(definition);
  const { events, duplicates, rejects, skipped, runs } = pipeline.tables;
  const { gone, erasing } = tables(pipeline);
  const kept = expiredItems.join(', ');
  const count = (name: string) => `count(case when name = ${quoteLiteral(name)} then 1 end)`;
  const statements = [
    lockStatement(pipeline),
    ...twiceStatements(pipeline, `${identities(pipeline)} = 1`),
    goneStatement(pipeline),
    ...markRejectsStatements(pipeline),
    erasingStatement(pipeline),
    `insert into ${skipped} (${kept}, object_key, name, filter, run_id, merged_at)
select ${kept}, object_key, name, ${quoteLiteral(forgottenFilter)}, run_id, getdate()
from ${erasing}`,
    ...[events, duplicates].map(
      (table) => `delete from ${table}
using ${gone}
where ${gone}.event_id = ${table}.event_id`,
    ),
    `delete from ${rejects} where reason = ${forgottenReason}`,
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at)
select {{run_id}}, ${quoteLiteral(erasureSource)}, 0, -${count(erasedNames.event)}, -${count(erasedNames.duplicate)}, -${count(erasedNames.reject)}, count(*), getdate()
from ${erasing}
having count(*) > 0`,
  ];
  const answer = `select
  ${count(erasedNames.event)} as events, ${count(erasedNames.duplicate)} as duplicates, ${count(erasedNames.reject)} as rejects,
  ${identities(pipeline)} as identities
from ${erasing}`;
  return { statements: [...statements, answer, `drop table ${erasing}, ${gone}`], answer: statements.length };
}

const tables = ({ name }: ResolvedPipeline) => ({
  /** The ids of the events that go. */
  gone: `${name}_gone`,
  /** The rows that go, as `skipped` takes them. */
  erasing: `${name}_erasing`,
});

const identities = ({ tables: { checkpoints } }: ResolvedPipeline) =>
  `(select count(distinct identity_version) from ${checkpoints})`;

/** SQL conditions: nothing forbids to erase, and the subject has a mark. Without a mark no digest is computed. */
const isErased = (pipeline: ResolvedPipeline, column: ResolvedColumn, value: string) => {
  const { forgotten } = pipeline.tables;
  return `${identities(pipeline)} = 1 and (select count(*) from ${forgotten}) > 0
  and ${markExpression(column, value)} in (select mark from ${forgotten})`;
};

/** One SELECT for each column: see `forgottenStatements`. */
function goneStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const queries = pipeline.subject.map(
    (column) => `select event_id
from ${pipeline.tables.events}
where ${isErased(pipeline, column, subjectText(column, column.sql.stored))}`,
  );
  return `create temp table ${tables(pipeline).gone} as\n${queries.join('\nunion\n')}`;
}

/**
 * Rejects have no id, so those that go get the reason `forgotten` first, which no other reject has. A record of the stream
 * whose attributes come twice has only its bytes, and is found by its position. Records that made a statement fail are not
 * looked into: the command has named those that go.
 */
function markRejectsStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { rejects } = pipeline.tables;
  const hasTexts = isText(pipeline.definition.stream.records);
  return [
    ...pipeline.subject.map(
      (column) => `update ${rejects}
set reason = ${forgottenReason}
where ${isErased(pipeline, column, unlessRaised(payloadText(column)))}`,
    ),
    ...(hasTexts ? [] : pipeline.subject).map(
      (column) => `update ${rejects} as r
set reason = ${forgottenReason}
from (
  select shard_id, sequence_number
  from (
    select shard_id, sequence_number, ${unlessRaised(parsedExpression('unparsed'))} as payload
    from ${rejects}
    where payload is null
  ) as parsed
  where ${isErased(pipeline, column, payloadText(column))}
) as found
where r.shard_id = found.shard_id and r.sequence_number = found.sequence_number and r.payload is null`,
    ),
    `update ${rejects}
set reason = ${forgottenReason}
where ${identities(pipeline)} = 1 and ${raisedKey} in (
  select row_key
  from (
    ${raisedKeys}
  ) as given
)`,
  ];
}

/** Duplicates go with their events. A partition key may name a person, so it is not kept. */
function erasingStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { events, duplicates, rejects } = pipeline.tables;
  const { gone, erasing } = tables(pipeline);
  const items = (of: string) => expiredItems.map((name) => `${of}${name}`).join(', ');
  const name = (text: string) => `${quoteLiteral(text)}::varchar(512) as name`;
  const ofEvents = (
    table: string,
    text: string,
  ) => `select ${name(text)}, null::varchar(1024) as object_key, ${items('t.')}, t.run_id
from ${table} t
inner join ${gone} g on g.event_id = t.event_id`;
  return `create temp table ${erasing} as
${ofEvents(events, erasedNames.event)}
union all
${ofEvents(duplicates, erasedNames.duplicate)}
union all
select ${name(erasedNames.reject)}, object_key, ${items('')}, run_id
from ${rejects}
where reason = ${forgottenReason}`;
}
