import { quoteLiteral } from '../shared/quote';
import { isTerminal, type Row, StatementError } from '../shared/warehouse';
import { splitName } from './catalog';
import type { ViewChecks } from './contract';
import { renderSteps, submit, type Walk, type WalkResult, walk } from './walk';

/** Fewer rows than that tell nothing about a share of rejects. */
const leastRowsMerged = 100;
/** A share of rejects below it is no explosion, however few there were before. */
const leastRejectShare = 0.05;
const rejectGrowth = 10;
/** What "before" means, in hours. */
const baselineHours = 168;

interface Checked {
  /** The new version, schema-qualified. */
  readonly name: string;
  /** The version that readers have now. @default - there is none */
  readonly previous?: string;
  readonly checks: ViewChecks;
  /** When this request began, epoch milliseconds. */
  readonly begunAt: number;
}

/**
 * Looks at a new version of a view before readers get it. Throws with the numbers and what to do: then the deployment fails, readers keep the
 * old version, and the rollback drops this one.
 */
export async function checkView(host: Walk, checked: Checked): Promise<WalkResult> {
  for (const [what, check] of [
    ['state', checkState],
    ['rows', checkRows],
    ['rejects', checkRejects],
  ] as const) {
    const problem = await check(host, checked);
    if (problem === 'waiting') return 'waiting';
    if (problem) throw new Error(`${host.subject} is not given to readers: ${problem}`);
    host.log('checked', { view: checked.name, what });
  }
  return 'done';
}

/** The rows of one query; undefined when time is up and it still runs. As every statement of a walk it is found again by its name. */
async function ask(host: Walk, at: string, sql: string): Promise<Row[] | undefined> {
  const state = await submit(host, `check-${at}`, { name: 'check', mode: 'single', statements: [sql] });
  if (!isTerminal(state.status)) return undefined;
  if (state.status !== 'FINISHED') throw new StatementError(`${host.namePrefix}/check-${at}`, state);
  return host.warehouse.rows(state.id);
}

type Problem = string | undefined | 'waiting';

async function checkState(host: Walk, { name, checks }: Checked): Promise<Problem> {
  const [schema, view] = splitName(name).map(quoteLiteral);
  const rows = await ask(
    host,
    'state',
    `select state from svv_mv_info where schema_name = ${schema} and name = ${view}`,
  );
  if (!rows) return 'waiting';
  const state = rows[0]?.state;
  if (state === 1 || (state === 0 && checks.recomputed)) return undefined;
  if (state === 0)
    return 'Redshift would compute it anew at every refresh (state 0 in SVV_MV_INFO) instead of bringing it up to date. Change the query, or set `recomputed: true` for the view in pipeline.ts, and every refresh reads all that the view reads';
  return `its state in SVV_MV_INFO is ${state ?? 'missing'}, expected 1: it cannot be refreshed. Look at what happened to the tables that it reads, and deploy again`;
}

async function checkRows(host: Walk, checked: Checked): Promise<Problem> {
  const rows = await countsOf(host, 'rows', checked);
  if (!rows) return 'waiting';
  const many = tooMany(checked, rows);
  if (many || !tooFew(checked, rows)) return many;
  // The version before it was refreshed since this one was filled. Now it is this one's turn, against the rows that readers had before.
  if ((await walk(host, renderSteps(checked.checks.upToDate, {}), 'check-')) === 'waiting') return 'waiting';
  const later = await countsOf(host, 'rows-later', checked);
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
  return `it has ${count} rows, more than ${mayGrow} times those of ${largest.relation}, which has ${largest.count} and is the largest that it reads. If its joins are meant so, set \`mayGrow\` for the view in pipeline.ts`;
}

function tooFew(checked: Checked, rows: Row): string | undefined {
  const { previous, checks } = checked;
  const count = Number(rows.rows_new);
  const before = rows.rows_old === undefined ? undefined : Number(rows.rows_old);
  if (!before || largestOf(checked, rows)?.count === 0) return undefined;
  const least = Math.ceil(before * (1 - checks.mayShrink));
  if (count >= least) return undefined;
  const found = sourcesOf(checked, rows).map((source) => `${source.relation} ${source.count}`);
  return `it has ${count} rows where the version before it, ${previous}, has ${before}; at least ${least} were expected (mayShrink: ${checks.mayShrink}). It reads ${found.join(', ')}. If it is meant to be so much smaller, set \`mayShrink\` for the view in pipeline.ts, 1 for any size`;
}

/** One row: `rows_new`, `rows_old` where the old version is there, and `rows_<i>` of each relation that is read. */
async function countsOf(
  host: Walk,
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
    return (await ask(host, at, `select ${counts(previous).join(', ')}`))?.[0];
  } catch (error) {
    if (!previous || !(error instanceof StatementError) || !/does not exist/i.test(error.message)) throw error;
    // Somebody dropped the old version: nothing to compare with.
    return (await ask(host, `${at}-alone`, `select ${counts(undefined).join(', ')}`))?.[0];
  }
}

async function checkRejects(host: Walk, { checks, begunAt }: Checked): Promise<Problem> {
  const begun = `timestamp ${quoteLiteral(new Date(begunAt).toISOString().slice(0, 19).replace('T', ' '))}`;
  const sum = (column: string, condition: string) => `sum(case when ${condition} then ${column} else 0 end)`;
  const since = `merged_at >= ${begun}`;
  const rows = await ask(
    host,
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
  if (read < leastRowsMerged || readBefore === 0) return undefined;
  const [share, shareBefore] = [rejects / read, rejectsBefore / readBefore];
  if (share <= leastRejectShare || share <= rejectGrowth * shareBefore) return undefined;
  const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
  return `since this deployment began, ${rejects} of ${read} merged rows were rejected (${percent(share)}); in the ${baselineHours} hours before it were ${rejectsBefore} of ${readBefore} (${percent(shareBefore)}). Ask ${checks.rejects} for the reasons, and deploy again when they are settled`;
}
