import type { Kind, RefreshCounts } from '../refresh-cost';

/** What `npm run bench -- refresh-cost` counted, without the time on that machine. docs/scale.md and the quota of listings come from it. */
export const measured: Readonly<Record<Kind, Omit<RefreshCounts, 'localMs'>>> = {
  'new events': {
    invocations: 7,
    statements: 9,
    commands: 57,
    requests: {
      'kms:Decrypt': 9,
      'redshift-data:BatchExecuteStatement': 6,
      'redshift-data:DescribeStatement': 7,
      'redshift-data:ExecuteStatement': 3,
      'redshift-data:GetStatementResult': 6,
      'redshift-data:ListStatements': 8,
      's3:GetObject': 2,
      's3:PutObject': 2,
      'secretsmanager:GetSecretValue': 9,
    },
  },
  'nothing new': {
    invocations: 3,
    statements: 2,
    commands: 10,
    requests: {
      'kms:Decrypt': 2,
      'redshift-data:BatchExecuteStatement': 2,
      'redshift-data:DescribeStatement': 2,
      'redshift-data:GetStatementResult': 2,
      'redshift-data:ListStatements': 1,
      's3:GetObject': 1,
      's3:PutObject': 1,
      'secretsmanager:GetSecretValue': 2,
    },
  },
};
