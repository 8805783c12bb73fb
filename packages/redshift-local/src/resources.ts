import { createHash, randomBytes } from 'node:crypto';
import {
  booleanOf,
  integerOf,
  listOf,
  NotModelledError,
  objectOf,
  oneOf,
  type Properties,
  type ResourceContext,
  type ResourceState,
  type ResourceTwin,
  requiredText,
  textOf,
} from 'aws-local-kit';
import { attachmentTwin, type ManagedSecrets } from './secret-attachment';
import type { WarehouseDefinition, Warehouses } from './warehouses';

export interface TwinOptions {
  readonly account: string;
  readonly region: string;
  readonly secrets: ManagedSecrets;
  /** Twin of AWS::Redshift::ScheduledAction. */
  readonly scheduledAction: ResourceTwin;
}

/** Cluster parameters that the local warehouse accepts. */
const knownParameters = [
  'enable_case_sensitive_identifier',
  'require_ssl',
  'enable_user_activity_logging',
  'enable_case_sensitive_super_attribute',
];

interface Namespace {
  readonly name: string;
  readonly database: string;
  readonly roleArns: readonly string[];
  readonly admin: { readonly name: string; password(): string };
}

/** The CloudFormation resources that a warehouse needs: AWS::Redshift::* and AWS::RedshiftServerless::*. */
export function warehouseTwins(warehouses: Warehouses, options: TwinOptions): ResourceTwin[] {
  const parameterGroups = new Map<string, ReadonlyMap<string, string>>();
  const namespaces = new Map<string, Namespace>();
  return [
    parameterGroupTwin(parameterGroups),
    subnetGroupTwin,
    clusterTwin(warehouses, options, parameterGroups),
    options.scheduledAction,
    namespaceTwin(warehouses, options, namespaces),
    workgroupTwin(warehouses, options, namespaces),
    attachmentTwin(warehouses, options.secrets, (namespace) => namespaces.get(namespace)?.database),
  ];
}

function parameterGroupTwin(groups: Map<string, ReadonlyMap<string, string>>): ResourceTwin {
  return {
    type: 'AWS::Redshift::ClusterParameterGroup',
    properties: ['Description', 'ParameterGroupFamily', 'ParameterGroupName', 'Parameters', 'Tags'],
    create(properties: Properties, context) {
      const where = `AWS::Redshift::ClusterParameterGroup ${context.logicalId}`;
      oneOf(properties['ParameterGroupFamily'], ['redshift-1.0', 'redshift-2.0'], `${where}.ParameterGroupFamily`);
      const name =
        textOf(properties['ParameterGroupName'], `${where}.ParameterGroupName`) ?? context.generatedName.toLowerCase();
      groups.set(
        name,
        parametersOf(properties['Parameters'], ['ParameterName', 'ParameterValue'], `${where}.Parameters`),
      );
      return { ref: name, attributes: {} };
    },
    replacedBy: ['Description', 'ParameterGroupFamily', 'ParameterGroupName'],
    delete: ({ ref }) => void groups.delete(ref),
  };
}

function parametersOf(
  value: unknown,
  [nameKey, valueKey]: [string, string],
  where: string,
): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [index, item] of listOf(value, where).entries()) {
    const parameter = objectOf(item, [nameKey, valueKey], `${where}[${index}]`) ?? {};
    const name = requiredText(parameter[nameKey], `${where}[${index}].${nameKey}`);
    if (!knownParameters.includes(name)) throw new NotModelledError(`${where}: parameter ${name}`);
    parameters.set(name, requiredText(parameter[valueKey], `${where}[${index}].${valueKey}`));
  }
  return parameters;
}

const caseSensitive = (parameters: ReadonlyMap<string, string> | undefined) =>
  parameters?.get('enable_case_sensitive_identifier') === 'true';

const subnetGroupTwin: ResourceTwin = {
  type: 'AWS::Redshift::ClusterSubnetGroup',
  properties: ['Description', 'SubnetIds', 'Tags'],
  create: (_: Properties, context) => ({
    ref: context.generatedName.toLowerCase(),
    attributes: { ClusterSubnetGroupName: context.generatedName.toLowerCase() },
  }),
  delete: () => undefined,
};

/** Cluster properties that have no effect on a laptop. */
const inertClusterProperties = [
  'AllowVersionUpgrade',
  'AutomatedSnapshotRetentionPeriod',
  'AvailabilityZone',
  'AvailabilityZoneRelocation',
  'ClusterSubnetGroupName',
  'ClusterType',
  'Encrypted',
  'EnhancedVpcRouting',
  'KmsKeyId',
  'LoggingProperties',
  'MaintenanceTrackName',
  'ManualSnapshotRetentionPeriod',
  'MultiAZ',
  'NodeType',
  'NumberOfNodes',
  'PreferredMaintenanceWindow',
  'PubliclyAccessible',
  'Tags',
  'VpcSecurityGroupIds',
];

function clusterTwin(
  warehouses: Warehouses,
  options: TwinOptions,
  groups: ReadonlyMap<string, ReadonlyMap<string, string>>,
): ResourceTwin {
  return {
    type: 'AWS::Redshift::Cluster',
    properties: [
      ...inertClusterProperties,
      'ClusterIdentifier',
      'ClusterParameterGroupName',
      'DBName',
      'IamRoles',
      'ManageMasterPassword',
      'MasterPasswordSecretKmsKeyId',
      'MasterUserPassword',
      'MasterUsername',
      'Port',
    ],
    attributes: ['Endpoint.Address', 'Endpoint.Port', 'MasterPasswordSecretArn', 'ClusterNamespaceArn', 'Id'],
    replacedBy: ['ClusterIdentifier', 'ClusterSubnetGroupName', 'DBName', 'MasterUsername'],
    delete: ({ ref }) => warehouses.delete('cluster', ref),
    async create(properties: Properties, context): Promise<ResourceState> {
      const where = `AWS::Redshift::Cluster ${context.logicalId}`;
      const identifier = (
        textOf(properties['ClusterIdentifier'], `${where}.ClusterIdentifier`) ?? context.generatedName
      ).toLowerCase();
      const group = textOf(properties['ClusterParameterGroupName'], `${where}.ClusterParameterGroupName`);
      if (group !== undefined && !groups.has(group))
        throw new Error(`${where}.ClusterParameterGroupName names no parameter group of this deployment: ${group}`);
      const namespaceId = stableUuid(`${context.account}/${identifier}`);
      const port = integerOf(properties['Port'], `${where}.Port`, 1150, 65535) ?? 5439;
      const admin = adminOf(properties, {
        where,
        options,
        user: 'MasterUsername',
        password: 'MasterUserPassword',
        managed: 'ManageMasterPassword',
        kmsKey: 'MasterPasswordSecretKmsKeyId',
        secretName: `redshift!${identifier}-${textOf(properties['MasterUsername'], where) ?? ''}`,
      });
      await bring(warehouses, where, {
        target: { kind: 'cluster', name: identifier, arn: warehouses.arnOf('cluster', identifier) },
        userScope: identifier,
        storage: identifier,
        database: requiredText(properties['DBName'], `${where}.DBName`),
        roleArns: rolesOf(properties['IamRoles'], where),
        caseSensitiveIdentifiers: caseSensitive(group === undefined ? undefined : groups.get(group)),
        nodeType: textOf(properties['NodeType'], `${where}.NodeType`),
        port,
        admin,
      });
      return {
        ref: identifier,
        attributes: {
          Id: identifier,
          'Endpoint.Address': `${identifier}.local`,
          'Endpoint.Port': String(port),
          ClusterNamespaceArn: `arn:aws:redshift:${context.region}:${context.account}:namespace:${namespaceId}`,
          MasterPasswordSecretArn: admin.secretArn,
        },
      };
    },
  };
}

/** Creates the warehouse, or updates it if it is open. */
async function bring(warehouses: Warehouses, where: string, definition: WarehouseDefinition): Promise<void> {
  const { kind, name } = definition.target;
  if (warehouses.find(kind, name)) warehouses.update(definition, where);
  else await warehouses.create(definition);
}

const rolesOf = (value: unknown, where: string): string[] =>
  listOf(value, `${where}.IamRoles`).map((role, index) => requiredText(role, `${where}.IamRoles[${index}]`));

interface AdminProperties {
  readonly where: string;
  readonly options: TwinOptions;
  readonly user: string;
  readonly password: string;
  readonly managed: string;
  readonly kmsKey: string;
  readonly secretName: string;
}

/** Returns the administrator. The password is either given, or generated and stored in Secrets Manager. */
function adminOf(
  properties: Properties,
  names: AdminProperties,
): { name: string; password(): string; secretArn?: string } {
  const { where, options } = names;
  const name = requiredText(properties[names.user], `${where}.${names.user}`);
  const given = textOf(properties[names.password], `${where}.${names.password}`);
  const managed = booleanOf(properties[names.managed], `${where}.${names.managed}`) ?? false;
  if (managed === (given !== undefined))
    throw new Error(`${where} must have exactly one of ${names.password} and ${names.managed}`);
  if (given !== undefined) return { name, password: () => given };
  const kmsKey = textOf(properties[names.kmsKey], `${where}.${names.kmsKey}`);
  const value = JSON.stringify({ username: name, password: `Aa1${randomBytes(21).toString('base64url')}` });
  const secret = options.secrets.createManagedSecret(names.secretName, value, kmsKey);
  return { name, password: () => (JSON.parse(secret.value) as { password: string }).password, secretArn: secret.arn };
}

function namespaceTwin(warehouses: Warehouses, options: TwinOptions, namespaces: Map<string, Namespace>): ResourceTwin {
  return {
    type: 'AWS::RedshiftServerless::Namespace',
    properties: [
      'AdminPasswordSecretKmsKeyId',
      'AdminUserPassword',
      'AdminUsername',
      'DbName',
      'DefaultIamRoleArn',
      'FinalSnapshotName',
      'FinalSnapshotRetentionPeriod',
      'IamRoles',
      'KmsKeyId',
      'LogExports',
      'ManageAdminPassword',
      'NamespaceName',
      'Tags',
    ],
    attributes: [
      'Namespace.NamespaceArn',
      'Namespace.NamespaceId',
      'Namespace.NamespaceName',
      'Namespace.DbName',
      'Namespace.AdminUsername',
    ],
    replacedBy: ['NamespaceName'],
    delete: ({ ref }) => void namespaces.delete(ref),
    create(properties: Properties, context: ResourceContext): ResourceState {
      const where = `AWS::RedshiftServerless::Namespace ${context.logicalId}`;
      const name = requiredText(properties['NamespaceName'], `${where}.NamespaceName`);
      const database = textOf(properties['DbName'], `${where}.DbName`) ?? 'dev';
      const admin = adminOf(properties, {
        where,
        options,
        user: 'AdminUsername',
        password: 'AdminUserPassword',
        managed: 'ManageAdminPassword',
        kmsKey: 'AdminPasswordSecretKmsKeyId',
        secretName: `redshift!${name}-${textOf(properties['AdminUsername'], where) ?? ''}`,
      });
      const roleArns = rolesOf(properties['IamRoles'], where);
      namespaces.set(name, { name, database, roleArns, admin });
      warehouses.attachRoles(name, roleArns);
      const id = stableUuid(`${context.account}/namespace/${name}`);
      return {
        ref: name,
        attributes: {
          'Namespace.NamespaceArn': `arn:aws:redshift-serverless:${context.region}:${context.account}:namespace/${id}`,
          'Namespace.NamespaceId': id,
          'Namespace.NamespaceName': name,
          'Namespace.DbName': database,
          'Namespace.AdminUsername': admin.name,
        },
      };
    },
  };
}

function workgroupTwin(
  warehouses: Warehouses,
  options: TwinOptions,
  namespaces: ReadonlyMap<string, Namespace>,
): ResourceTwin {
  return {
    type: 'AWS::RedshiftServerless::Workgroup',
    properties: [
      'BaseCapacity',
      'ConfigParameters',
      'EnhancedVpcRouting',
      'MaxCapacity',
      'NamespaceName',
      'Port',
      'PubliclyAccessible',
      'SecurityGroupIds',
      'SubnetIds',
      'Tags',
      'TrackName',
      'WorkgroupName',
    ],
    attributes: [
      'Workgroup.WorkgroupArn',
      'Workgroup.WorkgroupId',
      'Workgroup.WorkgroupName',
      'Workgroup.Endpoint.Address',
      'Workgroup.Endpoint.Port',
    ],
    replacedBy: ['NamespaceName', 'WorkgroupName'],
    delete: ({ ref }) => warehouses.delete('workgroup', ref),
    async create(properties: Properties, context): Promise<ResourceState> {
      const where = `AWS::RedshiftServerless::Workgroup ${context.logicalId}`;
      const name = requiredText(properties['WorkgroupName'], `${where}.WorkgroupName`);
      const namespace = namespaces.get(requiredText(properties['NamespaceName'], `${where}.NamespaceName`));
      if (!namespace)
        throw new Error(`${where}.NamespaceName names no namespace of this deployment: ${properties['NamespaceName']}`);
      const id = stableUuid(`${context.account}/workgroup/${name}`);
      const arn = `arn:aws:redshift-serverless:${context.region}:${context.account}:workgroup/${id}`;
      const parameters = parametersOf(
        properties['ConfigParameters'],
        ['ParameterKey', 'ParameterValue'],
        `${where}.ConfigParameters`,
      );
      await bring(warehouses, where, {
        target: { kind: 'workgroup', name, arn },
        baseCapacity: integerOf(properties['BaseCapacity'], `${where}.BaseCapacity`, 4, 1024) ?? 128,
        userScope: `serverless-${options.account}-${id}`,
        storage: namespace.name,
        database: namespace.database,
        roleArns: namespace.roleArns,
        caseSensitiveIdentifiers: caseSensitive(parameters),
        admin: namespace.admin,
      });
      return {
        ref: name,
        attributes: {
          'Workgroup.WorkgroupArn': arn,
          'Workgroup.WorkgroupId': id,
          'Workgroup.WorkgroupName': name,
          'Workgroup.Endpoint.Address': `${name}.local`,
          'Workgroup.Endpoint.Port': integerOf(properties['Port'], `${where}.Port`, 1150, 65535) ?? 5439,
        },
      };
    },
  };
}

function stableUuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
