import { quoteLiteral } from '../shared/quote';
import { isTerminal, type Row, StatementError } from '../shared/warehouse';
import { splitName } from './catalog';
import type { ViewChecks } from './contract';
import { type Result, renderSteps, runStep, runSteps, type StepRun } from './steps';

/** With fewer merged rows, the share of rejects is not checked. */
const minMergedRows = 100;
/** A share of rejects up to this is accepted, however small it was before. */
const minRejectShare = 0.05;
const rejectGrowth = 10;
/** Hours before the deployment that rejects are compared with. */
const baselineHours = 168;

interface Checked {
  /** The new version, schema-qualified. */
  readonly name: string;
  /** The version that readers see now. @default - there is none */
  readonly previous?: string;
  readonly checks: ViewChecks;
  /** When this request began, in epoch milliseconds. */
  readonly begunAt: number;
}

/**
 * Checks a new version of a view before readers see it. Throws with the numbers and what to do. Then the deployment fails, readers keep the old version,
 * and the rollback drops the new one.
 */
export async function checkView(run: StepRun, checked: Checked): Promise<Result> {
  for (const [what, check] of [
    ['state', checkState],
    ['rows', checkRows],
    ['rejects', checkRejects],
  ] as const) {
    const problem = await check(run, checked);
    if (problem === 'waiting') return 'waiting';
    if (problem) throw new Error(`${run.subject} is not given to readers: ${problem}`);
    run.log('checked', { view: checked.name, what });
  }
  return 'done';
}

/** The rows of a query. Undefined when time is up and it is still running: a repeated call finds it by its name. */
async function query(run: StepRun, at: string, sql: string): Promise<Row[] | undefined> {
  const state = await runStep(run, `check-${at}`, { name: 'check', mode: 'single', statements: [sql] });
  if (!isTerminal(state.status)) return undefined;
  if (state.status !== 'FINISHED') throw new StatementError(`${run.namePrefix}/check-${at}`, state);
  return run.warehouse.rows(state.id);
}

type Problem = string | undefined | 'waiting';

async function checkState(run: StepRun, { name, checks }: Checked): Promise<Problem> {
  const [schema, view] = splitName(name).map(quoteLiteral);
  const rows = await query(
    run,
    'state',
    `select state from svv_mv_info where schema_name = ${schema} and name = ${view}`,
  );
  if (!rows) return 'waiting';
  const state = rows[0]?.state;
  if (state === 1 || (state === 0 && checks.recomputed)) return undefined;
  if (state === 0)
    return 'Redshift would recompute it at every refresh (state 0 in SVV_MV_INFO) instead of refreshing it incrementally. Change the query, or set `recomputed: true` for the view in pipeline.ts; every refresh then reads all that the view reads';
  return `its state in SVV_MV_INFO is ${state ?? 'missing'}, expected 1: it cannot be refreshed. Check what happened to the tables that it reads, and deploy again`;
}

async function checkRows(run: StepRun, checked: Checked): Promise<Problem> {
  const rows = await countsOf(run, 'rows', checked);
  if (!rows) return 'waiting';
  const many = tooMany(checked, rows);
  if (many || !tooFew(checked, rows)) return many;
  // The previous version was refreshed after this one was filled. Refresh this one, and compare it with the rows counted before.
  if ((await runSteps(run, renderSteps(checked.checks.upToDate, {}), 'check-')) === 'waiting') return 'waiting';
  const later = await countsOf(run, 'rows-later', checked);
  return later ? tooFew(checked, { ...later, rows_old: rows.rows_old! }) : 'waiting';
}

const sourcesOf = ({ checks }: Checked, rows: Row) =>
  checks.reads.map((relation, i) => ({ relation, count: Number(rows[`rows_${i}`]) }));

function largestOf(checked: Checked, rows: Row) {
  const sources = sourcesOf(checked, rows);
  return sources.reduce((most, source) => (source.count > most.count ? source : most), sources[0]!);
}

function tooMany(checked: Checked, rows: Row): string | undefined {
  const { mayGrow } = checked.checks;
  const [count, largest] = [Number(rows.rows_new), largestOf(checked, rows)];
  if (!largest || count <= mayGrow * Math.max(1, largest.count)) return undefined;
  return `it has ${count} rows, more than ${mayGrow} times those of ${largest.relation}, which has ${largest.count} and is the largest that it reads. If its joins are intended, set \`mayGrow\` for the view in pipeline.ts`;
}

function tooFew(checked: Checked, rows: Row): string | undefined {
  const { previous, checks } = checked;
  const count = Number(rows.rows_new);
  const before = rows.rows_old === undefined ? undefined : Number(rows.rows_old);
  if (!before || largestOf(checked, rows)?.count === 0) return undefined;
  const least = Math.ceil(before * (1 - checks.mayShrink));
  if (count >= least) return undefined;
  const found = sourcesOf(checked, rows).map((source) => `${source.relation} ${source.count}`);
  return `it has ${count} rows where the version before it, ${previous}, has ${before}; at least ${least} were expected (mayShrink: ${checks.mayShrink}). It reads ${found.join(', ')}. If it is intended to be that much smaller, set \`mayShrink\` for the view in pipeline.ts, 1 for any size`;
}

/** One row: `rows_new`, `rows_old` if the old version exists, and `rows_<i>` of each relation that is read. */
async function countsOf(
  run: StepRun,
  at: string,
  { name, previous, checks: { reads } }: Checked,
): Promise<Row | undefined> {
  const counts = (old: string | undefined) =>
    [
      ['rows_new', name],
      ...(old ? [['rows_old', old]] : []),
      ...reads.map((relation, i) => [`rows_${i}`, relation]),
    ].map(([column, relation]) => `(select count(*) from ${relation}) as ${column}`);
  try {
    return (await query(run, at, `select ${counts(previous).join(', ')}`))?.[0];
  } catch (error) {
    if (!previous || !(error instanceof StatementError) || !/does not exist/i.test(error.message)) throw error;
    // A person dropped the old version, so there is nothing to compare with.
    return (await query(run, `${at}-alone`, `select ${counts(undefined).join(', ')}`))?.[0];
  }
}

async function checkRejects(run: StepRun, { checks, begunAt }: Checked): Promise<Problem> {
  const begun = `timestamp ${quoteLiteral(new Date(begunAt).toISOString().slice(0, 19).replace('T', ' '))}`;
  const sum = (column: string, condition: string) => `sum(case when ${condition} then ${column} else 0 end)`;
  const since = `merged_at >= ${begun}`;
  const rows = await query(
    run,
    'rejects',
    `select ${sum('rows_read', since)} as read_since, ${sum('rejects', since)} as rejects_since, ` +
      `${sum('rows_read', `not (${since})`)} as read_before, ${sum('rejects', `not (${since})`)} as rejects_before ` +
      `from ${checks.runs} where merged_at >= dateadd(hour, ${-baselineHours}, ${begun})`,
  );
  if (!rows) return 'waiting';
  const [read, rejects, readBefore, rejectsBefore] = [
    'read_since',
    'rejects_since',
    'read_before',
    'rejects_before',
  ].map((column) => Number(rows[0]?.[column] ?? 0)) as [number, number, number, number];
  if (read < minMergedRows || readBefore === 0) return undefined;
  const [share, shareBefore] = [rejects / read, rejectsBefore / readBefore];
  if (share <= minRejectShare || share <= rejectGrowth * shareBefore) return undefined;
  const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
  return `since this deployment began, ${rejects} of ${read} merged rows were rejected (${percent(share)}); in the ${baselineHours} hours before it were ${rejectsBefore} of ${readBefore} (${percent(shareBefore)}). See ${checks.rejects} for the reasons, and deploy again when they are resolved`;
}
