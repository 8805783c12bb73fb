import { AwsError, type Clock, type JsonOperations } from 'aws-local-kit';

/** Calls per second and account, not adjustable (Redshift management guide, "Quotas for Amazon Redshift Data API"). */
const callsPerSecond: Readonly<Record<string, number>> = {
  ExecuteStatement: 30,
  BatchExecuteStatement: 20,
  DescribeStatement: 100,
  GetStatementResult: 20,
  GetStatementResultV2: 20,
  CancelStatement: 3,
  ListStatements: 3,
  ListDatabases: 3,
  ListSchemas: 3,
  ListTables: 3,
  DescribeTable: 3,
};

/**
 * Limits the rates of the operations. A call above its rate fails with ThrottlingException. One second's calls may come
 * at once.
 */
export function throttled(operations: JsonOperations, clock: Clock): JsonOperations {
  const entries = Object.entries(operations).map(([name, run]): [string, JsonOperations[string]] => {
    const rate = callsPerSecond[name];
    if (rate === undefined) throw new Error(`operation ${name} has no rate`);
    const bucket = { left: rate, at: clock.now() };
    return [
      name,
      (input, principal) => {
        const now = clock.now();
        bucket.left = Math.min(rate, bucket.left + ((now - bucket.at) / 1000) * rate);
        bucket.at = now;
        if (bucket.left < 1) throw new AwsError('ThrottlingException', 'Rate exceeded');
        bucket.left -= 1;
        return run(input, principal);
      },
    ];
  });
  return Object.fromEntries(entries);
}
