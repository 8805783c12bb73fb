import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(__dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** Folders and files in plain words. Add a room here once its words are plain; the test then keeps them so. */
const rooms = [
  ...[
    'README.md',
    'CHANGELOG.md',
    'docs',
    'bin',
    'cli',
    'lib',
    'sql',
    'lambda',
    'local',
    'ui',
    'pipelines',
    'environments',
  ],
  ...['bench', 'test/docs', 'test/support', 'test/faults', 'test/ui'],
  ...readdirSync(join(root, 'packages')).flatMap((name) => [`packages/${name}/src`, `packages/${name}/README.md`]),
];

/** Words that are banned in text and in names, each with what to write instead. */
const banned: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\banew\b/i, 'again, recreate'],
  [/\b(told|tell|tells|telling) of\b/i, 'report, mention, be about'],
  [/\bsomebody\b/i, 'a person, another user, or the passive'],
  [/\bstands\b(?! for\b)/i, 'is'],
  [/\b(bring|brings|brought) up\b/i, 'start, update'],
  [/\bwhat it has\b/i, 'the noun itself'],
  [/(\b[Bb]|[a-z]B)ooks?(\b|[A-Z])/, 'ledger, checkpoints, bookkeeping tables, identity tables'],
  // A comment that begins so has no subject.
  [/^\s*(\/\*\*|\*|\/\/) Of /, 'a sentence with a subject'],
];

const thisFile = relative(root, __filename);

function filesIn(room: string): string[] {
  if (statSync(join(root, room)).isFile()) return [room];
  return readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .map((file) => join(room, file))
    .filter((file) => /\.(tsx?|js|md|svg|ya?ml)$/.test(file) && file !== thisFile);
}

const pages = ['README.md', 'CHANGELOG.md', ...filesIn('docs').filter((file) => file.endsWith('.md'))];

/** Lines of a page with their numbers, without blocks of code. */
function prose(page: string): { number: number; line: string }[] {
  let isCode = false;
  return read(page)
    .split('\n')
    .map((line, index) => ({ number: index + 1, line }))
    .filter(({ line }) => {
      const isFence = /^\s*```/.test(line);
      if (isFence) isCode = !isCode;
      return !isFence && !isCode;
    });
}

test.each(rooms)('%s has none of the banned words', (room) => {
  const found = filesIn(room).flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) =>
        banned
          .filter(([pattern]) => pattern.test(line))
          .map(([pattern, instead]) => `${file}:${index + 1}: ${pattern.exec(line)![0].trim()} (write: ${instead})`),
      ),
  );
  expect(found).toEqual([]);
});

test('the README has a screen for each of five questions', () => {
  const headings = prose('README.md').flatMap(({ line }) => /^#{1,6} .*/.exec(line) ?? []);
  expect(headings).toEqual(['# Millrace', '## Run it', '## Deploy it', '## Change it', '## When it breaks']);
});

test('the README has fewer than 1,200 words and no line over 120 characters', () => {
  const text = read('README.md');
  expect(text.split(/\s+/).filter((word) => word !== '').length).toBeLessThan(1200);
  expect(text.split('\n').filter((line) => line.length > 120)).toEqual([]);
});

test('no line of prose is longer than 120 characters', () => {
  const long = pages
    .filter((page) => page !== 'docs/reference/local-warehouse.md')
    .flatMap((page) =>
      prose(page)
        .filter(({ line }) => line.length > 120 && !/^\s*(\||!\[)/.test(line) && !/`[^`]{100,}`/.test(line))
        .map(({ number }) => `${page}:${number}`),
    );
  expect(long).toEqual([]);
});

describe('a decision record', () => {
  const records = filesIn('docs/decisions').filter((file) => /\/\d{3}-[a-z0-9-]+\.md$/.test(file));
  const titleOf = (record: string) => /^# (\d+)\. (.+)$/m.exec(read(record))!;

  test.each(records)('%s has context, options, decision and consequences', (record) => {
    const headings = prose(record).flatMap(({ line }) => /^#{1,6} .*/.exec(line) ?? []);
    expect(headings).toEqual([titleOf(record)[0], '## Context', '## Options', '## Decision', '## Consequences']);
    expect(Number(titleOf(record)[1])).toBe(Number(/\/(\d+)-/.exec(record)![1]));
  });

  test('is in the list of records', () => {
    const list = records.map((record) => {
      const [, number, title] = titleOf(record);
      return `${number}. [${title}](${relative('docs/decisions', record)})`;
    });
    expect(read('docs/decisions/README.md').match(/^\d+\. .*$/gm)).toEqual(list);
  });
});

/** The anchors of a page's headings, as GitHub makes them. */
const anchors = (page: string) =>
  prose(page)
    .flatMap(({ line }) => /^#{1,6} (.*)/.exec(line)?.[1] ?? [])
    .map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    );

test('no link between pages is dead', () => {
  const dead = pages.flatMap((page) =>
    prose(page).flatMap(({ number, line }) =>
      [...line.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => target!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => {
          const [path, anchor] = target.split('#') as [string, string?];
          const file = path === '' ? page : join(dirname(page), path);
          if (!existsSync(join(root, file))) return true;
          return anchor !== undefined && !anchors(file).includes(anchor);
        })
        .map((target) => `${page}:${number}: ${target}`),
    ),
  );
  expect(dead).toEqual([]);
});
