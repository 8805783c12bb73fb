import type { Partner } from '../../environments/environment';
import { exportPrefix } from '../../lambda/export/contract';

/** Prefix below which a partner may write, with a slash at the end. */
export const partnerPrefix = (partner: string) => `partners/${partner}/`;

/** Prefixes of the exports bucket that the partner may use, each with a slash at the end. */
export function prefixesOf({ name, access }: Partner): string[] {
  if (access.mode === 'write') return [partnerPrefix(name)];
  return access.exports.map((wanted) => {
    const [pipeline, item] = wanted.split('.') as [string, string];
    return exportPrefix(pipeline, item);
  });
}
