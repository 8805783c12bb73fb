import type { Column, Pipeline } from '../../../pipelines/definition';
import {
  bytesFor,
  type ColumnShape,
  decide,
  eventTimeScore,
  type Field,
  type IdentityCandidate,
  type Profile,
  pathText,
  personalHint,
} from '../../profile';
import { ColumnNames, shown } from './column-names';

/** Records that must all have a field before the field is required. */
const enoughToRequire = 1000;
/** More columns make a table that nobody reads. The rest stays in the payload. */
export const mostColumns = 200;
/** Room that the generator needs in a text of the identity, to make new ones. */
const roomForNewIds = 32;

/** What becomes of a field. */
export interface PlannedField {
  readonly field: Field;
  readonly path: readonly string[];
  readonly column?: Column;
  /** What was decided and why. */
  readonly why: string;
  readonly personal?: 'names a person' | 'personal data';
  /** Few values, as a suggestion for `oneOf`. */
  readonly values?: readonly string[];
}

/** The pipeline that suits a sample, with what its files need to know. */
export interface NewPipeline {
  readonly name: string;
  readonly profile: Profile;
  readonly fields: readonly PlannedField[];
  readonly columns: readonly Column[];
  /** Columns of the identity. Undefined takes the stream position. */
  readonly identity?: readonly string[];
  readonly time?: Column & { readonly type: 'timestamp' | 'timestamptz' };
  /** A text with few values, by which the first view groups. */
  readonly dimension?: Column;
  /** An amount that the first view adds up. */
  readonly measure?: Column;
  readonly notes: readonly string[];
}

type Draft = { field: Field; path: readonly string[]; shape?: ColumnShape; why: string };

/**
 * Decides what becomes of each field. The identity is chosen later.
 * @param declared types that the source declares, by path
 */
export function planFields(
  profile: Profile,
  most = mostColumns,
  declared: ReadonlyMap<string, ColumnShape> = new Map(),
): PlannedField[] {
  const drafts = withColumn(leaves(profile.root, profile.format === 'csv')).map((draft) => asDeclared(draft, declared));
  const columns = drafts.filter(({ shape }) => shape !== undefined);
  const kept = new Set(mostFilled(columns, most));
  const names = new ColumnNames();
  return drafts.map(({ field, path, shape, why }) => {
    const personal = hintOf(field, path);
    if (shape === undefined) return { field, path, why: `stays in the payload: ${why}`, ...(personal && { personal }) };
    if (!kept.has(field))
      return { field, path, why: `stays in the payload: the table has the ${most} fields that are filled most often` };
    const { name, note } = names.nameOf(path);
    const required = isRequired(field, profile);
    const column = { name, path, ...shape, ...(required && { required }) } as Column;
    const values = personal ? undefined : valuesOf(field, shape);
    return {
      field,
      path,
      column,
      why: [why, required ? 'in every record' : '', note ?? ''].filter(Boolean).join('; '),
      ...(personal && { personal }),
      ...(values && { values }),
    };
  });
}

function leaves(parent: Field, isText: boolean): Draft[] {
  return [...parent.children.values()].flatMap((field): Draft[] => {
    // A field of records that are no events has no values.
    if (field.present === 0 && field.countOf('null') === 0 && !isText) return [];
    const { path } = field;
    const fault = nameFault(field.name);
    if (fault !== undefined) return [{ field, path, why: fault }];
    const { becomes, shape, why } = decide(field, isText);
    return becomes === 'parent' ? leaves(field, isText) : [{ field, path, shape, why }];
  });
}

/** A number has the type that its source declares: a double can be whole in every record of a sample. */
function asDeclared(draft: Draft, declared: ReadonlyMap<string, ColumnShape>): Draft {
  const shape = declared.get(pathText(draft.field));
  const isNumber = draft.shape !== undefined && ['bigint', 'decimal', 'double'].includes(draft.shape.type);
  return shape !== undefined && isNumber ? { ...draft, shape, why: `${shape.type} in the file` } : draft;
}

const mostNameBytes = 127;

/** Why no statement can name an attribute. */
function nameFault(name: string): string | undefined {
  if (name === '') return 'its name is empty';
  if (Buffer.byteLength(name) > mostNameBytes) return `its name has more than ${mostNameBytes} bytes`;
  if (name.includes('{{')) return 'its name has {{, which no statement can hold';
  return /["*\\\p{Cc}]/u.test(name)
    ? 'its name has a quotation mark, an asterisk, a backslash or a control character, which the local warehouse refuses'
    : undefined;
}

/** A pipeline needs a column. If no field has one type, the first of them becomes a SUPER, which takes all. */
function withColumn(drafts: readonly Draft[]): Draft[] {
  if (drafts.some(({ shape }) => shape !== undefined)) return [...drafts];
  const chosen = drafts.find(({ field }) => field.present > 0 && nameFault(field.name) === undefined);
  const why = (draft: Draft) => `${draft.why}; a super column, since a pipeline needs one column`;
  return drafts.map((draft) => (draft === chosen ? { ...draft, shape: { type: 'super' }, why: why(draft) } : draft));
}

const mostFilled = (drafts: readonly Draft[], most: number): Field[] =>
  drafts
    .map(({ field }) => field)
    .sort((one, other) => other.present - one.present)
    .slice(0, most);

const isRequired = (field: Field, { sound }: Profile) => sound >= enoughToRequire && field.present === sound;

function hintOf(field: Field, path: readonly string[]) {
  const share = (form: 'email' | 'address') => (field.texts.count === 0 ? 0 : field.texts.of(form) / field.texts.count);
  return personalHint(path, { email: share('email'), address: share('address') });
}

/** The values of a text, if they are few and each came often. */
function valuesOf(field: Field, shape: ColumnShape): readonly string[] | undefined {
  const { values } = field;
  if (shape.type !== 'varchar' || values === undefined || values.length > 12 || values.length < 2) return undefined;
  const texts = values.map(({ text }) => text);
  return field.present >= values.length * 20 && texts.join().length <= 60 ? texts : undefined;
}

/** The columns of a candidate. Undefined if one of its fields is no column, or if a column can be no part of an identity. */
export function identityColumns(
  fields: readonly PlannedField[],
  candidate: Pick<IdentityCandidate, 'fields'>,
): readonly string[] | undefined {
  const columns = candidate.fields.map((field) => fields.find((planned) => planned.field === field)?.column);
  if (columns.some((column) => column === undefined || ['double', 'super'].includes(column.type))) return undefined;
  return columns.map((column) => column!.name);
}

/** Finds the field of a column or of a path that a person wrote. */
export const fieldNamed = (fields: readonly PlannedField[], name: string): PlannedField | undefined =>
  fields.find(({ column }) => column?.name === name) ?? fields.find(({ field }) => pathText(field) === name);

/** Completes the plan once the identity is known. */
export function planPipeline(
  name: string,
  profile: Profile,
  planned: readonly PlannedField[],
  identity: readonly string[] | undefined,
): NewPipeline {
  const fields = planned.map((each) => (each.column && identity?.includes(each.column.name) ? identified(each) : each));
  const columns = fields.flatMap(({ column }) => (column ? [column] : []));
  const time = eventTime(fields);
  return {
    name,
    profile,
    fields,
    columns,
    ...(identity && { identity }),
    ...(time && { time }),
    ...firstView(fields, identity ?? [], time),
    notes: profile.notes,
  };
}

/** A column of the identity is required. A text gets room for the ids that the generator makes. */
function identified({ column, ...planned }: PlannedField): PlannedField {
  const { longest } = planned.field.texts;
  const room =
    column!.type === 'varchar' ? { maxBytes: Math.max(column!.maxBytes, bytesFor(longest / 2 + roomForNewIds)) } : {};
  const why = column!.required ? planned.why : `${planned.why}; required, since the identity names it`;
  return { ...planned, column: { ...column!, ...room, required: true } as Column, why };
}

type TimeColumn = NonNullable<NewPipeline['time']>;
const isTime = (column: Column | undefined): column is TimeColumn =>
  column?.type === 'timestamp' || column?.type === 'timestamptz';

/** The time that most likely is the event's: by its name, and by how many records have it. */
function eventTime(fields: readonly PlannedField[]): TimeColumn | undefined {
  const scored = fields
    .filter(({ column }) => isTime(column))
    .map(({ field, column }) => ({
      column: column as TimeColumn,
      score: eventTimeScore(field.name) + (column!.required ? 1 : 0) - (field.depth - 1) * 0.5,
      present: field.present,
    }))
    .sort((one, other) => other.score - one.score || other.present - one.present);
  return scored[0]?.column;
}

const amounts = /(^|_)(amount|price|total|revenue|cost|value|fee|tax|sum|paid|sales|subtotal)(_|$)/;
const kindsOfEvents = /(^|_)(type|kind|event|action|status|state|category|channel|country|method|name|level)$/;

function firstView(
  fields: readonly PlannedField[],
  identity: readonly string[],
  time: TimeColumn | undefined,
): Pick<NewPipeline, 'dimension' | 'measure'> {
  const free = fields.filter(({ column }) => column && column !== time && !identity.includes(column.name));
  const groups = free
    .filter(({ column, values, personal }) => column!.type === 'varchar' && values !== undefined && !personal)
    .sort((one, other) => score(other) - score(one));
  const dimension = groups[0]?.column;
  const sums = free.filter(({ column }) => column!.type === 'decimal' && amounts.test(column!.name));
  const measure = sums[0]?.column;
  return { ...(dimension && { dimension }), ...(measure && { measure }) };
}

const score = ({ column, field }: PlannedField) =>
  (kindsOfEvents.test(column!.name) ? 2 : 0) + (column!.required ? 1 : 0) - field.depth * 0.1;

/** The pipeline as its files will declare it. */
export function pipelineOf(plan: NewPipeline, views: Pipeline['views']): Pipeline {
  return {
    name: plan.name,
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 24 },
    identity: plan.identity ? { by: 'columns', columns: plan.identity } : { by: 'stream-position' },
    columns: plan.columns,
    refreshEveryMinutes: 1,
    views,
    exports: [],
  };
}

export const shownPath = shown;
