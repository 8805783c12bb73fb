import { existingWarehouse, warehouseKind } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import { warehouseName } from '../../lib/shared/names';
import { warehousePort } from '../../lib/warehouse/warehouse';
import { yamlText } from './yaml';

/** Name of dbt's project and of its profile. */
export const projectName = 'millrace';

const variable = (name: string, standard?: string) =>
  `{{ env_var('${name}'${standard === undefined ? '' : `, '${standard}'`}) }}`;

/**
 * The connections of the project, `profiles.yml`: `local` for the SQL prompt of `npm start`, with the variables of
 * `millrace endpoints`; the environment in AWS with IAM; and Materialize if the environment has it. No password is in it.
 */
export function profilesFile(environment: Environment, schema: string): string {
  return yamlText({
    [projectName]: {
      target: 'local',
      outputs: {
        local: {
          type: 'redshift',
          host: variable('PGHOST'),
          port: "{{ env_var('PGPORT') | int }}",
          user: variable('PGUSER'),
          password: variable('PGPASSWORD'),
          dbname: variable('PGDATABASE'),
          schema,
          threads: 2,
          // The prompt listens on 127.0.0.1 only.
          sslmode: 'disable',
        },
        [environment.name]: redshift(environment, schema),
        ...(environment.materialize ? { materialize: materialize(environment.materialize, schema) } : {}),
      },
    },
  });
}

function redshift(environment: Environment, schema: string) {
  const { database, region } = environment;
  const id = warehouseName(environment);
  return {
    type: 'redshift',
    // The database user is that of the role or the user whose credentials dbt finds.
    method: 'iam_role',
    ...(warehouseKind(environment) === 'serverless'
      ? { is_serverless: true, serverless_work_group: id }
      : { cluster_id: id }),
    host: variable('MILLRACE_WAREHOUSE_HOST'),
    port: existingWarehouse(environment) ? "{{ env_var('MILLRACE_WAREHOUSE_PORT', '5439') | int }}" : warehousePort,
    region: region ?? variable('AWS_REGION'),
    dbname: database,
    schema,
    threads: 4,
    ra3_node: true,
  };
}

function materialize(
  { host, port = 6875, database = 'materialize', user, cluster }: NonNullable<Environment['materialize']>,
  schema: string,
) {
  return {
    type: 'materialize',
    host,
    port,
    user,
    password: variable('MZ_PASSWORD'),
    dbname: database,
    cluster,
    schema,
    sslmode: 'require',
    threads: 1,
  };
}
