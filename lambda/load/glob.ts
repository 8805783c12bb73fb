/** Tests keys against a glob: `*` stands for one path segment or part of it, `**` for any depth, `**` and a slash also for none. */
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
