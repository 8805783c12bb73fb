import {
  booleanOf,
  integerOf,
  type JsonOperations,
  type JsonService,
  jsonService,
  NotModelledError,
  objectOf,
  oneOf,
  type PolicyDocument,
  pageAfter,
  type ResourceContext,
  type ResourceTwin,
  requiredText,
  textOf,
} from 'aws-local-kit';
import { parsePolicy } from '../iam/policy';
import { generateSecretString } from './generate';
import { type Secret, Secrets, type SecretsOptions } from './secrets';

export { Secrets, type SecretsOptions } from './secrets';

type Input = Readonly<Record<string, unknown>>;

/**
 * Secrets Manager: the port, the API for the gateway, and the twins of AWS::SecretsManager::Secret and ResourcePolicy.
 */
export function createSecrets(options: SecretsOptions): {
  port: Secrets;
  service: JsonService;
  resources: ResourceTwin[];
} {
  const port = new Secrets(options);
  return {
    port,
    service: jsonService('secretsmanager', 'json-1.1', 'secretsmanager', operations(port)),
    resources: [
      {
        type: 'AWS::SecretsManager::Secret',
        properties: ['Description', 'GenerateSecretString', 'KmsKeyId', 'Name', 'SecretString', 'Tags'],
        attributes: ['Id'],
        replacedBy: ['Name'],
        create: (properties, context) => createSecret(port, properties, context),
        update(properties, context, old) {
          if (JSON.stringify(properties.GenerateSecretString) !== JSON.stringify(old.GenerateSecretString))
            throw new NotModelledError(
              `a change of GenerateSecretString of ${context.logicalId}, which makes a new value,`,
            );
          return createSecret(port, properties, context);
        },
        delete: ({ ref }) => port.delete(ref),
      },
      {
        type: 'AWS::SecretsManager::ResourcePolicy',
        properties: ['BlockPublicPolicy', 'ResourcePolicy', 'SecretId'],
        attributes: ['Id'],
        create(properties: Input, context) {
          const where = `AWS::SecretsManager::ResourcePolicy ${context.logicalId}`;
          const policy = properties['ResourcePolicy'] as PolicyDocument;
          parsePolicy(policy, 'resource', `${where}.ResourcePolicy`);
          booleanOf(properties['BlockPublicPolicy'], `${where}.BlockPublicPolicy`);
          const secret = port.setPolicy(requiredText(properties['SecretId'], `${where}.SecretId`), policy);
          return { ref: secret.arn, attributes: { Id: secret.arn } };
        },
        replacedBy: ['SecretId'],
        delete: ({ ref }) => port.deletePolicy(ref),
      },
    ],
  };
}

function createSecret(secrets: Secrets, properties: Input, context: ResourceContext) {
  const where = `AWS::SecretsManager::Secret ${context.logicalId}`;
  const given = textOf(properties['SecretString'], `${where}.SecretString`);
  const generate = properties['GenerateSecretString'];
  if (given !== undefined && generate !== undefined)
    throw new Error(`${where} must have either SecretString or GenerateSecretString, not both`);
  const name = textOf(properties['Name'], `${where}.Name`) ?? context.generatedName;
  const rest = {
    description: textOf(properties['Description'], `${where}.Description`),
    kmsKey: textOf(properties['KmsKeyId'], `${where}.KmsKeyId`),
  };
  const secret =
    given === undefined
      ? secrets.ensure(name, () => generateSecretString(generate, `${where}.GenerateSecretString`), rest)
      : secrets.set(name, given, rest);
  return { ref: secret.arn, attributes: { Id: secret.arn } };
}

function operations(secrets: Secrets): JsonOperations {
  return {
    GetSecretValue(input: Input, principal) {
      objectOf(input, ['SecretId', 'VersionId', 'VersionStage'], 'request');
      const secret = secrets.readable(principal, requiredText(input['SecretId'], 'SecretId'));
      const version = input['VersionId'];
      if (version !== undefined && version !== secret.versionId)
        throw new NotModelledError(`VersionId ${version} of ${secret.name}`);
      const stage = input['VersionStage'];
      if (stage !== undefined && stage !== 'AWSCURRENT')
        throw new NotModelledError(`VersionStage ${stage} of ${secret.name}`);
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: secret.versionId,
        SecretString: secret.value,
        VersionStages: ['AWSCURRENT'],
        CreatedDate: secret.createdAt / 1000,
      };
    },
    PutSecretValue(input: Input, principal) {
      objectOf(input, ['ClientRequestToken', 'SecretId', 'SecretString'], 'request');
      const value = requiredText(input['SecretString'], 'SecretString');
      const secret = secrets.put(principal, requiredText(input['SecretId'], 'SecretId'), value);
      return { ARN: secret.arn, Name: secret.name, VersionId: secret.versionId, VersionStages: ['AWSCURRENT'] };
    },
    ListSecrets(input: Input, principal) {
      objectOf(input, ['MaxResults', 'NextToken', 'SortOrder', 'IncludePlannedDeletion'], 'ListSecrets');
      oneOf(input['SortOrder'], ['asc'], 'ListSecrets.SortOrder');
      secrets.options.authorizer.authorize({ principal, action: 'secretsmanager:ListSecrets', resource: '*' });
      const page = pageAfter(secrets.list(), ({ arn }) => arn, {
        size: integerOf(input['MaxResults'], 'MaxResults', 1, 100) ?? 100,
        token: textOf(input['NextToken'], 'NextToken'),
      });
      const listed = page.items.map((secret) => {
        const { VersionIdsToStages, ...rest } = description(secret);
        return { ...rest, SecretVersionsToStages: VersionIdsToStages };
      });
      return { SecretList: listed, NextToken: page.nextToken };
    },
    DescribeSecret(input: Input, principal) {
      objectOf(input, ['SecretId'], 'request');
      return description(secrets.describable(principal, requiredText(input['SecretId'], 'SecretId')));
    },
  };
}

function description(secret: Secret) {
  return {
    ARN: secret.arn,
    Name: secret.name,
    Description: secret.description,
    KmsKeyId: secret.kmsKey,
    OwningService: secret.owningService,
    RotationEnabled: false,
    CreatedDate: secret.createdAt / 1000,
    LastChangedDate: secret.createdAt / 1000,
    VersionIdsToStages: { [secret.versionId]: ['AWSCURRENT'] },
  };
}
