/** What every key matched by the glob begins with: S3 notifications filter by prefix, not by glob. */
export function literalPrefix(glob: string): string {
  const wildcard = glob.indexOf('*');
  return wildcard < 0 ? glob : glob.slice(0, wildcard);
}
