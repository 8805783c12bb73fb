import { isDeepStrictEqual } from 'node:util';
import { asked, renderAll, type Values } from '../shared/statement';
import type { Row } from '../shared/warehouse';
import { type Batches, inBatches, searchOf } from './batches';
import { columnChanges, columnsQuery, presenceQuery, splitName } from './catalog';
import type { RebuildSpec, Step } from './contract';
import type { ObjectRequest } from './request';
import { type Result, renderSteps } from './steps';

type Query = Batches['query'];

/** The tables of the old identity, which a new table of events is filled from. */
export interface PreviousTables {
  readonly spec: RebuildSpec;
  readonly schema: string;
  /** The old table of events, schema-qualified. */
  readonly name: string;
  /** The version of the old identity. */
  readonly identity: string;
  /** Records that were duplicates may be different events under the new identity. */
  readonly judgedAgain: boolean;
}

/**
 * Undefined unless the table of events replaces another one. A recorded table was complete once, and its functions merge what it lacks since then, so a
 * rollback copies nothing.
 */
export function previousTables(
  { type, object, previous, previousParts }: ObjectRequest,
  isRecorded: boolean,
): PreviousTables | undefined {
  const { rebuild: spec, name } = object;
  if (spec === undefined || type !== 'Update' || previous === undefined || previous === name || isRecorded)
    return undefined;
  const [schema, table] = splitName(previous);
  const identity = /^events_([0-9a-f]{8})$/.exec(table)?.[1];
  if (identity === undefined || schema !== splitName(name)[0])
    throw new Error(`${name} would replace ${previous}, which is no table of events that it can be filled from`);
  return { spec, schema, name: previous, identity, judgedAgain: mayDiffer(previousParts, spec.parts) };
}

/** Whether records of one event may become different events. They can't where each part of the new id is a part of the old one. */
export function mayDiffer(before: unknown, after: unknown): boolean {
  // Records of one position are the same record.
  if (before === 'stream-position') return false;
  if (!Array.isArray(before) || !Array.isArray(after)) return true;
  return !after.every((part) => before.some((other) => isDeepStrictEqual(other, part)));
}

/** Throws, before anything is changed, if the deployment also changes something that the rebuild needs. */
export async function refuseOtherChanges(query: Query, { spec, schema, name }: PreviousTables): Promise<void> {
  // The rebuild searches the present landing view for duplicates, and the new functions continue to read it.
  const landing = `${schema}.${spec.landing}`;
  const rows = await query('rebuild-landing', presenceQuery({ kind: 'landing-view', name: landing })!);
  const problems = [
    ...(rows.length === 0 ? [`its landing view changes, too: ${landing} does not exist`] : []),
    ...otherColumns(spec, name, await catalogOf(query, name)),
  ];
  if (problems.length > 0)
    throw new Error(
      `the identity of ${schema} changes, and ${problems.join('; ')}. Deploy one change, and then the other`,
    );
}

/** Columns whose values would change. That is the fill's task, which compares values within one table. */
export function otherColumns(
  { columns }: Pick<RebuildSpec, 'columns'>,
  name: string,
  catalog: readonly Row[],
): string[] {
  const present = new Set(catalog.map((row) => String(row.column_name)));
  return columns.flatMap(({ name: column, stored, type, replaces }) => {
    if (present.has(stored)) return columnChanges(name, [{ name: stored, type, add: '' }], catalog).refused;
    return replaces !== undefined && present.has(replaces)
      ? [`column ${column} replaces ${replaces}, which ${name} has`]
      : [];
  });
}

async function catalogOf(query: Query, name: string): Promise<readonly Row[]> {
  const catalog = await query('rebuild-columns', columnsQuery([name]));
  if (catalog.length === 0) throw new Error(`${name}, which the new table is filled from, does not exist`);
  return catalog;
}

/** Fills the new tables. Throws, before readers are switched, if events would get no id. */
export async function rebuild(host: Batches, table: string, before: PreviousTables): Promise<Result> {
  const { spec } = before;
  const values = await valuesOf(host.query, before);
  const template: Step = { name: 'rebuild', mode: 'transaction', statements: spec.batch };
  const [progress] = renderAll([spec.progress], asked([spec.progress], values));
  return inBatches(host, {
    what: 'rebuild',
    table,
    progress: progress!,
    advice: 'A rollback drops it, and another deployment starts over: give the warehouse more nodes or capacity for it',
    batch: (raised) => renderSteps([template], { ...values, ...spec.search?.batchValues, raised })[0]!,
    search: searchOf(spec, values),
    isDone: ([row]) => {
      if (row && !spec.mayReject) refuseRejects(table, before, row);
      return Number(row?.caught_up) === 1;
    },
  });
}

async function valuesOf(query: Query, { spec, name, identity, judgedAgain }: PreviousTables): Promise<Values> {
  const present = new Set((await catalogOf(query, name)).map((row) => String(row.column_name)));
  return {
    ...Object.fromEntries(
      ['events', 'duplicates', 'rejects', 'ledger', 'gaps'].map((table) => [
        `previous_${table}`,
        `${table}_${identity}`,
      ]),
    ),
    ...Object.fromEntries(
      spec.columns.map(({ name: column, stored }) => [
        `kept_${column}`,
        present.has(stored) ? stored : `${column} absent`,
      ]),
    ),
    previous_identity: identity,
    judged_again: judgedAgain ? 'yes' : 'no',
  };
}

function refuseRejects(table: string, { name, spec }: PreviousTables, row: Row): void {
  const [events, missing, misfits] = ['row_count', 'missing', 'misfits'].map((key) => Number(row[key]));
  const without = missing! + misfits!;
  if (without === 0) return;
  throw new Error(
    `${without} of ${events} events of ${name} get no id in ${table}: ${missing} payloads lack a part of it (${partsOf(spec)}) and ${misfits} have one that does not fit, such as event ${row.misfit_id}. ` +
      'Readers were not switched. Choose another identity, or allow it with `mayReject: true` in `identity`, which makes rejects of them',
  );
}

const partsOf = ({ parts }: RebuildSpec) =>
  Array.isArray(parts)
    ? parts.map((part) => (part as { path?: readonly string[] }).path?.join('.') ?? '?').join(', ')
    : String(parts);
