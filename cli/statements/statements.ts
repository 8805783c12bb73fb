import { readPack, type Step } from 'redshift-conformance';
import { environments } from '../../environments';
import { environmentDeclaration } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import { placeholdersOf, renderAll } from '../../lambda/shared/statement';
import { streamName } from '../../lib/shared/names';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import {
  endpointsPlan,
  environmentObject,
  exportPlan,
  loadPlan,
  ownerObject,
  reconcilePlan,
  refreshPlan,
  registryObject,
  retryPreview,
  retryStatements,
  userObjects,
  warehouseObjects,
} from '../../sql';

/** A statement and its source. `.ci/check_sql.py` reads one as JSON per line. */
interface Statement {
  readonly from: string;
  readonly sql: string;
}

/** Matches texts that are statements. All other texts of a plan are names, types, globs and parts of statements. */
const statement =
  /^\s*(select|with|insert|update|delete|merge|create|alter|drop|truncate|lock|grant|revoke|copy|unload|refresh|set|analyze)\s/i;

/** Returns every statement in a value that was compiled for a function or an object. */
function statementsIn(value: unknown): string[] {
  if (typeof value === 'string') return statement.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(statementsIn);
}

/** Leaves out the exports that Materialize runs: they have its own dialect. */
const onRedshift = (pipeline: Pipeline): Pipeline => ({
  ...pipeline,
  exports: pipeline.exports.filter(({ engine }) => engine !== 'materialize'),
});

function compiled(environment: Environment): Statement[] {
  const { database } = environment;
  const declared = pipelines.map(onRedshift);
  const from = (part: string, value: unknown) =>
    statementsIn(value).map((sql) => ({ from: `${environment.name} ${part}`, sql: filled(sql) }));
  return [
    ...from('owner', ownerObject(database)),
    ...from('registry', registryObject()),
    ...from('declaration', environmentObject(environment.name, environmentDeclaration(environment, pipelines))),
    ...declared.flatMap((pipeline) => [
      ...warehouseObjects(pipeline, {
        streamName: streamName(environment, pipeline.name),
        streamRoleArn: 'arn:aws:iam::111122223333:role/stream',
        database,
      }).flatMap((object) => from(`${pipeline.name} object ${object.id}`, object.properties)),
      ...userObjects(pipeline, { database, secretArn: (purpose) => purpose }, []).flatMap((object) =>
        from(`${pipeline.name} object ${object.id}`, object.properties),
      ),
      ...from(`${pipeline.name} refresh`, refreshPlan(pipeline)),
      ...from(`${pipeline.name} load`, loadPlan(pipeline)),
      ...from(`${pipeline.name} reconcile`, pipeline.history ? reconcilePlan(pipeline) : undefined),
      ...from(`${pipeline.name} export`, pipeline.exports.length > 0 ? exportPlan(pipeline) : undefined),
      ...endpointsPlan([pipeline]).flatMap(({ name, statements }) =>
        from(`${pipeline.name} endpoint ${name}`, statements),
      ),
      ...from(`${pipeline.name} retry`, [
        retryStatements(pipeline),
        retryStatements(pipeline, undefined, 'raised'),
        retryPreview(pipeline),
      ]),
    ]),
  ];
}

/** Fills each placeholder with a value. */
function filled(template: string): string {
  const values = Object.fromEntries([...placeholdersOf(template)].map((name) => [name, 'x']));
  return renderAll([template], values)[0]!;
}

/** Returns the statements of the conformance cases, without those that must be syntax errors. */
function conformance(): Statement[] {
  const sqlOf = (step: Step) => (step.kind === 'sql' && !/syntax/i.test(step.error ?? '') ? [step.sql].flat() : []);
  return readPack().flatMap(({ name: topic, cases }) =>
    cases.flatMap(({ name, given, steps }) =>
      [...given, ...steps].flatMap(sqlOf).map((sql) => ({
        from: `packages/redshift-conformance/pack/${topic}.yaml: ${name}`,
        sql: sql.replace(/\{(\w+)\}/g, 'c_$1'),
      })),
    ),
  );
}

for (const each of [...environments.flatMap(compiled), ...conformance()]) console.log(JSON.stringify(each));
