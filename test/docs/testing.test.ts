import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import longest from '../run/longest.json';
import tiers from '../run/second-tier.json';

const root = join(__dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const usesTier = /from '[./]*(?:\/support)?\/tier'|MILLRACE_TESTS/;

/** Test files, and what they import beside them, whose cases depend on the tier. */
const tiered = ['test', 'packages'].flatMap((folder) =>
  readdirSync(root).includes(folder)
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .map((file) => join(folder, file))
        .filter((file) => file.endsWith('.ts') && !/node_modules|(?:^|\/)test\/(?:support|docs)\//.test(file))
        .filter((file) => usesTier.test(read(file)))
    : [],
);
const belongs = (file: string, suite: string) => file === `${suite}.test.ts` || file.startsWith(`${suite}/`);

test('the list of suites with a second tier has each suite whose cases depend on the tier, and no other', () => {
  expect(tiered.filter((file) => !tiers.some(({ suite }) => belongs(file, suite)))).toEqual([]);
  expect(tiers.filter(({ suite }) => !tiered.some((file) => belongs(file, suite)))).toEqual([]);
});

test('docs/testing.md has the list', () => {
  const table = tiers.map(({ suite, first, all, guards }) => `| \`${suite}\` | ${first} | ${all} | ${guards} |\n`);
  expect(read('docs/testing.md')).toContain(table.join(''));
});

test('each suite in the list of the longest exists', () => {
  expect(longest.filter((suite) => !existsSync(join(root, `${suite}.test.ts`)))).toEqual([]);
});
