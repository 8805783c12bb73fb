import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Pipeline } from '../../../../pipelines/definition';
import { explain, Failure } from '../../../failure';
import { problemsOf } from '../../../trial/problems';
import type { Draft } from './drafts';
import { type QueryKind, withQuery } from './edit-pipeline';

/** Where the pipelines are. */
export interface Place {
  /** Their folder. */
  readonly root: string;
  /** Loads them as their files are now. */
  readonly load: (root: string) => Pipeline[];
}

/** What was written, as paths below the folder of the pipelines. */
export interface Written {
  readonly files: readonly string[];
  /** True if pipeline.ts has a new entry. */
  readonly edited: boolean;
  /** The pipeline as it is now. */
  readonly pipeline: Pipeline;
}

/**
 * Writes the files of a query and its entry in pipeline.ts, and loads the pipeline again. If it is not valid then,
 * everything is as before.
 * @throws Failure for a file that exists, for a pipeline.ts that cannot be edited, and with what is not valid
 */
export function writeQuery(
  { root, load }: Place,
  pipeline: string,
  kind: QueryKind,
  name: string,
  draft: Draft,
): Written {
  const folder = join(root, pipeline);
  const files = [
    { path: join(kind, `${name}.sql`), content: draft.sql },
    ...(draft.tests === undefined ? [] : [{ path: join(kind, `${name}.test.yaml`), content: draft.tests }]),
  ];
  const config = join(folder, 'pipeline.ts');
  const before = readFileSync(config, 'utf8');
  const after = withQuery(before, kind, name, draft.options);
  if (after === undefined)
    throw new Failure(
      `pipelines/${pipeline}/pipeline.ts declares its ${kind} in a way that this command does not edit; it edits ${kind}: [] and ${kind}: read…(__dirname, { … }). Nothing was written`,
    );
  const written: string[] = [];
  const isEdited = after !== before;
  try {
    for (const { path, content } of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content, { flag: 'wx' });
      written.push(path);
    }
    if (isEdited) writeFileSync(config, formatted(root, config, after));
    const all = load(root);
    const found = all.find((each) => each.name === pipeline)!;
    const problems = problemsOf(
      found,
      all.filter((each) => each !== found),
    );
    if (problems.length > 0) throw new Failure(`the pipeline would not be valid:\n${problems.join('\n')}`);
    return { files: files.map(({ path }) => join(pipeline, path)), edited: isEdited, pipeline: found };
  } catch (error) {
    for (const path of written) rmSync(join(folder, path), { force: true });
    if (isEdited) writeFileSync(config, before);
    if (error instanceof Failure) throw error;
    throw new Failure(`nothing was written: ${explain(error)}`, 1, { cause: error });
  }
}

/** The text as the formatter of the repository writes it. Unchanged where the formatter is not installed. */
function formatted(root: string, file: string, text: string): string {
  const biome = join(root, '../node_modules/.bin/biome');
  if (!existsSync(biome)) return text;
  try {
    return execFileSync(biome, ['format', `--stdin-file-path=${file}`], {
      cwd: join(root, '..'),
      input: text,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  } catch {
    return text;
  }
}
