import type { InternalHandler } from 'aws-local-kit';
import type { Iam } from './index';

export const outsiderPath = '/_local/outsider';

/**
 * `POST` with a principal's ARN returns credentials for that principal. It belongs to another account, for example a
 * partner's, and that account allows it everything. Only this account's policies limit it, so a test can check them.
 */
export const outsiderHandler =
  (iam: Pick<Iam, 'outsider' | 'administrator'>): InternalHandler =>
  ({ method, body }) => {
    if (method !== 'POST') return { status: 405, body: 'POST the ARN of a principal of another account' };
    try {
      const { principal, credentials } = iam.outsider(body.toString('utf8').trim());
      if (principal.account === iam.administrator.principal.account)
        return { status: 400, body: `${principal.arn} is no outsider: it is of the account of this runtime` };
      return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(credentials) };
    } catch (error) {
      return { status: 400, body: (error as Error).message };
    }
  };
