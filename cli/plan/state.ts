import { environmentDeclaration, keepsData } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import type { Step } from '../../lambda/shared/plan';
import type { Row } from '../../lambda/shared/warehouse';
import type {
  FillColumn,
  OnRemoval,
  RebuildSpec,
  ViewChecks,
  WarehouseGroupProperties,
  WarehouseObjectKind,
} from '../../lambda/warehouse-object/contract';
import { parseObject, type Texts } from '../../lambda/warehouse-object/properties';
import { streamName } from '../../lib/shared/names';
import type { Pipeline } from '../../pipelines/definition';
import { environmentObject, ownerObject, registryObject, type WarehouseObject, warehouseObjects } from '../../sql';
import { recomputeReasons } from '../../sql/views/incremental';

/** A column as the catalog spells its type; `add` is the ALTER that adds it. */
export interface ColumnState {
  readonly name: string;
  readonly type: string;
  readonly add?: string;
}

/** One warehouse object, as it is deployed or as the tree has it. */
export interface ObjectState {
  readonly name: string;
  readonly kind: WarehouseObjectKind;
  readonly version: string;
  /** Version of the identity, for an identity table. */
  readonly identityVersion?: string;
  readonly pipeline?: string;
  readonly identity: 'admin' | 'owner';
  readonly onRemoval?: OnRemoval;
  /** Undefined if its statements are not available. */
  readonly create?: readonly Step[];
  readonly remove?: readonly Step[];
  readonly columns?: readonly ColumnState[];
  readonly declaration?: unknown;
  /** Columns that are filled for the past. */
  readonly filled?: readonly FillColumn[];
  /** Transaction that fills a batch of the table. Not recorded. */
  readonly batch?: readonly string[];
  /** How the table of events is filled from one of another identity. Not recorded. */
  readonly rebuild?: RebuildSpec;
  /** Checks that a new version of a view must pass. Not recorded. */
  readonly checks?: ViewChecks;
  /** Why a view is recomputed at every refresh. Not recorded. */
  readonly recompute?: Recompute;
  /** Query whose row is a reason not to replace a landing view. Not recorded. */
  readonly unread?: string;
}

/** A view that Redshift may recompute at every refresh. */
export interface Recompute {
  /** `pipelines/estore/views/ranks.sql`. */
  readonly file: string;
  readonly everyMinutes: number;
  readonly reasons: readonly { readonly line: number; readonly phrase: string }[];
}

/** Builds the state from the properties of a custom resource. Throws an error that names the invalid property. */
export function stateOf(properties: unknown, texts: Texts = {}): ObjectState {
  const { delete: remove, fill, incomplete, ...object } = parseObject(properties, texts, 'leave out');
  if (incomplete)
    return {
      ...object,
      ...withoutMissing({ create: object.create, remove }),
      ...(fill && { filled: fill.columns, batch: fill.batch }),
    };
  return { ...object, remove, ...(fill && { filled: fill.columns, batch: fill.batch }) };
}

/** Returns the steps, or undefined if some of their statements are not available. */
function withoutMissing({ create, remove }: { create: readonly Step[]; remove: readonly Step[] }) {
  const whole = (steps: readonly Step[]) =>
    steps.some(({ statements }) => statements.length === 0) ? undefined : steps;
  return { create: whole(create), remove: whole(remove) };
}

/**
 * Returns the states of a custom resource: one object, or the members of a group. The users of functions are left out: their privileges follow from
 * the statements, and no data depends on them.
 */
export function statesOf(properties: unknown, texts: Texts = {}): ObjectState[] {
  const { kind, order = [], members = {}, onRemoval } = (properties ?? {}) as Partial<WarehouseGroupProperties>;
  return kind === 'group'
    ? order.filter((id) => members[id]?.kind !== 'user').map((id) => stateOf({ onRemoval, ...members[id] }, texts))
    : [stateOf(properties, texts)];
}

/** Name of the stream's role if its ARN is not known. */
export const unknownRole = '<ARN of the stream role>';

/** Returns every object that the tree declares in an environment, in the order of creation. */
export function treeStates(environment: Environment, pipelines: readonly Pipeline[]): ObjectState[] {
  const { database } = environment;
  const state = ({ properties }: WarehouseObject, keep: boolean) =>
    stateOf({ ...properties, onRemoval: keep ? 'keep' : 'drop' });
  const ofPipeline = (pipeline: Pipeline) =>
    warehouseObjects(pipeline, {
      streamName: streamName(environment, pipeline.name),
      streamRoleArn: unknownRole,
      database,
    }).map((object) => ({
      ...state(object, object.retain && keepsData(environment, pipeline.name)),
      ...recomputeOf(pipeline, object),
    }));
  return [
    ...[ownerObject(database), registryObject()].map((object) => state(object, environment.retainData)),
    state(environmentObject(environment.name, environmentDeclaration(environment, pipelines)), false),
    ...pipelines.flatMap(ofPipeline),
  ];
}

function recomputeOf(pipeline: Pipeline, { properties }: WarehouseObject): { recompute?: Recompute } {
  const { kind, name, version, checks } = stateOf(properties);
  const view = pipeline.views.find((each) => baseName({ name, version }) === `${pipeline.name}.${each.name}`);
  if (kind !== 'materialized-view' || !view || !checks?.recomputed) return {};
  const everyMinutes = pipeline.refreshEveryMinutes;
  return { recompute: { file: view.file, everyMinutes, reasons: recomputeReasons(view.query) } };
}

/** Returns the name without its version: `estore.landing`, `estore.hourly_views`, `estore.events`. */
export const baseName = ({
  name,
  version,
  identityVersion = version,
}: Pick<ObjectState, 'name' | 'version' | 'identityVersion'>) =>
  name.endsWith(`_${identityVersion}`) ? name.slice(0, -identityVersion.length - 1) : name;

const labels: Partial<Record<WarehouseObjectKind, string>> = {
  'materialized-view': 'view',
  'public-view': 'view',
  'landing-view': 'landing view',
  'external-schema': 'external schema',
  owner: 'database user',
};

/** Returns the label for a person. A view and its public name share one: `view estore.hourly_views`. */
export const labelOf = (state: ObjectState) => `${labels[state.kind] ?? state.kind} ${baseName(state)}`;

/** Returns the statements of the steps, in order. */
export const statementsOf = (steps: readonly Step[] | undefined) =>
  steps?.flatMap(({ statements }) => statements) ?? [];

/** Formats a recorded column as `svv_columns` shows it. */
export function catalogRow({ name, type }: ColumnState): Row {
  const [, plain = type, first, second] = /^([a-z ]+?)(?:\((\d+)(?:,(\d+))?\))?$/.exec(type) ?? [];
  const numeric = plain === 'numeric';
  return {
    column_name: name,
    data_type: plain,
    character_maximum_length: !numeric && first !== undefined ? Number(first) : null,
    numeric_precision: numeric && first !== undefined ? Number(first) : null,
    numeric_scale: numeric && second !== undefined ? Number(second) : null,
  };
}

/** Returns the name of a pipeline's landing view. */
export const landingOf = (states: readonly ObjectState[], pipeline: string): string | undefined =>
  states.find((state) => state.kind === 'landing-view' && state.pipeline === pipeline)?.name;
