import { oneOf, type Properties, type ResourceTwin, requiredText } from 'aws-local-kit';
import type { Warehouses } from './warehouses';

/** Where Redshift keeps an admin password that it manages itself. */
export interface ManagedSecrets {
  /** The first value given under a name stays. */
  createManagedSecret(name: string, value: string, kmsKey?: string): { readonly arn: string; readonly value: string };
  /** Puts members into the JSON of a secret. @returns its ARN */
  complete(secretId: string, members: Readonly<Record<string, unknown>>): string;
}

/** What Secrets Manager adds to a secret that is attached (its guide, "JSON structure of AWS Secrets Manager secrets"): where the user can log in. */
export function attachmentTwin(
  warehouses: Warehouses,
  secrets: ManagedSecrets,
  /** Of a namespace; undefined where there is none of the name. */
  databaseOf: (namespace: string) => string | undefined,
): ResourceTwin {
  const connection = (type: string, id: string, where: string) => {
    if (type === 'AWS::Redshift::Cluster') {
      const cluster = warehouses.defined('cluster').find(({ target }) => target.name === id);
      if (cluster)
        return { dbClusterIdentifier: id, dbname: cluster.database, host: `${id}.local`, port: cluster.port };
    } else {
      const dbname = databaseOf(id);
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
