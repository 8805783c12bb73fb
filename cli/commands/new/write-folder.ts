import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure } from '../../failure';
import type { NewFile } from './files';

/** Writes a folder as a whole or not at all. @throws Failure if it exists */
export function writeFolder(root: string, name: string, files: readonly NewFile[]): void {
  const target = join(root, name);
  // Beside the pipelines, so that nothing takes the unfinished folder for one of them.
  const draft = mkdtempSync(join(root, '..', '.new-pipeline-'));
  try {
    for (const { path, content } of files) {
      mkdirSync(dirname(join(draft, path)), { recursive: true });
      writeFileSync(join(draft, path), content);
    }
    assertNew(root, name);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw exists(name);
    throw error;
  }
}

export function assertNew(root: string, name: string): void {
  if (existsSync(join(root, name))) throw exists(name);
}

const exists = (name: string) =>
  new Failure(`pipelines/${name} exists already and is never overwritten; choose another name`, 2);
