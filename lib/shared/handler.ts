import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type CfnFunction, type Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { grant } from './grant';

export interface HandlerProps {
  readonly code: Code;
  /** What the function is for, shown in the console. */
  readonly description: string;
  /** @default 'index.handler' */
  readonly handler?: string;
  /** From the contract's `env.of({ … })`. */
  readonly environment?: Record<string, string>;
  readonly timeout: Duration;
  /** @default 256 */
  readonly memoryMb?: number;
  /** Maximum of concurrent invocations, reserved out of the account's. @default - no reservation */
  readonly reservedConcurrency?: number;
  readonly logRetentionDays: number;
  readonly retainLogs: boolean;
  /** @default - a role of its own that may write its own log */
  readonly role?: Role;
  /** The statements that it runs, as lines. `cdk diff` shows them to reviewers. */
  readonly statements?: readonly string[];
}

/** A Lambda function with its own role and its own log group, without CDK's default policies. */
export class Handler extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetentionDays,
      removalPolicy: props.retainLogs ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.role = props.role ?? handlerRole(this, 'Role', props.description);
    this.role.addToPolicy(logStatement(logGroup));
    this.function = new LambdaFunction(this, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: props.code,
      handler: props.handler ?? 'index.handler',
      description: props.description,
      environment: props.environment,
      timeout: props.timeout,
      memorySize: props.memoryMb ?? 256,
      reservedConcurrentExecutions: props.reservedConcurrency,
      role: this.role,
      logGroup,
    });
    if (props.statements !== undefined) {
      (this.function.node.defaultChild as CfnFunction).addMetadata('Statements', props.statements);
    }
  }

  /** Adds permissions of the function. */
  allow(...statements: PolicyStatement[]): this {
    grant(this.role, ...statements);
    return this;
  }
}

/** Lets a function write its log. Without this permission Lambda drops the log silently. */
export function logStatement(logGroup: LogGroup): PolicyStatement {
  return new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logGroup.logGroupArn],
  });
}

/** A role for functions, without any managed policy. */
export function handlerRole(scope: Construct, id: string, description: string): Role {
  return new Role(scope, id, { assumedBy: new ServicePrincipal('lambda.amazonaws.com'), description });
}
