import type { Partner } from '../../environments/environment';
import { exportPrefix } from '../../lambda/export/contract';

/** What a partner may write below, with a slash at the end. */
export const partnerPrefix = (partner: string) => `partners/${partner}/`;

/** Key prefixes of the exports bucket that are the partner's, each with a slash at the end. */
export function prefixesOf({ name, access }: Partner): string[] {
  if (access.mode === 'write') return [partnerPrefix(name)];
  return access.exports.map((wanted) => {
    const [pipeline, item] = wanted.split('.') as [string, string];
    return exportPrefix(pipeline, item);
  });
}
