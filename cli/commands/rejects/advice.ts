import type { Values } from '../../../lambda/shared/statement';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { publicTables } from '../../../sql/names';
import { validCondition } from '../../../sql/typing/column';
import { columnGroups } from '../../../sql/typing/column-groups';
import { typedRows } from '../../../sql/typing/typed-rows';
import { type Context, queryRows } from '../context';
import { candidatesFor, declarationOf } from './candidates';

/** A declaration that would accept the values that a column rejects. The warehouse itself counts them. */
export interface Advice {
  readonly declare: string;
  /** The number of rejected values that the declaration accepts. */
  readonly accepts: number;
  readonly of: number;
}

/** Most rejects that the warehouse types in order to count. If there are more, they have one cause. */
const most = 20_000;
/** The number of candidates that one statement types. */
const atOnce = 12;

export interface Question {
  readonly column: Column;
  /** Samples of rejected values. */
  readonly found: readonly unknown[];
}

export interface Answers {
  /** Advice by column name, the best first. A second one follows only if it accepts as many values. */
  readonly columns: ReadonlyMap<string, readonly Advice[]>;
  /** The number of rejects that become valid if the first advice of every column is followed. */
  readonly together?: { readonly accepts: number; readonly of: number };
}

/** Asks the warehouse which declarations accept the rejected values. It changes nothing. */
export async function adviseOn(
  context: Context,
  pipeline: Pipeline,
  questions: readonly Question[],
  filter: { readonly sql?: string; readonly values: Values },
): Promise<Answers> {
  const columns = new Map<string, readonly Advice[]>();
  const changed = new Map<string, Column>();
  for (const { column, found } of questions) {
    const counted = await countAccepted(context, pipeline, column, candidatesFor(column, found), filter);
    const best = Math.max(0, ...counted.map(({ accepts }) => accepts));
    const chosen = counted.filter(({ accepts }) => accepts > 0 && accepts === best).slice(0, 2);
    // A second advice is given only if both are formats, since they may read different days from the same text.
    const told = chosen.filter(
      ({ candidate }, n) => n === 0 || (isFormat(chosen[0]!.candidate) && isFormat(candidate)),
    );
    if (told.length === 0) continue;
    changed.set(column.name, told[0]!.candidate);
    columns.set(
      column.name,
      told.map(({ candidate, accepts, of }) => ({ declare: declarationOf(candidate, column), accepts, of })),
    );
  }
  if (changed.size === 0) return { columns };
  if (columnGroups(pipeline.columns).length > 1) return { columns };
  const all = pipeline.columns.map((column) => changed.get(column.name) ?? column);
  return { columns, together: await countTogether(context, pipeline, all, filter) };
}

const isFormat = (column: Column) => 'convert' in column && typeof column.convert === 'object';

const rejected = (pipeline: Pipeline, condition: string, filter?: string) =>
  `select payload
from ${publicTables(pipeline).rejects}
where is_object(payload) and ${condition}${filter === undefined ? '' : ` and ${filter}`}
limit ${most}`;

async function countAccepted(
  context: Context,
  pipeline: Pipeline,
  column: Column,
  candidates: readonly Column[],
  { sql, values }: { readonly sql?: string; readonly values: Values },
) {
  const results: { candidate: Column; accepts: number; of: number }[] = [];
  for (let first = 0; first < candidates.length; first += atOnce) {
    const some = candidates.slice(first, first + atOnce);
    const named = some.map((candidate, n): Column => ({ ...candidate, name: `candidate_${n}` }));
    const counts = named.map((candidate, n) => `count(case when ${validCondition([candidate])} then 1 end) as n${n}`);
    const [row] = await queryRows(
      context,
      'advice',
      `select count(*) as amount, ${counts.join(', ')}
from (
${typedRows(named, rejected(pipeline, `strpos('; ' || coalesce(reasons, reason), {{problem}}) > 0`, sql))}
) as typed`,
      { ...values, problem: `; ${column.name}: ` },
    );
    for (const [n, candidate] of some.entries())
      results.push({ candidate, accepts: Number(row![`n${n}`]), of: Number(row!['amount']) });
    if (results.some(({ accepts, of }) => of > 0 && accepts === of)) break;
  }
  return results;
}

async function countTogether(
  context: Context,
  pipeline: Pipeline,
  columns: readonly Column[],
  { sql, values }: { readonly sql?: string; readonly values: Values },
) {
  const [row] = await queryRows(
    context,
    'advice',
    `select count(*) as amount, count(case when ${validCondition(columns)} then 1 end) as accepted
from (
${typedRows(columns, rejected(pipeline, 'reasons is not null', sql))}
) as typed`,
    values,
  );
  return { accepts: Number(row!['accepted']), of: Number(row!['amount']) };
}
