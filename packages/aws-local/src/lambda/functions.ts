import { createHash, randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import {
  AwsError,
  NotModelledError,
  type PolicyDocument,
  type Principal,
  type ResourceTwin,
  replaceFile,
} from 'aws-local-kit';
import type { Logs } from './logs';
import type { LambdaOptions } from './options';
import { createProcesses } from './processes';
import { type Asynchronous, createRunner, type FunctionRunner, type InvocationResult } from './runner';

/** Resource policies of functions, by function ARN. */
export type FunctionPolicies = Map<string, PolicyDocument & { Statement: unknown[] }>;

export interface LambdaFunction {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly principal: Principal;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly handler: string;
  readonly runtime: string;
  readonly logGroup: string;
  /** Environment variables from the template. */
  readonly variables: Readonly<Record<string, string>>;
  /** Most processes at the same time. */
  readonly concurrency: number;
  /** @default - the function reserves none */
  readonly reservedConcurrency?: number;
  readonly runner: FunctionRunner;
}

export interface Functions {
  readonly resources: readonly ResourceTwin[];
  find(arnOrName: string): LambdaFunction | undefined;
  list(): readonly LambdaFunction[];
  get(arnOrName: string): LambdaFunction;
  /** @param asynchronous see `FunctionRunner` */
  run(arnOrName: string, payload: unknown, asynchronous?: Asynchronous): Promise<InvocationResult>;
  /** @throws AwsError TooManyRequestsException if as many invocations run as the function reserves */
  throttle(arnOrName: string): void;
  release(): void;
  dispose(): Promise<void>;
}

interface FunctionProperties {
  readonly Architectures?: string[];
  readonly Code: { readonly S3Bucket?: string; readonly S3Key?: string; readonly ZipFile?: string };
  readonly Environment?: { readonly Variables?: Record<string, string> };
  readonly FunctionName?: string;
  readonly Handler: string;
  readonly LoggingConfig?: { readonly LogGroup?: string };
  readonly MemorySize?: number | string;
  readonly PackageType?: string;
  readonly ReservedConcurrentExecutions?: number | string;
  readonly Role: string;
  readonly Runtime: string;
  readonly Timeout?: number | string;
}

interface PermissionProperties {
  readonly Action: string;
  readonly FunctionName: string;
  readonly Principal: string;
  readonly SourceArn?: string;
  readonly SourceAccount?: string;
}

/** Concurrent processes of a function that reserves no concurrency. AWS would start up to 1,000. */
const defaultConcurrency = 2;

/**
 * AWS takes some seconds to update a function, in which most of its running invocations end. Only then does CloudFormation go on and delete what the old
 * code used. In real time.
 */
const updateMs = 3_000;

export function createFunctions(options: LambdaOptions, logs: Logs, policies: FunctionPolicies): Functions {
  const byArn = new Map<string, LambdaFunction>();
  const processes = createProcesses();
  /** Replaced or deleted functions that still have invocations. */
  const retired = new Set<LambdaFunction>();
  const arnOf = (name: string) =>
    name.startsWith('arn:') ? name : `arn:aws:lambda:${options.region}:${options.account}:function:${name}`;
  const find = (arnOrName: string) => byArn.get(arnOf(arnOrName));
  const get = (arnOrName: string) => {
    const found = find(arnOrName);
    if (!found) throw new AwsError('ResourceNotFoundException', `Function not found: ${arnOf(arnOrName)}`, 404);
    return found;
  };

  /** Retires a function: its running and waiting invocations finish with its code. Waits a while for them. */
  const retire = async (old: LambdaFunction | undefined) => {
    if (!old) return;
    retired.add(old);
    const rest = old.runner.retire().then(() => retired.delete(old));
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise((resolve) => {
      timer = setTimeout(resolve, updateMs);
    });
    await Promise.race([rest, enough]);
    clearTimeout(timer);
  };
  const create = async (properties: FunctionProperties, name: string): Promise<LambdaFunction> => {
    const arn = arnOf(name);
    // This call only checks the role: a warm process outlives a session, so its credentials must not expire.
    const { principal } = options.sts.assumeRole(lambdaPrincipal(options.account), {
      roleArn: properties.Role,
      sessionName: name,
    });
    const logGroup = properties.LoggingConfig?.LogGroup ?? `/aws/lambda/${name}`;
    const timeoutSeconds = Number(properties.Timeout ?? 3);
    const reserved = properties.ReservedConcurrentExecutions;
    const reservedConcurrency = reserved === undefined ? undefined : Number(reserved);
    const concurrency = reservedConcurrency ?? defaultConcurrency;
    const memoryMegabytes = Number(properties.MemorySize ?? 128);
    const variables = properties.Environment?.Variables ?? {};
    const { Handler: handler, Runtime: runtime, Role: roleArn } = properties;
    const replaced = await options.variablesFor?.(variables);
    const runner = createRunner(
      {
        name,
        arn,
        handler,
        taskRoot: codeFolder(options, properties, name),
        region: options.region,
        endpoint: options.endpoint(),
        credentials: options.sts.credentialsFor(principal),
        timeoutSeconds,
        memoryMegabytes,
        logGroup,
        variables: { ...variables, ...replaced },
        concurrency,
      },
      logs.sink(name),
      processes,
    );
    const shown = { timeoutSeconds, memoryMegabytes, handler, runtime, logGroup, variables };
    return { name, arn, roleArn, principal, ...shown, concurrency, reservedConcurrency, runner };
  };

  return {
    find,
    list: () => [...byArn.values()],
    get,
    async run(arnOrName, payload, asynchronous) {
      const { name, runner } = get(arnOrName);
      const requestId = randomUUID();
      const started = performance.now();
      options.onRun({ kind: 'function', at: options.clock.now(), name, requestId, phase: 'started' });
      const result = await runner.invoke(payload, requestId, options.killNext?.(name), asynchronous);
      const durationMs = performance.now() - started;
      options.onRun({
        kind: 'function',
        at: options.clock.now(),
        name,
        requestId,
        phase: 'finished',
        durationMs,
        error: result.error,
      });
      if (result.error) logs.sink(name)(`${JSON.stringify({ requestId, ...result.error })}\n`);
      return result;
    },
    throttle(arnOrName) {
      const { runner, reservedConcurrency = Number.POSITIVE_INFINITY, name } = get(arnOrName);
      if (runner.busy() < reservedConcurrency) return;
      const message = `Rate Exceeded: ${name} reserves ${reservedConcurrency} concurrent executions`;
      throw new AwsError('TooManyRequestsException', message, 429);
    },
    release() {
      for (const { runner } of byArn.values()) runner.release();
    },
    async dispose() {
      await Promise.all([...byArn.values(), ...retired].map(({ runner }) => runner.dispose()));
      await processes.dispose();
    },
    resources: [
      {
        type: 'AWS::Lambda::Function',
        properties: [
          'Architectures',
          'Code',
          'Description',
          'Environment',
          'FunctionName',
          'Handler',
          'KmsKeyArn',
          'LoggingConfig',
          'MemorySize',
          'ReservedConcurrentExecutions',
          'Role',
          'Runtime',
          'Tags',
          'Timeout',
          'TracingConfig',
        ],
        attributes: ['Arn'],
        async create(properties: FunctionProperties, context) {
          if (!/^nodejs\d+\.x$/.test(properties.Runtime))
            throw new NotModelledError(`Runtime ${properties.Runtime} of a Lambda function`);
          const name = properties.FunctionName ?? context.generatedName;
          const created = await create(properties, name);
          const old = byArn.get(created.arn);
          byArn.set(created.arn, created);
          await retire(old);
          return { ref: name, attributes: { Arn: created.arn } };
        },
        replacedBy: ['FunctionName', 'PackageType'],
        async delete({ attributes }) {
          const arn = String(attributes['Arn']);
          const old = byArn.get(arn);
          byArn.delete(arn);
          policies.delete(arn);
          await retire(old);
        },
      },
      {
        type: 'AWS::Lambda::Permission',
        properties: ['Action', 'FunctionName', 'Principal', 'SourceAccount', 'SourceArn'],
        attributes: ['Id'],
        create(properties: PermissionProperties, context) {
          const { arn } = get(properties.FunctionName);
          const policy = policies.get(arn) ?? { Version: '2012-10-17', Statement: [] };
          const sid = context.generatedName;
          policy.Statement = [
            ...policy.Statement.filter((item) => sidOf(item) !== sid),
            permissionStatement(properties, arn, sid),
          ];
          policies.set(arn, policy);
          return { ref: sid, attributes: { Id: sid } };
        },
        replacedBy: ['Action', 'FunctionName', 'Principal', 'SourceAccount', 'SourceArn'],
        delete({ ref }, _context, { FunctionName }) {
          const policy = policies.get(arnOf(String(FunctionName)));
          if (policy) policy.Statement = policy.Statement.filter((item) => sidOf(item) !== ref);
        },
      },
    ],
  };
}

export const lambdaPrincipal = (account: string): Principal => ({
  kind: 'service',
  arn: 'lambda.amazonaws.com',
  account,
});

const sidOf = (statement: unknown) => (statement as { readonly Sid?: unknown }).Sid;

function permissionStatement(properties: PermissionProperties, functionArn: string, sid: string): unknown {
  const principal = properties.Principal.endsWith('.amazonaws.com')
    ? { Service: properties.Principal }
    : { AWS: properties.Principal };
  const condition = {
    ...(properties.SourceArn && { ArnLike: { 'AWS:SourceArn': properties.SourceArn } }),
    ...(properties.SourceAccount && { StringEquals: { 'AWS:SourceAccount': properties.SourceAccount } }),
  };
  return {
    Sid: sid,
    Effect: 'Allow',
    Principal: principal,
    Action: properties.Action,
    Resource: functionArn,
    ...(Object.keys(condition).length > 0 && { Condition: condition }),
  };
}

function codeFolder(options: LambdaOptions, { Code, Handler }: FunctionProperties, name: string): string {
  if (Code.ZipFile !== undefined) {
    const digest = createHash('sha256').update(`${Handler}\n${Code.ZipFile}`).digest('hex').slice(0, 16);
    // Every version has its own folder, so a running version keeps its files.
    const folder = join(options.dataDir, 'functions', `${name}-${digest}`);
    const file = join(folder, `${Handler.slice(0, Handler.lastIndexOf('.'))}.js`);
    replaceFile(`the code of function ${name}`, file, Code.ZipFile);
    return realpathSync(folder);
  }
  const folder = Code.S3Key && options.assetFolder(Code.S3Key);
  if (!folder) throw new Error(`the code of function ${name} is not an asset of the assembly: ${JSON.stringify(Code)}`);
  return realpathSync(folder);
}
