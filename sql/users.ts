import type { Step } from '../lambda/shared/plan';
import type { Pipeline } from '../pipelines/definition';
import { endpointViews, sampleStatements } from './endpoints/plan';
import { exportPlan } from './exports/plan';
import { loadPlan } from './history/load';
import { reconcilePlan } from './history/reconcile';
import { keepsCase } from './objects/keeps-case';
import { type ObjectGroup, object, single, step, type WarehouseObject } from './objects/object';
import { type ResolvedPipeline, resolvePipeline } from './resolve';
import { identifier, quoteIdentifier } from './text/identifier';
import { relationReferences } from './views/relations';

/** Functions that need not own what they use. Each has a database user of its own in each pipeline. */
export const userPurposes = ['load', 'reconcile', 'export', 'endpoint'] as const;
export type UserPurpose = (typeof userPurposes)[number];

/** The database user of a pipeline's function. */
export const functionUser = ({ name }: Pick<Pipeline, 'name'>, purpose: UserPurpose) => `millrace_${purpose}_${name}`;

/** The purposes that the pipeline has functions for. */
export const purposesOf = ({
  history,
  exports,
  endpoints = [],
}: Pick<Pipeline, 'history' | 'exports' | 'endpoints'>): UserPurpose[] => [
  'load',
  ...(history ? (['reconcile'] as const) : []),
  ...(exports.length > 0 ? (['export'] as const) : []),
  ...(endpoints.length > 0 ? (['endpoint'] as const) : []),
];

/** Construct id of the custom resource of the users. */
export const usersGroup = 'Users';

export interface UserTokens {
  readonly database: string;
  /** ARN of the secret with the user's password. */
  readonly secretArn: (purpose: UserPurpose) => string;
  /** True if the warehouse exists already, and its parameters are its owner's. @default false */
  readonly isExisting?: boolean;
}

/**
 * The database users of a pipeline's functions, with the privileges that the functions' statements need. The admin creates them, after all other
 * objects of the pipeline. Placeholder of the statements: `user_password`.
 *
 * A privilege that is no longer needed stays until its relation is dropped: the old functions still need it while a deployment runs.
 */
export function userObjects(definition: Pipeline, tokens: UserTokens, after: readonly string[]): WarehouseObject[] {
  const pipeline = resolvePipeline(definition);
  const group: ObjectGroup = { id: usersGroup, name: `${pipeline.name}.users` };
  return purposesOf(definition).map((purpose): WarehouseObject => {
    const made = userObject(pipeline, purpose, tokens);
    return {
      ...made,
      properties: {
        ...made.properties,
        pipeline: pipeline.name,
        secretArn: tokens.secretArn(purpose),
        proof: JSON.stringify(proof(pipeline, purpose)),
        ...(purpose === 'endpoint' ? { trial: JSON.stringify(trial(definition)) } : {}),
      },
      dependsOn: after,
      group,
    };
  });
}

function userObject(pipeline: ResolvedPipeline, purpose: UserPurpose, tokens: UserTokens): WarehouseObject {
  const { database, isExisting } = tokens;
  const user = functionUser(pipeline, purpose);
  const schema = identifier(pipeline.name);
  // Endpoints only select.
  const hasTemp = purpose !== 'endpoint';
  const temp = `temp on database ${quoteIdentifier(database)}`;
  return object(`${purpose.charAt(0).toUpperCase()}${purpose.slice(1)}User`, user, 'user', {
    create: [
      single('create', `create user ${user} password {{user_password}}`),
      // For a user that exists: the secret may have another password since.
      single('password', `alter user ${user} password {{user_password}}`),
      ...(isExisting ? [single('case', keepsCase(user))] : []),
      step('grant', [
        // Temporary tables are allowed to everyone by default, which an administrator may have changed.
        ...(hasTemp ? [`grant ${temp} to ${user}`] : []),
        `grant usage on schema ${schema} to ${user}`,
        ...grantStatements(pipeline, purpose, user),
      ]),
    ],
    delete: [
      step('drop', [
        `revoke all on all tables in schema ${schema} from ${user}`,
        `revoke usage on schema ${schema} from ${user}`,
        ...(hasTemp ? [`revoke ${temp} from ${user}`] : []),
        `drop user ${user}`,
      ]),
    ],
    identity: 'admin',
    retain: false,
  });
}

/** The locks that the function's transactions begin with. They change nothing. */
function proof(pipeline: ResolvedPipeline, purpose: UserPurpose): Step[] {
  if (purpose === 'endpoint') return [];
  const locks = textsOf(planOf(pipeline.definition, purpose)).filter((text) => /^lock \S+$/.test(text));
  return [step('proof', [...new Set(locks)])];
}

/** Explains every statement of the endpoints, with a sample in place of each parameter. A step is named after the endpoint's file. */
const trial = (definition: Pipeline): Step[] =>
  (definition.endpoints ?? []).map((endpoint) =>
    step(
      endpoint.file,
      sampleStatements(definition, endpoint).map((sql) => `explain ${sql}`),
    ),
  );

const privileges = ['select', 'insert', 'update', 'delete'] as const;
type Privilege = (typeof privileges)[number];

/**
 * What a statement needs on the relation that follows its words. LOCK is not among the commands whose privileges the guide lists; PostgreSQL, which
 * Redshift comes from, asks for UPDATE or DELETE. An UPDATE or DELETE reads its table in its conditions.
 */
const needs: readonly (readonly [RegExp, readonly Privilege[]])[] = [
  [/\b(?:insert into|copy)\s+$/, ['insert']],
  [/\bdelete from\s+$/, ['select', 'delete']],
  [/\bupdate\s+$/, ['select', 'update']],
  [/\block\s+$/, ['update', 'delete']],
];

/** The privileges that the function's statements need, by relation. */
export function neededPrivileges(
  pipeline: ResolvedPipeline,
  purpose: UserPurpose,
): ReadonlyMap<string, readonly Privilege[]> {
  // A literal of an endpoint's query may hold the name of any relation, and its reader may select from views alone.
  if (purpose === 'endpoint') return new Map(endpointViews(pipeline.definition).map((view) => [view, ['select']]));
  const needed = new Map<string, Set<Privilege>>();
  const add = (relation: string, wanted: readonly Privilege[]) =>
    needed.set(relation, new Set([...(needed.get(relation) ?? []), ...wanted]));
  const text = textsOf(planOf(pipeline.definition, purpose)).join(';\n');
  for (const relation of relationsOf(pipeline))
    for (const { index } of text.matchAll(new RegExp(`(?<![\\w."])${escaped(relation)}(?![\\w"])`, 'g'))) {
      const before = text.slice(Math.max(0, index - 20), index);
      add(relation, needs.find(([words]) => words.test(before))?.[1] ?? ['select']);
    }
  // A user's query may spell a name differently.
  if (purpose === 'export')
    for (const { schema, name } of pipeline.definition.exports
      .filter(({ engine }) => engine !== 'materialize')
      .flatMap(({ query }) => relationReferences(query)))
      if (schema !== undefined) add(`${identifier(schema)}.${identifier(name)}`, ['select']);
  return new Map(
    [...needed]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([relation, found]) => [relation, privileges.filter((privilege) => found.has(privilege))]),
  );
}

/** One statement for all relations with the same privileges. */
function grantStatements(pipeline: ResolvedPipeline, purpose: UserPurpose, user: string): string[] {
  const relations = new Map<string, string[]>();
  for (const [relation, granted] of neededPrivileges(pipeline, purpose))
    relations.set(granted.join(', '), [...(relations.get(granted.join(', ')) ?? []), relation]);
  return [...relations].map(([granted, names]) => `grant ${granted} on ${names.join(', ')} to ${user}`);
}

/** Every relation of a pipeline that a function may name. */
const relationsOf = ({ tables, publicTables, views }: ResolvedPipeline): Set<string> =>
  new Set([
    ...Object.values(tables),
    ...Object.values(publicTables),
    ...views.flatMap(({ publicName, physicalName }) => [publicName, physicalName]),
  ]);

function planOf(definition: Pipeline, purpose: Exclude<UserPurpose, 'endpoint'>): unknown {
  if (purpose === 'load') return loadPlan(definition);
  return purpose === 'reconcile' ? reconcilePlan(definition) : exportPlan(definition);
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
