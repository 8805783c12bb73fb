import { oneOf, type Properties, type ResourceTwin, requiredText } from 'aws-local-kit';
import type { Warehouses } from './warehouses';

/** Stores the admin passwords that Redshift manages. */
export interface ManagedSecrets {
  /** Creates a secret. A secret that exists under the name keeps its value. */
  createManagedSecret(name: string, value: string, kmsKey?: string): { readonly arn: string; readonly value: string };
  /** Adds members to the JSON of a secret. @returns its ARN */
  complete(secretId: string, members: Readonly<Record<string, unknown>>): string;
}

/**
 * Adds to a secret how its user can log in, as Secrets Manager does for an attached secret (its guide, "JSON structure
 * of AWS Secrets Manager secrets").
 */
export function attachmentTwin(
  warehouses: Warehouses,
  secrets: ManagedSecrets,
  /** Returns a namespace's database, or undefined if the namespace does not exist. */
  databaseOf: (namespace: string) => string | undefined,
): ResourceTwin {
  const connection = (type: string, id: string, where: string) => {
    if (type === 'AWS::Redshift::Cluster') {
      const cluster = warehouses.defined('cluster').find(({ target }) => target.name === id);
      if (cluster)
        return { dbClusterIdentifier: id, dbname: cluster.database, host: `${id}.local`, port: cluster.port };
    } else {
      const dbname = databaseOf(id) ?? warehouses.defined('workgroup').find(({ storage }) => storage === id)?.database;
      if (dbname !== undefined) return { namespaceName: id, dbname };
    }
    throw new Error(`${where}.TargetId names no ${type} of this deployment: ${id}`);
  };
  return {
    type: 'AWS::SecretsManager::SecretTargetAttachment',
    properties: ['SecretId', 'TargetId', 'TargetType'],
    attributes: ['Id'],
    replacedBy: ['SecretId'],
    delete: () => undefined,
    create(properties: Properties, context) {
      const where = `AWS::SecretsManager::SecretTargetAttachment ${context.logicalId}`;
      const types = ['AWS::Redshift::Cluster', 'AWS::RedshiftServerless::Namespace'];
      const type = oneOf(properties['TargetType'], types, `${where}.TargetType`);
      const id = requiredText(properties['TargetId'], `${where}.TargetId`);
      const secretId = requiredText(properties['SecretId'], `${where}.SecretId`);
      const arn = secrets.complete(secretId, { engine: 'redshift', ...connection(String(type), id, where) });
      return { ref: arn, attributes: { Id: arn } };
    },
  };
}
