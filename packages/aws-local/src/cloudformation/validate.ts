import type { ResourceTwin } from 'aws-local-kit';
import type { Assembly, Stack, TemplateResource } from './assembly';
import {
  attributeReference,
  intrinsicOf,
  isModelled,
  pseudoParameters,
  subArguments,
  substitutions,
} from './intrinsics';
import { isCustomType } from './values';

const sections = [
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Mappings',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Rules',
];
const resourceAttributes = [
  'Condition',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'Properties',
  'Type',
  'UpdateReplacePolicy',
];
/** `Snapshot` is for resources that support snapshots. There are none here: a local cluster is deleted without one. */
const policies = {
  DeletionPolicy: ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'],
  UpdateReplacePolicy: ['Delete', 'Retain', 'Snapshot'],
} as const satisfies Record<string, readonly string[]>;
const parameterTypes = ['String', 'Number', 'AWS::SSM::Parameter::Value<String>'];
/** CDK's check that the account is bootstrapped. Locally no bootstrapping is needed. */
const ignoredRule = 'CheckBootstrapVersion';

/**
 * Finds everything in the templates that the local runtime does not model or CloudFormation would refuse.
 * @returns all problems at once
 */
export function validateAssembly(assembly: Assembly, twins: ReadonlyMap<string, ResourceTwin>): string[] {
  const exported = new Set<string>();
  const outputs = new Set<string>();
  return assembly.stacks.flatMap((stack) => {
    const problems = new StackValidation(stack, twins, exported, outputs).run();
    for (const [name, { Export }] of Object.entries(stack.template.Outputs ?? {})) {
      outputs.add(`${stack.name}.${name}`);
      if (typeof Export?.Name === 'string') exported.add(Export.Name);
    }
    return problems;
  });
}

class StackValidation {
  private readonly problems: string[] = [];
  private readonly resources: Readonly<Record<string, TemplateResource>>;

  constructor(
    private readonly stack: Stack,
    private readonly twins: ReadonlyMap<string, ResourceTwin>,
    private readonly exported: ReadonlySet<string>,
    /** `<stack>.<output>` of earlier stacks. */
    private readonly outputs: ReadonlySet<string>,
  ) {
    this.resources = stack.template.Resources ?? {};
  }

  run(): string[] {
    const { template } = this.stack;
    for (const section of Object.keys(template))
      if (!sections.includes(section)) this.report('template', `section ${section} is not modelled`);
    for (const rule of Object.keys(template.Rules ?? {}))
      if (rule !== ignoredRule) this.report(`Rules.${rule}`, 'rules are not modelled');
    for (const [name, { Type, Default }] of Object.entries(template.Parameters ?? {})) {
      if (!parameterTypes.includes(Type)) this.report(`Parameters.${name}`, `type ${Type} is not modelled`);
      if (Default === undefined)
        this.report(`Parameters.${name}`, 'has no default, and the local runtime passes no parameters');
    }
    for (const [name, condition] of Object.entries(template.Conditions ?? {}))
      this.walk(condition, `Conditions.${name}`);
    for (const [id, resource] of Object.entries(this.resources)) this.checkResource(id, resource);
    for (const [name, output] of Object.entries(template.Outputs ?? {})) this.walk(output.Value, `Outputs.${name}`);
    const cycle = findCycle(this.resources);
    if (cycle) this.report('Resources', `circular dependency: ${cycle.join(' -> ')}`);
    return this.problems;
  }

  private checkResource(id: string, resource: TemplateResource): void {
    const where = `${id} (${resource.Type})`;
    for (const attribute of Object.keys(resource)) {
      if (!resourceAttributes.includes(attribute))
        this.report(where, `resource attribute ${attribute} is not modelled`);
    }
    const properties = resource.Properties ?? {};
    const twin = this.twins.get(resource.Type);
    if (isCustomType(resource.Type)) {
      if (properties['ServiceToken'] === undefined) this.report(where, 'has no ServiceToken');
      if (JSON.stringify(properties).includes('{{resolve:'))
        this.report(where, 'dynamic references in a custom resource are not modelled');
    } else if (!twin) this.report(where, 'resource type is not modelled');
    else {
      for (const name of Object.keys(properties))
        if (!twin.properties.includes(name)) this.report(where, `property ${name} is not modelled`);
    }
    for (const policy of ['DeletionPolicy', 'UpdateReplacePolicy'] as const) {
      const value = resource[policy];
      if (value !== undefined && !(policies[policy] as readonly string[]).includes(value))
        this.report(where, `${policy} must be ${policies[policy].join(' or ')}, got ${value}`);
    }
    for (const dependency of dependsOn(resource))
      if (!(dependency in this.resources)) this.report(where, `DependsOn names ${dependency}, which is no resource`);
    if (resource.Condition && !(resource.Condition in (this.stack.template.Conditions ?? {})))
      this.report(where, `condition ${resource.Condition} does not exist`);
    this.walk(properties, where);
  }

  private walk(value: unknown, where: string): void {
    if (typeof value === 'string') this.checkText(value, where);
    if (typeof value !== 'object' || value === null) return;
    const intrinsic = intrinsicOf(value);
    if (intrinsic) this.checkIntrinsic(intrinsic.name, intrinsic.argument, where);
    for (const [name, member] of Object.entries(value))
      this.walk(member, Array.isArray(value) || intrinsic ? where : `${where}.${name}`);
  }

  private checkText(text: string, where: string): void {
    for (const [, service] of text.matchAll(/\{\{resolve:([^:}]*)/g)) {
      if (service !== 'secretsmanager') this.report(where, `dynamic reference to ${service} is not modelled`);
    }
  }

  private checkIntrinsic(name: string, argument: unknown, where: string): void {
    if (!isModelled(name)) this.report(where, `intrinsic function ${name} is not modelled`);
    else if (name === 'Ref') this.checkRef(String(argument), where);
    else if (name === 'Fn::GetAtt') this.checkAttribute(...attributeReference(argument), where);
    else if (name === 'Fn::Sub') this.checkSub(argument, where);
    else if (name === 'Fn::ImportValue') this.checkImport(argument, where);
    else if (name === 'Fn::GetStackOutput') this.checkStackOutput(argument, where);
    else if (name === 'Condition') this.checkCondition(String(argument), where);
    else if (name === 'Fn::If' && Array.isArray(argument)) this.checkCondition(String(argument[0]), where);
    else if (name === 'Fn::FindInMap' && Array.isArray(argument) && typeof argument[0] === 'string') {
      if (!(argument[0] in (this.stack.template.Mappings ?? {})))
        this.report(where, `mapping ${argument[0]} does not exist`);
    }
  }

  private checkRef(name: string, where: string): void {
    if (pseudoParameters.includes(name) || name in this.resources || name in (this.stack.template.Parameters ?? {}))
      return;
    this.report(
      where,
      name.startsWith('AWS::')
        ? `pseudo parameter ${name} is not modelled`
        : `Ref names ${name}, which is neither resource nor parameter`,
    );
  }

  private checkAttribute(logicalId: string, attribute: string, where: string): void {
    const resource = this.resources[logicalId];
    if (!resource) {
      this.report(where, `Fn::GetAtt names ${logicalId}, which is no resource`);
      return;
    }
    const twin = this.twins.get(resource.Type);
    if (twin?.attributes && !twin.attributes.includes(attribute))
      this.report(where, `attribute ${attribute} of ${logicalId} (${resource.Type}) is not modelled`);
  }

  private checkSub(argument: unknown, where: string): void {
    const { template, variables } = subArguments(argument);
    for (const name of substitutions(template)) {
      if (name in variables) continue;
      if (name.includes('.')) this.checkAttribute(...attributeReference(name), where);
      else this.checkRef(name, where);
    }
  }

  private checkImport(argument: unknown, where: string): void {
    if (typeof argument === 'string' && !this.exported.has(argument))
      this.report(where, `Fn::ImportValue names ${argument}, which no earlier stack exports`);
  }

  private checkStackOutput(argument: unknown, where: string): void {
    const { StackName, OutputName } = (argument ?? {}) as Record<string, unknown>;
    if (
      typeof StackName !== 'string' ||
      typeof OutputName !== 'string' ||
      this.outputs.has(`${StackName}.${OutputName}`)
    )
      return;
    this.report(where, `Fn::GetStackOutput names ${StackName}.${OutputName}, which no earlier stack puts out`);
  }

  private checkCondition(name: string, where: string): void {
    if (!(name in (this.stack.template.Conditions ?? {}))) this.report(where, `condition ${name} does not exist`);
  }

  private report(where: string, message: string): void {
    this.problems.push(`${this.stack.displayName}: ${where}: ${message}`);
  }
}

export function dependsOn({ DependsOn }: TemplateResource): readonly string[] {
  if (DependsOn === undefined) return [];
  return typeof DependsOn === 'string' ? [DependsOn] : DependsOn;
}

/** Logical ids of the resources that must exist before this one can be created. */
export function dependenciesOf(
  resource: TemplateResource,
  resources: Readonly<Record<string, TemplateResource>>,
): Set<string> {
  const found = new Set(dependsOn(resource));
  const add = (name: string) => {
    if (name in resources) found.add(name);
  };
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    const intrinsic = intrinsicOf(value);
    if (intrinsic?.name === 'Ref') add(String(intrinsic.argument));
    if (intrinsic?.name === 'Fn::GetAtt') add(attributeReference(intrinsic.argument)[0]);
    if (intrinsic?.name === 'Fn::Sub')
      for (const name of substitutions(subArguments(intrinsic.argument).template)) add(name.split('.')[0]!);
    for (const member of Object.values(value)) visit(member);
  };
  visit(resource.Properties);
  return found;
}

function findCycle(resources: Readonly<Record<string, TemplateResource>>): string[] | undefined {
  const done = new Set<string>();
  const visit = (id: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    if (done.has(id) || !resources[id]) return undefined;
    for (const dependency of dependenciesOf(resources[id], resources)) {
      const cycle = visit(dependency, [...path, id]);
      if (cycle) return cycle;
    }
    done.add(id);
    return undefined;
  };
  for (const id of Object.keys(resources)) {
    const cycle = visit(id, []);
    if (cycle) return cycle;
  }
  return undefined;
}
