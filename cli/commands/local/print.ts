import { relative } from 'node:path';
import { type Cell, grouped, plural, type Style, table } from '../../terminal';
import type { RuntimeConnection } from '../runtime-file';
import { failingViewLine } from './failing-views';
import type { PendingPart } from './history-counts';
import { isBalanced, type RecordCounts } from './record-counts';
import type { PublishedExport, Summary } from './summary';

export interface Verdict {
  /** Undefined if the expected counts are not known. */
  readonly differences?: readonly string[];
  /** Why they are not known. */
  readonly unknown?: string;
}

const EXPORTS_SHOWN = 3;
const PENDING_SHOWN = 10;
const STRAYS_SHOWN = 5;

/** Formats the summary for a person. */
/** @param api address of the HTTP API. @default - there is none */
export function summaryText(
  summary: Summary,
  verdict: Verdict,
  dataDir: string,
  live: boolean,
  style: Style,
  api?: string,
): string {
  return [
    '',
    countsText(summary, style),
    '',
    equationText(summary.total, style),
    ...pendingLines(summary.total.parts, style),
    verdictText(verdict, style),
    ...(summary.reasons.length > 0 ? ['', style.bold('Rejects by reason'), reasonsText(summary, style)] : []),
    '',
    style.bold('Views'),
    viewsText(summary, style),
    ...summary.failing.map((failure) => `  ${failingViewLine(failure, style)}`),
    '',
    style.bold('Exports'),
    exportsText(summary.exports, style),
    '',
    style.bold('Next'),
    ...nextSteps(dataDir, live, api).map(([command, what]) => `  ${style.cyan(command.padEnd(72))} ${style.dim(what)}`),
    '',
  ].join('\n');
}

function countsText({ pipelines, total }: Summary, style: Style): string {
  const terms = ['produced' as const, ...rightTerms(total)];
  const row = (name: string, account: RecordCounts): Cell[] => [
    name,
    ...terms.map((term) => grouped(account[term])),
    isBalanced(account) ? '✔' : '✘',
  ];
  const columns = ['pipeline', ...terms, ''];
  const rows = [...Object.entries(pipelines).map(([name, account]) => row(name, account)), row('total', total)];
  return table(columns, rows, style, { indent: '  ' });
}

/** The terms on the right of the equation. `skipped` and `forgotten` are shown only if they are not 0. */
const rightTerms = (counts: RecordCounts) => [
  ...(['events', 'duplicates', 'rejects'] as const),
  ...(['skipped', 'forgotten'] as const).filter((term) => counts[term] > 0),
  'pending' as const,
];

export function equationText(total: RecordCounts, style: Style): string {
  const right = rightTerms(total).reduce((sum, term) => sum + total[term], 0);
  const terms = rightTerms(total)
    .map((term) => grouped(total[term]))
    .join(' + ');
  return right === total.produced
    ? `${style.green('✔')} nothing vanished: ${grouped(total.produced)} produced = ${terms}`
    : `${style.red('✘')} ${grouped(total.produced)} produced, but ${terms} = ${grouped(right)}`;
}

/** Returns one line for each place with pending records, the largest first. */
export function pendingLines(parts: readonly PendingPart[], style: Style): string[] {
  const sorted = [...parts].sort((one, other) => other.records - one.records);
  const lines = sorted.slice(0, PENDING_SHOWN).map(({ pipeline, records, why, stuck }) => {
    const next = stuck ? `; \`npx millrace redrive\` tries it again` : '';
    return `  ${style.yellow('!')} ${pipeline}: ${records === 0 ? 'an unknown number of records' : plural(records, 'record')} ${why}${next}`;
  });
  const rest = sorted.length - lines.length;
  return rest > 0 ? [...lines, style.dim(`  and ${plural(rest, 'more place')}`)] : lines;
}

export function strayLine(keys: readonly string[], style: Style): string {
  const shown = keys.slice(0, STRAYS_SHOWN).join(', ');
  const rest = keys.length > STRAYS_SHOWN ? ` and ${keys.length - STRAYS_SHOWN} more` : '';
  return `${style.yellow('!')} no history source has a glob that matches ${shown}${rest}: not loaded, and not counted`;
}

function verdictText({ differences, unknown }: Verdict, style: Style): string {
  if (differences === undefined) return `${style.yellow('?')} the expected counts are not known: ${unknown}`;
  if (differences.length === 0)
    return `${style.green('✔')} every count, sum and exported file agrees with what the generator knows`;
  return [
    `${style.red('✘')} not what the generator knows:`,
    ...differences.map((difference) => `    ${difference}`),
  ].join('\n');
}

function reasonsText({ reasons }: Summary, style: Style): string {
  return table(
    ['pipeline', 'reason', 'records'],
    reasons.map(({ pipeline, reason, records }) => [pipeline, reason, records]),
    style,
    { indent: '  ' },
  );
}

function viewsText({ views }: Summary, style: Style): string {
  return Object.entries(views)
    .map(([name, view]) => {
      const heading = `  ${style.bold(name)}${style.dim(`  ${plural(view.rows, 'row')}`)}`;
      return view.rows === 0
        ? heading
        : `${heading}\n${table(view.columns, shortened(view.columns, view.top), style, { indent: '    ', asIs: true })}`;
    })
    .join('\n');
}

/** Shortens event ids: a hash means nothing to a person. */
function shortened(columns: readonly string[], rows: readonly (readonly Cell[])[]): Cell[][] {
  return rows.map((row) =>
    row.map((cell, index) => (columns[index] === 'event_id' ? `${String(cell).slice(0, 12)}…` : cell)),
  );
}

function exportsText(exports: readonly PublishedExport[], style: Style): string {
  if (exports.length === 0) return style.dim('  none yet: windows are published once they are closed');
  const names = [...new Set(exports.map((item) => item.name))];
  return names
    .map((name) => {
      const windows = exports.filter((item) => item.name === name);
      const rows = windows.reduce((total, item) => total + item.rows, 0);
      const files = windows.flatMap((item) => item.files);
      const newest = windows.slice(-EXPORTS_SHOWN).map((item) => {
        const [file] = item.files;
        return `    ${item.window.split('/')[0]}  ${String(item.rows).padStart(6)} rows  ${style.dim(file === undefined ? 'no file' : relative(process.cwd(), file))}`;
      });
      const what = `${plural(windows.length, 'window')}, ${plural(rows, 'row')}, ${plural(files.length, `${windows[0]!.format} file`)}`;
      const hidden =
        windows.length > EXPORTS_SHOWN ? [style.dim(`    … and ${windows.length - EXPORTS_SHOWN} older`)] : [];
      return [`  ${style.bold(name)}${style.dim(`  ${what}`)}`, ...newest, ...hidden].join('\n');
    })
    .join('\n');
}

function nextSteps(dataDir: string, live: boolean, api?: string): [string, string][] {
  const data = dataDir === '.millrace' ? '' : ` --data ${dataDir}`;
  const query = 'select * from estore.hourly_revenue order by hour desc limit 5';
  return live
    ? [
        [`npx millrace sql${data} "${query}"`, 'query the warehouse'],
        ...(api === undefined ? [] : askSteps(api, data)),
        [`eval "$(npx millrace endpoints${data})"`, 'then any AWS SDK or the AWS CLI uses the local services'],
        ['npx millrace generate --stream millrace-dev-estore --seed 2 --events 500', 'send more, after the line above'],
        ['Ctrl-C', 'stop; the data stays'],
      ]
    : [
        [`npm start${data === '' ? '' : ` --${data}`}`, 'continue with this data, live'],
        ['edit pipelines/estore/views/*.sql', 'then start again: the view is replaced, its rows stay'],
        ['npx cdk deploy "dev/*"', 'the same templates in your AWS account; see README'],
      ];
}

/** Commands that ask an endpoint, with a token of a few minutes. */
function askSteps(api: string, data: string): [string, string][] {
  const token = `$(npx millrace api token${data} --scope estore.revenue --expires 15m)`;
  return [
    [`curl -H "Authorization: Bearer ${token}" "${api}/v1/estore/revenue.json?limit=5"`, 'ask an endpoint'],
    [`npx millrace api list${data}`, 'list the others; api call asks them'],
  ];
}

/** The command that opens a SQL prompt. A value of libpq's is quoted unless it is plain. */
export function psqlCommand(prompt: NonNullable<RuntimeConnection['prompt']>): string {
  const { host, port, database, user, password } = prompt;
  const value = (text: string) =>
    /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const parts = { host, port: String(port), dbname: database, user, password };
  const words = Object.entries(parts).map(([name, text]) => `${name}=${value(text)}`);
  return `psql "${words.join(' ').replace(/[\\"$`]/g, '\\$&')}"`;
}

export function liveText(speed: number): string {
  const pace = speed === 1 ? 'in real time' : `${speed} times faster than real time`;
  return `live: ${pace}, a few events happen; \`npx millrace jump 2h\` moves the clock; Ctrl-C stops`;
}

/** Address of the HTTP API of endpoints, without a slash at the end. Undefined if no pipeline has one. */
export function apiAddress({ pipelineOutputs }: Pick<RuntimeConnection, 'pipelineOutputs'>): string | undefined {
  const url = pipelineOutputs['ApiUrl'];
  return typeof url === 'string' ? url.replace(/\/$/, '') : undefined;
}
