/** Tests keys against a glob: `*` matches a path segment or a part of one, `**` any depth, `**` with a slash also no segment at all. */
export function globMatcher(glob: string): (key: string) => boolean {
  const pattern = glob.replace(/\*\*\/|\*\*|\*|[^*]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part.replace(/[\\^$.|?+()[\]{}]/, '\\$&');
  });
  const regex = new RegExp(`^${pattern}$`, 's');
  return (key) => regex.test(key);
}
