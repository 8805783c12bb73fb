import { createHash } from 'node:crypto';
import { asArray, asJson, asNumber, asOneOf, asRecord, asText } from '../shared/parse';
import type { Step, StepMode } from '../shared/plan';
import {
  type BatchSearch,
  type ColumnSpec,
  type FillSpec,
  type OnRemoval,
  objectKinds,
  onRemovals,
  type RebuildSpec,
  type ViewChecks,
  type WarehouseObjectKind,
  type WarehouseObjectPlan,
  type WarehouseObjectProperties,
} from './contract';

export interface WarehouseObject {
  readonly name: string;
  readonly kind: WarehouseObjectKind;
  readonly version: string;
  readonly identity: 'admin' | 'owner';
  readonly create: readonly Step[];
  readonly delete: readonly Step[];
  readonly columns?: readonly ColumnSpec[];
  readonly fill?: FillSpec;
  readonly rebuild?: RebuildSpec;
  readonly books?: string;
  readonly pipeline?: string;
  readonly onRemoval?: OnRemoval;
  /** JSON. */
  readonly declaration?: unknown;
  readonly checks?: ViewChecks;
  readonly unread?: string;
  readonly events?: string;
  /** Statements of it are not at hand, and left out. @default - it has all of them */
  readonly incomplete?: boolean;
}

export interface ObjectRequest {
  readonly type: 'Create' | 'Update' | 'Delete';
  /** The same for onEvent and every isComplete of one operation. */
  readonly requestId: string;
  readonly object: WarehouseObject;
  /** Of Update: the name of the object that was there before; another one where this is a replacement. */
  readonly previous?: string;
  /** Of Update: what ids were made of before, as `RebuildSpec` has it. @default - not told, or no table of events */
  readonly previousParts?: unknown;
  /** Short, and the same for all requests of one stack. */
  readonly stack: string;
  /** The custom resource: its stack and its logical id. */
  readonly resource: string;
}

const modes = ['single', 'transaction', 'auto-commit'] as const satisfies readonly StepMode[];

/** What CloudFormation asks about one resource, which is one object or the members of a group. */
export interface ResourceRequest {
  readonly type: ObjectRequest['type'];
  /** The physical id that the resource has, or is to have. */
  readonly physicalId: string;
  /** In the order in which they are to be carried out. */
  readonly requests: readonly ObjectRequest[];
}

/** The request of CDK's provider framework. Throws an error that names the property at fault. */
export function parseRequest(event: unknown, texts: Texts = {}): ResourceRequest {
  const request = asRecord(event, 'event');
  const type = asOneOf(request.RequestType, ['Create', 'Update', 'Delete'], 'RequestType');
  const properties = asRecord(request.ResourceProperties, 'ResourceProperties');
  const parts = partsOf(properties, request.OldResourceProperties);
  const stackId = String(request.StackId ?? '');
  const stack = createHash('sha256').update(stackId).digest('hex').slice(0, 8);
  const common = {
    type,
    requestId: asText(request.RequestId, 'RequestId'),
    stack,
    // A stack that is created again has its name and another id.
    resource: `${stackId.split('/')[1] ?? ''}/${request.LogicalResourceId ?? ''}`,
  };
  const requests = parts.map(({ now, old }) => ({
    ...common,
    object: parseObject(now, texts, type === 'Delete' ? 'leave out' : 'refuse'),
    previous: previousName(old),
    previousParts: previousParts(old),
  }));
  const given =
    request.PhysicalResourceId === undefined ? undefined : asText(request.PhysicalResourceId, 'PhysicalResourceId');
  return {
    type,
    physicalId: type === 'Delete' && given !== undefined ? given : physicalIdOfProperties(properties),
    requests: type === 'Delete' ? requests.reverse() : requests,
  };
}

/** The physical id that a resource with these properties gets. */
export function physicalIdOfProperties(properties: unknown): string {
  const record = asRecord(properties, 'ResourceProperties');
  return record.kind === 'group' ? asText(record.name, 'name') : physicalIdOf(parseObject(record, {}, 'leave out'));
}

/** The properties of each object, and those that the same object had before. */
function partsOf(properties: Record<string, unknown>, old: unknown): { now: unknown; old: unknown }[] {
  if (properties.kind !== 'group') return [{ now: properties, old }];
  const before = asRecord(asRecord(old ?? {}, 'OldResourceProperties').members ?? {}, 'OldResourceProperties.members');
  const members = asRecord(properties.members, 'members');
  const { onRemoval } = properties;
  return asArray(properties.order, 'order').map((given, i) => {
    const id = asText(given, `order[${i}]`);
    const member = asRecord(members[id], `members.${id}`);
    return { now: onRemoval === undefined ? member : { ...member, onRemoval }, old: before[id] };
  });
}

/** Whatever an earlier edition of Millrace made of the other properties. */
function previousName(properties: unknown): string | undefined {
  if (properties === undefined || properties === null) return undefined;
  const { name } = asRecord(properties, 'OldResourceProperties');
  return typeof name === 'string' ? name : undefined;
}

function previousParts(properties: unknown): unknown {
  const { rebuild } = asRecord(properties ?? {}, 'OldResourceProperties');
  return rebuild === undefined ? undefined : asRecord(asJson(rebuild, 'rebuild'), 'rebuild').parts;
}

export type Texts = WarehouseObjectPlan['texts'];

/**
 * The properties of one object. Throws an error that names the property at fault.
 * @param texts the long lists of statements
 * @param missing what becomes of a list that is not among them: the object is then `incomplete`, and the step has no statements
 */
export function parseObject(
  given: unknown,
  texts: Texts = {},
  missing: 'refuse' | 'leave out' = 'refuse',
): WarehouseObject {
  let incomplete = false;
  const resolve: Resolve = (value, field) => {
    if (Array.isArray(value)) return value;
    const { sha256 } = asRecord(value, field);
    const list = texts[asText(sha256, `${field}.sha256`)];
    if (list) return list;
    if (missing === 'refuse')
      throw new Error(
        `${field} refers to the statements ${sha256}, which this version of the function does not carry: deploy again`,
      );
    incomplete = true;
    return [];
  };
  const object = objectOf(given, resolve);
  return incomplete ? { ...object, incomplete } : object;
}

/** The list of statements that a value of a property is, or that it refers to. */
type Resolve = (value: unknown, field: string) => readonly unknown[];

function objectOf(given: unknown, resolve: Resolve): WarehouseObject {
  const properties = asRecord(given, 'ResourceProperties') as Partial<Record<keyof WarehouseObjectProperties, unknown>>;
  const { columns, fill, rebuild, books, pipeline, onRemoval, declaration, checks, unread, events } = properties;
  return {
    name: asText(properties.name, 'name'),
    kind: asOneOf(properties.kind, objectKinds, 'kind'),
    version: String(properties.version ?? asText(properties.version, 'version')),
    identity: asOneOf(properties.identity, ['admin', 'owner'], 'identity'),
    create: parseSteps(properties.create, 'create', resolve),
    delete: parseSteps(properties.delete, 'delete', resolve),
    columns: columns === undefined ? undefined : parseColumns(columns),
    fill: fill === undefined || fill === '' ? undefined : parseFill(fill, resolve),
    rebuild: rebuild === undefined ? undefined : parseRebuild(rebuild, resolve),
    books: books === undefined ? undefined : asText(books, 'books'),
    pipeline: pipeline === undefined ? undefined : asText(pipeline, 'pipeline'),
    onRemoval: onRemoval === undefined ? undefined : asOneOf(onRemoval, onRemovals, 'onRemoval'),
    declaration: declaration === undefined ? undefined : asJson(declaration, 'declaration'),
    checks: checks === undefined ? undefined : parseChecks(checks, resolve),
    unread: unread === undefined ? undefined : asText(unread, 'unread'),
    events: events === undefined ? undefined : asText(events, 'events'),
  };
}

function parseChecks(text: unknown, resolve: Resolve): ViewChecks {
  const checks = asRecord(asJson(text, 'checks'), 'checks');
  const share = (field: 'mayShrink' | 'mayGrow') => {
    const value = checks[field];
    if (typeof value !== 'number' || !(value >= 0))
      throw new Error(`checks.${field} must be a number from 0, got ${JSON.stringify(value)}`);
    return value;
  };
  return {
    recomputed: checks.recomputed === true,
    mayShrink: share('mayShrink'),
    mayGrow: share('mayGrow'),
    reads: asArray(checks.reads, 'checks.reads').map((name, i) => asText(name, `checks.reads[${i}]`)),
    // An earlier edition of Millrace had none.
    upToDate: checks.upToDate === undefined ? [] : asSteps(checks.upToDate, 'checks.upToDate', resolve),
    runs: asText(checks.runs, 'checks.runs'),
    rejects: asText(checks.rejects, 'checks.rejects'),
  };
}

const parseSteps = (text: unknown, field: string, resolve: Resolve): Step[] =>
  asSteps(asJson(text, field), field, resolve);

/** JSON text of steps, as `parseObject` reads it where no list is left out of it. */
export const stepsOf = (text: string, field: string) => parseSteps(text, field, (value, at) => asArray(value, at));

function asSteps(given: unknown, field: string, resolve: Resolve): Step[] {
  return asArray(given, field).map((value, i) => {
    const step = asRecord(value, `${field}[${i}]`);
    return {
      name: asText(step.name, `${field}[${i}].name`),
      mode: asOneOf(step.mode, modes, `${field}[${i}].mode`),
      statements: resolve(step.statements, `${field}[${i}].statements`).map((sql, j) =>
        asText(sql, `${field}[${i}].statements[${j}]`),
      ),
    };
  });
}

function parseColumns(text: unknown): ColumnSpec[] {
  return asArray(asJson(text, 'columns'), 'columns').map((value, i) => {
    const column = asRecord(value, `columns[${i}]`);
    return {
      name: asText(column.name, `columns[${i}].name`),
      type: asText(column.type, `columns[${i}].type`),
      add: asText(column.add, `columns[${i}].add`),
    };
  });
}

function parseFill(text: unknown, resolve: Resolve): FillSpec {
  const spec = asRecord(asJson(text, 'fill'), 'fill');
  return {
    table: asText(spec.table, 'fill.table'),
    columns: asArray(spec.columns, 'fill.columns').map((value, i) => {
      const column = asRecord(value, `fill.columns[${i}]`);
      const replaces =
        column.replaces === undefined ? undefined : asText(column.replaces, `fill.columns[${i}].replaces`);
      return {
        name: asText(column.name, `fill.columns[${i}].name`),
        stored: asText(column.stored, `fill.columns[${i}].stored`),
        ...(replaces === undefined ? {} : { replaces }),
        required: column.required === true,
        mayLose: column.mayLose === true,
      };
    }),
    progress: asText(spec.progress, 'fill.progress'),
    batch: resolve(spec.batch, 'fill.batch').map((sql, i) => asText(sql, `fill.batch[${i}]`)),
    ...parseSearch(spec.search, 'fill.search'),
  };
}

function parseRebuild(text: unknown, resolve: Resolve): RebuildSpec {
  const spec = asRecord(asJson(text, 'rebuild'), 'rebuild');
  return {
    table: asText(spec.table, 'rebuild.table'),
    landing: asText(spec.landing, 'rebuild.landing'),
    parts: spec.parts,
    mayReject: spec.mayReject === true,
    columns: asArray(spec.columns, 'rebuild.columns').map((value, i) => {
      const column = asRecord(value, `rebuild.columns[${i}]`);
      const text = (field: string) => asText(column[field], `rebuild.columns[${i}].${field}`);
      const replaces = column.replaces === undefined ? {} : { replaces: text('replaces') };
      return { name: text('name'), stored: text('stored'), type: text('type'), ...replaces };
    }),
    progress: asText(spec.progress, 'rebuild.progress'),
    batch: resolve(spec.batch, 'rebuild.batch').map((sql, i) => asText(sql, `rebuild.batch[${i}]`)),
    ...parseSearch(spec.search, 'rebuild.search'),
  };
}

function parseSearch(value: unknown, field: string): { search?: BatchSearch } {
  if (value === undefined) return {};
  const plan = asRecord(value, field);
  const text = (name: 'divide' | 'assign' | 'pieces' | 'probeTable') => asText(plan[name], `${field}.${name}`);
  const texts = (name: 'batchValues' | 'pieceValues') =>
    Object.fromEntries(
      Object.entries(asRecord(plan[name], `${field}.${name}`)).map(([key, item]) => [
        key,
        asText(item, `${field}.${name}.${key}`),
      ]),
    );
  return {
    search: {
      gather: asArray(plan.gather, `${field}.gather`).map((one, i) => asNumber(one, `${field}.gather[${i}]`)),
      reference: asArray(plan.reference, `${field}.reference`).map((one, i) =>
        typeof one === 'number' ? one : asText(one, `${field}.reference[${i}]`),
      ),
      divide: text('divide'),
      assign: text('assign'),
      pieces: text('pieces'),
      probe: asArray(plan.probe, `${field}.probe`).map((one, i) => asNumber(one, `${field}.probe[${i}]`)),
      probeTable: text('probeTable'),
      fanout: asNumber(plan.fanout, `${field}.fanout`),
      batchValues: texts('batchValues'),
      pieceValues: texts('pieceValues'),
    },
  };
}

const versioned: readonly WarehouseObjectKind[] = ['landing-view', 'materialized-view'];

/**
 * A versioned object's id holds its version, so that CloudFormation makes an edit a replacement: the new one is created, and the old one
 * deleted only when the whole deployment succeeded. The others are changed in place; for a public view that is what switches readers
 * to the new version, and what switches them back in a rollback.
 */
export const physicalIdOf = ({ name, kind, version }: WarehouseObject) =>
  versioned.includes(kind) ? `${name}@${version}` : name;
