import type { Values } from '../shared/statement';
import type { Row } from '../shared/warehouse';
import { type Batches, inBatches, searchOf } from './batches';
import type { FillColumn, FillSpec, Step } from './contract';
import { type Result, renderSteps } from './steps';

export interface Fill extends Batches {
  /** Stored columns that the table has. */
  readonly present: ReadonlySet<string>;
}

/** Fills the columns for past events. Throws when a filled column lacks values that it must have. */
export async function fill(host: Fill, table: string, spec: FillSpec): Promise<Result> {
  const values: Values = Object.fromEntries(
    spec.columns.flatMap(({ name, stored, replaces }) =>
      replaces === undefined ? [] : [[`replaced_${name}`, host.present.has(replaces) ? replaces : stored]],
    ),
  );
  const template: Step = { name: 'fill', mode: 'transaction', statements: spec.batch };
  return inBatches(host, {
    what: 'fill',
    table,
    progress: spec.progress,
    advice: 'Deploy again: it continues there',
    batch: (raised) => renderSteps([template], { ...values, ...spec.search?.batchValues, raised })[0]!,
    search: searchOf(spec, values),
    isDone: (progress) => {
      if (!isCaughtUp(spec, progress)) return false;
      const problems = spec.columns.flatMap((column) => problemsOf(table, column, progress));
      if (problems.length === 0) return true;
      throw new Error(
        `${problems.join('; ')}. Readers were not switched. Delete the column's rows in ${spec.table} to have it counted again`,
      );
    },
  });
}

const isCaughtUp = ({ columns }: FillSpec, progress: readonly Row[]) =>
  columns.every(({ stored }) => progress.some((row) => row.column_name === stored && Number(row.caught_up) === 1));

function problemsOf(table: string, column: FillColumn, progress: readonly Row[]): string[] {
  const { name, stored, replaces, required, mayLose } = column;
  const row = progress.find(({ column_name }) => column_name === stored)!;
  const [events, missing, misfits, lost] = ['row_count', 'missing', 'misfits', 'lost'].map((key) => Number(row[key]));
  const at = `column ${name} of ${table} (stored as ${stored})`;
  const problems: string[] = [];
  if (lost! > 0 && !mayLose)
    problems.push(
      `${at} has no value for ${lost} of ${events} events that have one in ${replaces}, such as ${row.lost_id}: their payload does not fit. Choose a type that they fit, or allow it with \`mayLose: true\``,
    );
  const without = missing! + misfits! + (mayLose ? lost! : 0);
  if (required && without > 0)
    problems.push(
      `${at} is required and has no value for ${without} of ${events} events: ${missing} payloads have none and ${misfits} do not fit${row.misfit_id === null ? '' : `, such as ${row.misfit_id}`}. Leave out \`required\`, which holds for new events too, or \`fill\``,
    );
  return problems;
}
