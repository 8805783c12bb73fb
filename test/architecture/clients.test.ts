import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));

test('every AWS client of the commands and functions has the deadlines of clientSettings', () => {
  const found = ['cli', 'lambda']
    .flatMap(files)
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/new ([A-Z]\w+Client)\(\s*(\{\s*\.\.\.)?([\w.]*)/g)].map(
        ([, client, , first]) => ({ file: file.slice(root.length + 1), client, first }),
      ),
    );
  expect(found.length).toBeGreaterThan(20);
  expect(found.filter(({ first }) => first !== 'clientSettings')).toEqual([]);
});
