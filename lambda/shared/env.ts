/** The environment variables of a function, declared once for its construct and its handler. */
export interface Env<Name extends string> {
  readonly names: readonly Name[];
  /** For the construct. A forgotten or unknown name does not compile. */
  of(values: Record<Name, string>): Record<Name, string>;
  /** For the handler. The error names every missing variable. */
  read(from?: NodeJS.ProcessEnv): Record<Name, string>;
}

export function defineEnv<const Name extends string>(...names: Name[]): Env<Name> {
  return {
    names,
    of: (values) => values,
    read(from = process.env) {
      const missing = names.filter((name) => !from[name]);
      if (missing.length > 0) throw new Error(`missing environment variables: ${missing.join(', ')}`);
      return Object.fromEntries(names.map((name) => [name, from[name]])) as Record<Name, string>;
    },
  };
}

/** A variable that only some functions of a kind have. */
export const optionalVariable = <const Name extends string>(name: Name) => ({
  /** For the construct. */
  of: (value: string | undefined): Partial<Record<Name, string>> =>
    value === undefined ? {} : ({ [name]: value } as Partial<Record<Name, string>>),
  /** For the handler. Undefined if the function does not have it. */
  read: (from: NodeJS.ProcessEnv = process.env): string | undefined => from[name] || undefined,
});

/** ARN of the secret from which the keys of marks are derived: see forget-keys.ts. Only functions of pipelines with `subject` have it. */
export const forgetSecret = optionalVariable('FORGET_SECRET_ARN');

/**
 * Variables of every function that runs statements for a pipeline. WAREHOUSE_KIND is `provisioned` or `serverless`, WAREHOUSE_NAME the cluster
 * identifier or the workgroup name.
 */
export const pipelineVariables = [
  'ENVIRONMENT',
  'PIPELINE',
  'WAREHOUSE_KIND',
  'WAREHOUSE_NAME',
  'DATABASE',
  'SECRET_ARN',
] as const;
