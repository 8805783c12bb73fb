import { isDeepStrictEqual } from 'node:util';
import { asked, renderAll, type Values } from '../shared/statement';
import type { Row } from '../shared/warehouse';
import { type Batches, inBatches } from './batches';
import { columnChanges, columnsQuery, presenceQuery, splitName } from './catalog';
import type { RebuildSpec, Step } from './contract';
import { searchOf } from './raising';
import type { ObjectRequest } from './request';
import { renderSteps, type WalkResult } from './walk';

type Ask = Batches['ask'];

/** The books that a table of events takes the place of. */
export interface Previous {
  readonly spec: RebuildSpec;
  readonly schema: string;
  /** The table of events before, schema-qualified. */
  readonly name: string;
  /** The version of its identity. */
  readonly identity: string;
  readonly judgedAgain: boolean;
}

/**
 * What the table of events is to be filled from: undefined unless it takes the place of another one. A table that is recorded was whole once, and its
 * functions know what it lacks since: a rollback copies nothing back.
 */
export function replaced(
  { type, object, previous, previousParts }: ObjectRequest,
  isRecorded: boolean,
): Previous | undefined {
  const { rebuild: spec, name } = object;
  if (spec === undefined || type !== 'Update' || previous === undefined || previous === name || isRecorded)
    return undefined;
  const [schema, table] = splitName(previous);
  const identity = /^events_([0-9a-f]{8})$/.exec(table)?.[1];
  if (identity === undefined || schema !== splitName(name)[0])
    throw new Error(`${name} takes the place of ${previous}, which is no table of events that it could be filled from`);
  return { spec, schema, name: previous, identity, judgedAgain: mayDiffer(previousParts, spec.parts) };
}

/** Whether records that were the same event may be different ones by now: not where each part of the new id is one of the old. */
export function mayDiffer(before: unknown, after: unknown): boolean {
  // Records of one position are one record.
  if (before === 'stream-position') return false;
  if (!Array.isArray(before) || !Array.isArray(after)) return true;
  return !after.every((part) => before.some((other) => isDeepStrictEqual(other, part)));
}

/** Throws, before anything is changed, where something else changes that the rebuild would need. */
export async function refuseMore(ask: Ask, { spec, schema, name }: Previous): Promise<void> {
  // Duplicates are looked for in the landing view that the functions have now, and the new functions are to read it on.
  const landing = `${schema}.${spec.landing}`;
  const rows = await ask('rebuild-landing', presenceQuery({ kind: 'landing-view', name: landing })!);
  const problems = [
    ...(rows.length === 0 ? [`its landing view changes, too: ${landing} is not there`] : []),
    ...otherColumns(spec, name, await catalogOf(ask, name)),
  ];
  if (problems.length > 0)
    throw new Error(
      `the identity of ${schema} changes, and ${problems.join('; ')}. Deploy one change, and then the other`,
    );
}

/** Columns whose values would have to become others: the fill that does it compares them within one table. */
export function otherColumns(
  { columns }: Pick<RebuildSpec, 'columns'>,
  name: string,
  catalog: readonly Row[],
): string[] {
  const present = new Set(catalog.map((row) => String(row.column_name)));
  return columns.flatMap(({ name: column, stored, type, replaces }) => {
    if (present.has(stored)) return columnChanges(name, [{ name: stored, type, add: '' }], catalog).refused;
    return replaces !== undefined && present.has(replaces)
      ? [`column ${column} takes the place of ${replaces}, which ${name} has`]
      : [];
  });
}

async function catalogOf(ask: Ask, name: string): Promise<readonly Row[]> {
  const catalog = await ask('rebuild-columns', columnsQuery(name));
  if (catalog.length === 0) throw new Error(`${name}, which the new events are to be made of, does not exist`);
  return catalog;
}

/** Fills the books. Throws, before readers are switched, where events would get no id. */
export async function rebuild(host: Batches, table: string, before: Previous): Promise<WalkResult> {
  const { spec } = before;
  const values = await valuesOf(host.ask, before);
  const template: Step = { name: 'rebuild', mode: 'transaction', statements: spec.batch };
  const [progress] = renderAll([spec.progress], asked([spec.progress], values));
  return inBatches(host, {
    what: 'rebuild',
    table,
    progress: progress!,
    advice: 'A rollback drops it, and another deployment begins anew: give the warehouse more nodes or capacity for it',
    batch: (raised) => renderSteps([template], { ...values, ...spec.search?.batchValues, raised })[0]!,
    search: searchOf(spec, values),
    isDone: ([row]) => {
      if (row && !spec.mayReject) refuseRejects(table, before, row);
      return Number(row?.caught_up) === 1;
    },
  });
}

async function valuesOf(ask: Ask, { spec, name, identity, judgedAgain }: Previous): Promise<Values> {
  const present = new Set((await catalogOf(ask, name)).map((row) => String(row.column_name)));
  return {
    ...Object.fromEntries(
      ['events', 'duplicates', 'rejects', 'ledger', 'gaps'].map((book) => [`previous_${book}`, `${book}_${identity}`]),
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

function refuseRejects(table: string, { name, spec }: Previous, row: Row): void {
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
