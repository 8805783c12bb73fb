import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { explained } from '../shared/grant';
import { keyUse } from '../shared/key-use';
import type { Warehouse } from './warehouse';

export interface PipelineAccess {
  readonly environment: Environment;
  readonly pipeline: Pipeline;
  readonly warehouse: Warehouse;
  /** Credentials of the database user that the function works as. */
  readonly secretArn: string;
}

export interface DataApiAccess {
  readonly warehouse: Warehouse;
  readonly key: IKey;
  /** Credentials that statements may be submitted with. */
  readonly secretArns: readonly string[];
  /** The secret of the marks, for statements that compare them. @default - they compare none */
  readonly forgetSecretArn?: string;
  /**
   * `function`: the function sees only its own statements. A role: the statements of every function with this role, for statements that one
   * function submits and another follows.
   */
  readonly sees: 'function' | Role;
  /** Lists earlier statements by name. */
  readonly lists: boolean;
  /** Cancels statements that take too long. @default false */
  readonly cancels?: boolean;
  /** Submits several statements as one transaction. @default true */
  readonly batches?: boolean;
}

/** What a function needs to run statements through the Data API (Redshift management guide, "Authorizing access to the Data API"). */
export function dataApiStatements({
  warehouse,
  key,
  secretArns,
  forgetSecretArn,
  sees,
  lists,
  cancels,
  batches = true,
}: DataApiAccess): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: [...(batches ? ['redshift-data:BatchExecuteStatement'] : []), 'redshift-data:ExecuteStatement'],
      resources: [warehouse.arn],
    }),
    explained(
      new PolicyStatement({
        actions: [
          ...(cancels ? ['redshift-data:CancelStatement'] : []),
          'redshift-data:DescribeStatement',
          'redshift-data:GetStatementResult',
          ...(lists ? ['redshift-data:ListStatements'] : []),
        ],
        resources: ['*'],
        // aws:userid is `<role id>:<function name>`.
        conditions:
          sees === 'function'
            ? // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable of IAM
              { StringEquals: { 'redshift-data:statement-owner-iam-userid': '${aws:userid}' } }
            : { StringLike: { 'redshift-data:statement-owner-iam-userid': `${sees.roleId}:*` } },
      }),
      'These actions have no resource-level permissions; the condition names the statements of the caller',
    ),
    statusStatement(warehouse),
    new PolicyStatement({
      actions: ['secretsmanager:GetSecretValue'],
      resources: [...secretArns, ...(forgetSecretArn === undefined ? [] : [forgetSecretArn])],
    }),
    keyUse(key, 'secretsmanager', 'read'),
  ];
}

/** Lets a function ask the control plane whether a failed call or statement is due to a paused or missing warehouse. */
const statusStatement = ({ kind, arn }: Warehouse): PolicyStatement =>
  kind === 'serverless'
    ? new PolicyStatement({ actions: ['redshift-serverless:GetWorkgroup'], resources: [arn] })
    : explained(
        new PolicyStatement({ actions: ['redshift:DescribeClusters'], resources: ['*'] }),
        'DescribeClusters has no resource-level permissions (service authorization reference, "Amazon Redshift")',
      );

/** Environment variables of a function that works for one pipeline. */
export const pipelineVariables = ({ environment, pipeline, warehouse, secretArn }: PipelineAccess) => ({
  ENVIRONMENT: environment.name,
  PIPELINE: pipeline.name,
  ...warehouseVariables(warehouse),
  SECRET_ARN: secretArn,
});

/** Environment variables that name the warehouse. Every contract has them. */
export const warehouseVariables = (warehouse: Warehouse) => ({
  WAREHOUSE_KIND: warehouse.kind,
  WAREHOUSE_NAME: warehouse.name,
  DATABASE: warehouse.database,
});
