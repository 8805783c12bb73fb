import type { PolicyDocument } from 'aws-local-kit';

export const account = '555555555555';
export const region = 'eu-west-1';

type Json = Record<string, unknown>;

interface Resource {
  readonly Type: string;
  readonly Properties?: Json;
}

export interface CloudTemplate {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<
    Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: unknown } }>
  >;
}

/** A resource of a template, with all references resolved. */
export interface ResolvedResource {
  readonly id: string;
  readonly type: string;
  /** Logical id without its hash: `EstoreLoadHandlerRole`. */
  readonly name: string;
  readonly arn: string;
  readonly properties: Json;
}

export interface ResolvedRole {
  /** Logical id without its hash: `EstoreLoadHandlerRole`. */
  readonly name: string;
  readonly arn: string;
  /** First part of a session's `aws:userid`. */
  readonly id: string;
  readonly trust: PolicyDocument;
  readonly policies: readonly PolicyDocument[];
}

/** ARNs by resource type. The name of a resource is its logical id, unless the template names it. */
const arns: Readonly<Record<string, (name: string) => string>> = {
  'AWS::IAM::Role': (name) => `arn:aws:iam::${account}:role/${name}`,
  'AWS::S3::Bucket': (name) => `arn:aws:s3:::${name}`,
  'AWS::SQS::Queue': (name) => `arn:aws:sqs:${region}:${account}:${name}`,
  'AWS::SNS::Topic': (name) => `arn:aws:sns:${region}:${account}:${name}`,
  'AWS::Lambda::Function': (name) => `arn:aws:lambda:${region}:${account}:function:${name}`,
  'AWS::Logs::LogGroup': (name) => `arn:aws:logs:${region}:${account}:log-group:${name}:*`,
  'AWS::Kinesis::Stream': (name) => `arn:aws:kinesis:${region}:${account}:stream/${name}`,
  'AWS::KinesisFirehose::DeliveryStream': (name) => `arn:aws:firehose:${region}:${account}:deliverystream/${name}`,
  'AWS::KMS::Key': (name) => `arn:aws:kms:${region}:${account}:key/${name}`,
  'AWS::SecretsManager::Secret': (name) => `arn:aws:secretsmanager:${region}:${account}:secret:${name}`,
  'AWS::StepFunctions::StateMachine': (name) => `arn:aws:states:${region}:${account}:stateMachine:${name}`,
  'AWS::Redshift::Cluster': (name) => `arn:aws:redshift:${region}:${account}:cluster:${name}`,
  'AWS::Events::Rule': (name) => `arn:aws:events:${region}:${account}:rule/${name}`,
};

/** Types of resources whose `Ref` is their ARN. */
const named = new Set(['AWS::SecretsManager::Secret', 'AWS::SNS::Topic', 'AWS::StepFunctions::StateMachine']);

const nameProperties = ['Name', 'RoleName', 'BucketName', 'ClusterIdentifier', 'DeliveryStreamName'];
const roleId = (id: string) => `AROA${id.toUpperCase()}`;

/** The resources of templates that refer to each other, as a deployment would resolve them. */
export function resolveTemplates(templates: readonly CloudTemplate[]): ResolvedResource[] {
  const exported = new Map(
    templates.flatMap((template) =>
      Object.values(template.Outputs ?? {}).flatMap(({ Value, Export }) =>
        Export
          ? [[String(new Resolver(template).resolve(Export.Name)), new Resolver(template).resolve(Value)] as const]
          : [],
      ),
    ),
  );
  return templates.flatMap((template) => {
    const resolver = new Resolver(template, exported);
    return Object.entries(template.Resources).map(([id, { Type, Properties = {} }]) => ({
      id,
      type: Type,
      name: id.replace(/[0-9A-F]{8}$/, ''),
      arn: String(resolver.attribute(id, 'Arn')),
      properties: resolver.resolve(Properties) as Json,
    }));
  });
}

class Resolver {
  constructor(
    private readonly template: CloudTemplate,
    private readonly exported: ReadonlyMap<string, unknown> = new Map(),
  ) {}

  resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.resolve(item));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name, content] = entries[0] ?? [];
    if (entries.length !== 1 || (name !== 'Ref' && !name?.startsWith('Fn::')))
      return Object.fromEntries(entries.map(([key, item]) => [key, this.resolve(item)]));
    return this.intrinsic(name, content);
  }

  private intrinsic(name: string, content: unknown): unknown {
    switch (name) {
      case 'Ref':
        return this.reference(String(content));
      case 'Fn::GetAtt': {
        const [id, ...attribute] = typeof content === 'string' ? content.split('.') : (content as string[]);
        return this.attribute(id!, attribute.join('.'));
      }
      case 'Fn::Join': {
        const [separator, items] = content as [string, unknown[]];
        return (this.resolve(items) as unknown[]).join(separator);
      }
      case 'Fn::Select': {
        const [index, items] = content as [string, unknown];
        const list = this.resolve(items);
        return Array.isArray(list) ? list[Number(index)] : `${String(list)}-${index}`;
      }
      case 'Fn::Split': {
        const [separator, text] = content as [string, unknown];
        return String(this.resolve(text)).split(separator);
      }
      case 'Fn::ImportValue': {
        const key = String(this.resolve(content));
        if (!this.exported.has(key)) throw new Error(`no stack exports ${key}`);
        return this.exported.get(key);
      }
      default:
        return name;
    }
  }

  private reference(id: string): unknown {
    const pseudo: Record<string, string> = {
      'AWS::AccountId': account,
      'AWS::Region': region,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': 'stack',
    };
    const known = pseudo[id];
    if (known !== undefined) return known;
    return named.has(this.template.Resources[id]?.Type ?? '') ? this.attribute(id, 'Arn') : this.name(id);
  }

  attribute(id: string, attribute: string): unknown {
    const type = this.template.Resources[id]?.Type ?? '';
    if (attribute === 'RoleId') return roleId(id);
    if (attribute === 'Arn') return arns[type]?.(this.name(id)) ?? `arn:aws:${type}:${id}`;
    return attribute.endsWith('Arn') ? `arn:aws:${type}:${id}:${attribute}` : `${id}.${attribute}`;
  }

  private name(id: string): string {
    const properties = this.template.Resources[id]?.Properties ?? {};
    const given = nameProperties.map((property) => properties[property]).find((value) => typeof value === 'string');
    return (given as string | undefined) ?? id;
  }
}

/** The roles of resolved templates, each with all of its policies. */
export function rolesOf(resources: readonly ResolvedResource[]): ResolvedRole[] {
  const attached = resources.filter(({ type }) => type === 'AWS::IAM::Policy');
  return resources
    .filter(({ type }) => type === 'AWS::IAM::Role')

    .map(({ id, name, arn, properties }) => {
      const roleName = arn.slice(arn.lastIndexOf('/') + 1);
      const own = ((properties['Policies'] ?? []) as { PolicyDocument: PolicyDocument }[]).map(
        ({ PolicyDocument }) => PolicyDocument,
      );
      const others = attached
        .filter((policy) => (policy.properties['Roles'] as string[]).includes(roleName))
        .map((policy) => policy.properties['PolicyDocument'] as PolicyDocument);
      return {
        name,
        arn,
        id: roleId(id),
        trust: properties['AssumeRolePolicyDocument'] as PolicyDocument,
        policies: [...own, ...others],
      };
    });
}
