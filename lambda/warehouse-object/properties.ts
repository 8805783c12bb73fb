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

/** One object, parsed from `WarehouseObjectProperties`. */
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
  readonly identityVersion?: string;
  readonly pipeline?: string;
  readonly onRemoval?: OnRemoval;
  /** JSON. */
  readonly declaration?: unknown;
  readonly checks?: ViewChecks;
  readonly unread?: string;
  readonly events?: string;
  readonly secretArn?: string;
  readonly proof?: readonly Step[];
  readonly trial?: readonly Step[];
  /** Some of its statements are missing: an earlier version of the function carried them. @default - it has all of them */
  readonly incomplete?: boolean;
}

const modes = ['single', 'transaction', 'auto-commit'] as const satisfies readonly StepMode[];

export type Texts = WarehouseObjectPlan['texts'];

/**
 * The properties of one object. Throws an error that names the property at fault.
 * @param texts the statement lists that properties refer to
 * @param missing what to do about a list that is not among them. Left out, its step has no statements and the object is `incomplete`
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

/** The list of statements that a value is, or refers to. */
type Resolve = (value: unknown, field: string) => readonly unknown[];

function objectOf(given: unknown, resolve: Resolve): WarehouseObject {
  const properties = asRecord(given, 'ResourceProperties') as Partial<Record<keyof WarehouseObjectProperties, unknown>>;
  const {
    columns,
    fill,
    rebuild,
    identityVersion,
    pipeline,
    onRemoval,
    declaration,
    checks,
    unread,
    events,
    secretArn,
    proof,
    trial,
  } = properties;
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
    identityVersion: identityVersion === undefined ? undefined : asText(identityVersion, 'identityVersion'),
    pipeline: pipeline === undefined ? undefined : asText(pipeline, 'pipeline'),
    onRemoval: onRemoval === undefined ? undefined : asOneOf(onRemoval, onRemovals, 'onRemoval'),
    declaration: declaration === undefined ? undefined : asJson(declaration, 'declaration'),
    checks: checks === undefined ? undefined : parseChecks(checks, resolve),
    unread: unread === undefined ? undefined : asText(unread, 'unread'),
    events: events === undefined ? undefined : asText(events, 'events'),
    secretArn: secretArn === undefined ? undefined : asText(secretArn, 'secretArn'),
    proof: proof === undefined ? undefined : parseSteps(proof, 'proof', resolve),
    trial: trial === undefined ? undefined : parseSteps(trial, 'trial', resolve),
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
    // Missing in properties of an earlier edition of Millrace.
    upToDate: checks.upToDate === undefined ? [] : asSteps(checks.upToDate, 'checks.upToDate', resolve),
    runs: asText(checks.runs, 'checks.runs'),
    rejects: asText(checks.rejects, 'checks.rejects'),
  };
}

const parseSteps = (text: unknown, field: string, resolve: Resolve): Step[] =>
  asSteps(asJson(text, field), field, resolve);

/** Parses JSON text of steps that holds all its statements. */
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
      ...(step.unless === undefined ? {} : { unless: asText(step.unless, `${field}[${i}].unless`) }),
      ...(step.refusedIf === undefined ? {} : { refusedIf: asRefusal(step.refusedIf, `${field}[${i}].refusedIf`) }),
    };
  });
}

function asRefusal(given: unknown, field: string): NonNullable<Step['refusedIf']> {
  const { query, message } = asRecord(given, field);
  return { query: asText(query, `${field}.query`), message: asText(message, `${field}.message`) };
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
 * The id of a versioned object contains its version. For CloudFormation an edit is then a replacement: it creates the new version, and deletes the old one
 * only after the whole deployment succeeded. Other objects are updated in place. For a public view, the update switches readers to the new version,
 * and in a rollback back to the old one.
 */
export const physicalIdOf = ({ name, kind, version }: WarehouseObject) =>
  versioned.includes(kind) ? `${name}@${version}` : name;
