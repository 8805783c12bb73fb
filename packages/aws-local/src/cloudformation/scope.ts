import type { ResourceState } from 'aws-local-kit';
import type { Stack } from './assembly';
import { resolve, type Scope } from './intrinsics';

export interface ScopeOptions {
  readonly account: string;
  readonly region: string;
  /** State of a resource. Undefined if it does not exist yet. */
  readonly resource: (logicalId: string) => ResourceState | undefined;
  /** Value of an export. */
  readonly exported: (name: string) => unknown;
  /** The value of an output. */
  readonly output: (stackName: string, outputName: string) => unknown;
}

/** Scope of one template's intrinsic functions. */
export function scopeOf({ name: stackName, template }: Stack, options: ScopeOptions): Scope {
  const known = (id: string): ResourceState => {
    const state = options.resource(id);
    if (!state) throw new Error(`${id} is needed but was not created`);
    return state;
  };
  const scope: Scope = {
    stackName,
    account: options.account,
    region: options.region,
    parameter: (name) => template.Parameters?.[name]?.Default,
    mapping: (map, top, second) => {
      const value = template.Mappings?.[map]?.[top]?.[second];
      if (value === undefined) throw new Error(`mapping ${map} has no ${top}.${second}`);
      return value;
    },
    condition: (name) => resolve(template.Conditions?.[name], scope) === true,
    ref: (id) => known(id).ref,
    attribute: (id, attribute) => {
      const { attributes } = known(id);
      if (!(attribute in attributes))
        throw new Error(`attribute ${attribute} of ${id} (${template.Resources[id]!.Type}) is not modelled`);
      return attributes[attribute];
    },
    importValue: (name) => {
      const value = options.exported(name);
      if (value === undefined) throw new Error(`no stack exports ${name}`);
      return value;
    },
    stackOutput: (other, outputName) => {
      const value = options.output(other, outputName);
      if (value === undefined) throw new Error(`stack ${other} has no output ${outputName}`);
      return value;
    },
  };
  return scope;
}
