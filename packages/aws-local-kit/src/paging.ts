import { AwsError } from './ports';

/**
 * Returns a page of a listing whose entries have a fixed order. The token names the last entry of the previous page, so
 * entries may be added and removed between pages.
 */
export function pageAfter<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { size, token }: { readonly size: number; readonly token: string | undefined },
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const after = token === undefined ? undefined : Buffer.from(token, 'base64url').toString();
  if (after !== undefined && Buffer.from(after).toString('base64url') !== token)
    throw new AwsError('ValidationException', `the token of the next page is not one of this service: ${token}`);
  const sorted = [...items].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const rest = after === undefined ? sorted : sorted.filter((item) => keyOf(item) > after);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  const more = rest.length > page.length && last !== undefined;
  return { items: page, nextToken: more ? Buffer.from(keyOf(last)).toString('base64url') : undefined };
}
