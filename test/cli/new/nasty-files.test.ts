import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planFields, planPipeline } from '../../../cli/commands/new/make-plan';
import { headLines, typeText } from '../../../cli/commands/new/report';
import { openText } from '../../../cli/commands/new/source';
import { mostBytes, profile } from '../../../cli/profile';
import { everyNth } from '../../support/tier';
import { millrace } from '../io';
import { type Family, type NastyFile, nastyFiles } from './nasty-files';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-nasty-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const families: Readonly<Record<string, Family>> = { varchar: 'text', bigint: 'integer', super: 'payload' };
const familyOf = (type: string | undefined): Family => {
  const name = type?.split(/[(,]/)[0] ?? '';
  return name === '' ? 'payload' : (families[name] ?? (name as Family));
};

const written = ({ file, content }: NastyFile) => {
  const path = join(folder, file);
  writeFileSync(path, content());
  return path;
};

const named = (files: readonly NastyFile[]) => files.map((each) => [each.name, each] as const);

test.each(named(nastyFiles.filter(({ fails }) => !fails)))('the fields of a file with %s', async (_, each) => {
  const source = openText(written(each), mostBytes);
  const found = await profile(source.blocks(), { format: source.format });
  const fields = planFields(found);
  const decided = each.columns.map((wanted) => {
    const field = fields.find(({ path }) => path.join('.') === wanted.path);
    return [wanted.path, familyOf(typeText(field?.column)), ...(wanted.column ? [field?.column?.name] : [])];
  });
  expect(decided).toEqual(each.columns.map(({ path, right, column }) => [path, right[0], ...(column ? [column] : [])]));
  const sentences = [
    ...headLines({ plan: planPipeline('nasty', found, fields, undefined), source }),
    ...fields.map(({ why }) => why),
  ];
  expect(sentences.join('\n')).toMatch(each.says ?? /./);
});

test.each(named(nastyFiles.filter(({ fails }) => fails)))('%s is refused', async (_, each) => {
  const answer = await millrace('new', 'nasty', '--from', written(each), '--dry-run');
  expect(answer).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(each.fails!) });
});

test.each(
  named(
    everyNth(
      nastyFiles.filter(({ fails }) => !fails),
      8,
    ),
  ),
)('the merge takes a file with %s as it was foreseen', async (_, each) => {
  const { code, stdout, stderr } = await millrace('new', 'nasty', '--from', written(each), '--dry-run', '--json');
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({ proof: { rejects: each.rejects ?? 0, duplicates: 0 }, files: null });
});
