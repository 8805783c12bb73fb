import type { Column } from '../../../pipelines/definition';
import { type Cell, grouped, plural, type Style, table } from '../../terminal';
import type { NewPipeline, PlannedField } from './make-plan';
import { shownPath } from './make-plan';
import type { Proof } from './proof';
import type { Source } from './source';

/** What a person could choose as the identity. */
export interface Candidate {
  readonly columns: readonly string[];
  readonly evidence: string;
}

export interface Report {
  readonly plan: NewPipeline;
  readonly source: Pick<Source, 'label' | 'report' | 'longLines'>;
  readonly candidates: readonly Candidate[];
  readonly view: string;
  readonly proof: Proof;
  /** Paths from the root of the repository. Undefined for a dry run. */
  readonly files?: readonly string[];
}

/** The type of a column as a person reads it: `decimal(18,2)`, `timestamp, convert iso`. */
export function typeText(column: Column | undefined): string {
  if (column === undefined) return '';
  const size =
    column.type === 'varchar'
      ? `(${column.maxBytes})`
      : column.type === 'decimal'
        ? `(${column.precision},${column.scale})`
        : '';
  const convert = 'convert' in column && column.convert !== undefined ? `, convert ${String(column.convert)}` : '';
  return `${column.type}${size}${convert}`;
}

const filled = ({ field }: PlannedField, { sound }: NewPipeline['profile']) =>
  sound === 0 ? 0 : field.present / sound;

export function printFields({ fields, profile }: NewPipeline, style: Style): string {
  const rows = fields.map((planned): Cell[] => [
    shownPath(planned.path),
    planned.column?.name ?? '',
    typeText(planned.column),
    `${percent(filled(planned, profile))}`,
    planned.field.example ?? '',
    planned.why +
      (planned.personal ? `; likely ${planned.personal === 'names a person' ? 'names a person' : 'personal'}` : ''),
  ]);
  return table(['field', 'column', 'type', 'filled', 'example', 'why'], rows, style, { longest: 90, asIs: true });
}

/** Rounded down, so that 100 % is all. */
const percent = (share: number) => `${share > 0 && share < 0.01 ? '<1' : Math.floor(share * 100)} %`;

/** What the sample is, and what of it is no event. */
export function headLines({ plan: { profile }, source }: Pick<Report, 'plan' | 'source'>): string[] {
  const lines = [`${plural(profile.records, profile.format === 'csv' ? 'row' : 'record')} of ${source.label}`];
  const { bytes, read } = source.report;
  if (read < bytes)
    lines.push(
      `${grouped(Math.round(read / 1e6))} of ${grouped(Math.round(bytes / 1e6))} MB were read: the first half GiB, an even sample of the middle, and the end`,
    );
  lines.push(...profile.notes);
  for (const { reason, count, lines: at } of profile.faults)
    lines.push(`${plural(count, 'record')} can be no event: ${reason} (${linesText(at, count)})`);
  if (source.longLines.size > 0)
    lines.push(
      `${plural(source.longLines.size, 'line')} longer than 4 MiB were not read (${linesText([...source.longLines].slice(0, 5), source.longLines.size)})`,
    );
  return lines;
}

export const linesText = (lines: readonly number[], count: number): string =>
  `line${lines.length === 1 ? '' : 's'} ${lines.join(', ')}${count > lines.length ? ', …' : ''}`;

export function identityLine({ plan, candidates }: Pick<Report, 'plan' | 'candidates'>): string {
  if (plan.identity) {
    const known = candidates.find(({ columns }) => columns.join() === plan.identity!.join());
    return `identity   ${plan.identity.join(', ')}${known ? `: ${known.evidence}` : ', as given'}`;
  }
  const best = candidates[0];
  const hint = best ? `; --identity ${best.columns.join(',')} is ${best.evidence}` : '';
  return `identity   the stream position: a record that is sent twice counts twice${hint}`;
}

export function tailLines({ plan, candidates, view, proof, files }: Report): string[] {
  const { name, time } = plan;
  const { clashes } = plan.profile;
  const personal = plan.fields.filter((field) => field.personal).map(({ path }) => shownPath(path));
  return [
    identityLine({ plan, candidates }),
    `time       ${time ? `${time.name}, the time of the event by its name` : 'none: no field is a time, so the first view has no hours'}`,
    `proof      ${plural(proof.records, 'record')} through the merge: ${plural(proof.events, 'event')}, ${plural(proof.duplicates, 'duplicate')}, ${plural(proof.rejects, 'reject')}${proof.rejects > 0 ? ', all foreseen' : ''}`,
    ...(clashes
      ? [
          `duplicates ${plural(clashes.count, 'record')} share the identity of another one without being its copy, first lines ${clashes.lines.join(' and ')}: each identity counts once`,
        ]
      : []),
    ...(personal.length > 0 ? [`personal   likely: ${personal.join(', ')}`] : []),
    '',
    ...(files === undefined
      ? ['This is a dry run: nothing was written.']
      : [
          `Written: ${files.join(', ')}`,
          `sample.ndjson has records as they are${personal.length > 0 ? ', personal data too: read it before you commit it' : ''}.`,
          '',
          'Next:',
          '  npm start',
          `  npx millrace sql "select * from ${name}.${view} order by 1"`,
        ]),
  ];
}

export function jsonOf({ plan, source, candidates, view, proof, files }: Report) {
  const { profile } = plan;
  return {
    pipeline: plan.name,
    source: source.label,
    format: profile.format,
    records: profile.records,
    sound: profile.sound,
    bytes: source.report.bytes,
    bytesRead: source.report.read,
    notes: profile.notes,
    faults: profile.faults.map(({ reason, count, lines }) => ({ reason, records: count, lines })),
    fields: plan.fields.map((planned) => ({
      path: planned.path,
      ...(planned.column && { column: planned.column.name, type: typeText(planned.column) }),
      required: planned.column?.required === true,
      filled: Number(filled(planned, profile).toFixed(4)),
      example: planned.field.example ?? null,
      why: planned.why,
      ...(planned.personal && { personal: planned.personal }),
      ...(planned.values && { values: planned.values }),
    })),
    identity: plan.identity ? { by: 'columns', columns: plan.identity } : { by: 'stream-position' },
    candidates,
    clashes: profile.clashes ?? null,
    time: plan.time?.name ?? null,
    view: `${plan.name}.${view}`,
    proof,
    files: files ?? null,
  };
}
