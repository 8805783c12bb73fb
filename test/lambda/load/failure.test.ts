import { classify } from '../../../lambda/load/failure';
import type { StatementState } from '../../../lambda/shared/warehouse';

const failed = (error?: string, status: StatementState['status'] = 'FAILED'): StatementState => ({
  id: 'i',
  status,
  error,
  createdAt: 0,
  updatedAt: 0,
  parts: [],
});

test.each([
  ['passing', 'ERROR: 1023 DETAIL: Serializable isolation violation on table - 4711'],
  ['passing', 'ERROR: deadlock detected'],
  ['passing', 'FATAL: connection to the leader node lost'],
  ['passing', 'FATAL: terminating connection due to administrator command'],
  ['passing', 'S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown'],
  ['object', 'S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey'],
  ['object', "ERROR: The specified S3 prefix 'x' does not exist"],
  ['object', 'ERROR: mandatory object s3://b/k of manifest s3://w/m does not exist'],
  ['lines', "ERROR: Load into table 'staged' failed. Check 'sys_load_error_detail' system table for details."],
  ['object', 'ERROR: s3://b/k.gz cannot be read: incorrect header check'],
  ['unknown', 'S3ServiceException:Access Denied,Status 403,Error AccessDenied'],
  [
    'unknown',
    'ERROR: User arn:aws:redshift:x:dbuser:c/u is not authorized to assume IAM Role arn:aws:iam::1:role/load',
  ],
  ['unknown', 'ERROR: permission denied for relation ledger'],
  ['passing', 'ERROR: Disk Full'],
  ['unknown', 'ERROR: column "paused" does not exist'],
])('%s: %s', (kind, error) => {
  expect(classify(failed(error))).toEqual({ kind, reason: error });
});

test.each(['paused', 'returning'] as const)(
  'what failed while the warehouse was %s passes, whatever it says',
  (kind) => {
    const error = 'ERROR: something new';
    const state = { ...failed(error), warehouse: { kind, status: 'x' } };
    expect(classify(state)).toEqual({ kind: 'passing', reason: error });
  },
);

test('what was aborted passes, what has no reason is unknown', () => {
  expect(classify(failed(undefined, 'ABORTED'))).toEqual({
    kind: 'passing',
    reason: 'aborted, Redshift gave no reason',
  });
  expect(classify(failed())).toEqual({ kind: 'unknown', reason: 'failed, Redshift gave no reason' });
});
