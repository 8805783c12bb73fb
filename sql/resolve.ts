import type { Column, Identity, Pipeline, SourceFilter } from '../pipelines/definition';
import { redshiftType } from './tables/column-type';
import { storedName } from './tables/columns';
import { identityVersion } from './tables/identity';
import {
  landingName,
  landingTable,
  landingVersion,
  ofIdentity,
  ofLanding,
  pipelineTables,
  publicTables,
  streamSchema,
  type TableName,
} from './tables/names';
import { type ResolvedRetention, resolveRetention } from './tables/retention';
import { type TemporaryTables, temporaryTables } from './tables/temporary';
import { fillVersion, filterVersion, typingVersion } from './tables/versions';
import { identifier } from './text/identifier';
import { columnGroups } from './typing/column-groups';
import { identityExpression } from './typing/event-id';
import { type CompiledView, compileViews } from './views/compiled-views';

/** A column of a pipeline with its names and its type in SQL. */
export type ResolvedColumn = Column & {
  /** Its name in the table of events. */
  readonly stored: string;
  /** The stored column that a column with `fill` replaces. */
  readonly replaced?: string;
  /** As in DDL: `varchar(64)`. */
  readonly redshiftType: string;
  /** `name` and `stored` as SQL writes them: in double quotes where they need them. */
  readonly sql: { readonly name: string; readonly stored: string };
};

/** What makes two records of a pipeline the same event. */
interface ResolvedIdentity {
  readonly by: Identity['by'];
  /** The columns that make the id, in the order in which the pipeline declares them. Empty where the stream position makes it. */
  readonly columns: readonly ResolvedColumn[];
  /** The columns whose values are not part of the id. */
  readonly otherColumns: readonly ResolvedColumn[];
  readonly version: string;
  /** SQL for the id of a typed row. */
  readonly expression: string;
  /** Columns with a time that is part of the id, as SQL writes them. Events of equal ids have equal times. */
  readonly times: readonly { readonly name: string; readonly stored: string }[];
}

/** The landing view of a pipeline. */
interface ResolvedLanding {
  /** Schema-qualified: `estore.landing_1a2b3c4d`. */
  readonly name: string;
  /** Without the schema. */
  readonly table: string;
  readonly version: string;
  /** The external schema over the stream. */
  readonly streamSchema: string;
}

/** What statements need to know about a pipeline, computed once. Statement compilers take this in place of a `Pipeline`. */
export interface ResolvedPipeline {
  /** The pipeline as the user declared it. */
  readonly definition: Pipeline;
  readonly name: string;
  readonly columns: readonly ResolvedColumn[];
  /** The columns in groups of which each fits one typing statement. Nearly every pipeline has one group. */
  readonly columnGroups: readonly (readonly ResolvedColumn[])[];
  /** The columns that a deployment fills for existing events. */
  readonly filledColumns: readonly ResolvedColumn[];
  /** Selects the records of the pipeline. Undefined selects all. */
  readonly where?: readonly SourceFilter[];
  /** The version of `where`. */
  readonly filterVersion: string;
  readonly identity: ResolvedIdentity;
  readonly landing: ResolvedLanding;
  /** Schema-qualified names of the tables: `estore.events_1a2b3c4d`. */
  readonly tables: Readonly<Record<TableName, string>>;
  /** The names by which people, commands and exports read the tables: `estore.events`. */
  readonly publicTables: Readonly<Record<TableName, string>>;
  /** How long rows are kept. Undefined keeps all of them. */
  readonly retention?: ResolvedRetention;
  /** The columns whose values each are a person. Empty if the pipeline declares none. */
  readonly subject: readonly ResolvedColumn[];
  /** The temporary tables of a merge. */
  readonly temporary: TemporaryTables;
  /** SQL condition: the rows of `checkpoints` that belong to this identity. */
  readonly ofIdentity: string;
  /** SQL condition: the rows of `checkpoints` that belong to this identity and this landing view. */
  readonly ofLanding: string;
  /** Runs with equal typing versions write equal values into the table of events. */
  readonly typingVersion: string;
  /** The same over the filled columns alone. */
  readonly fillVersion: string;
  /** In the order in which they are created and refreshed. */
  readonly views: readonly CompiledView[];
}

/** Resolves a valid pipeline. Throws on a view that cannot be compiled and on an identity that names an unknown column. */
export function resolvePipeline(pipeline: Pipeline): ResolvedPipeline {
  const columns = pipeline.columns.map(resolveColumn);
  const retention = resolveRetention(pipeline);
  return {
    definition: pipeline,
    name: pipeline.name,
    columns,
    columnGroups: columnGroups(columns),
    filledColumns: columns.filter(({ fill }) => fill),
    ...(pipeline.where === undefined ? {} : { where: pipeline.where }),
    filterVersion: filterVersion(pipeline),
    ...(retention === undefined ? {} : { retention }),
    identity: resolveIdentity(pipeline, columns),
    landing: {
      name: landingName(pipeline),
      table: landingTable(pipeline),
      version: landingVersion(pipeline),
      streamSchema: streamSchema(pipeline),
    },
    tables: pipelineTables(pipeline),
    publicTables: publicTables(pipeline),
    subject: columns.filter(({ name }) => pipeline.subject?.includes(name)),
    temporary: temporaryTables(pipeline.name),
    ofIdentity: ofIdentity(pipeline),
    ofLanding: ofLanding(pipeline),
    typingVersion: typingVersion(pipeline),
    fillVersion: fillVersion(pipeline),
    views: compileViews(pipeline),
  };
}

function resolveColumn(column: Column): ResolvedColumn {
  const { name, replaces } = column;
  const stored = storedName(column);
  const replaced = replaces ?? (stored === name ? undefined : name);
  return {
    ...column,
    stored,
    ...(replaced === undefined ? {} : { replaced }),
    redshiftType: redshiftType(column),
    sql: { name: identifier(name), stored: identifier(stored) },
  };
}

function resolveIdentity({ identity, ...pipeline }: Pipeline, columns: readonly ResolvedColumn[]): ResolvedIdentity {
  const isPart = ({ name }: Column) => identity.by === 'columns' && identity.columns.includes(name);
  const parts = columns.filter(isPart);
  return {
    by: identity.by,
    columns: parts,
    otherColumns: columns.filter((column) => !isPart(column)),
    version: identityVersion({ identity, columns: pipeline.columns }),
    expression: identityExpression(identity, columns),
    times:
      identity.by === 'stream-position'
        ? [{ name: 'arrived_at', stored: 'arrived_at' }]
        : parts.filter(({ type }) => type === 'timestamp').map(({ sql }) => sql),
  };
}
