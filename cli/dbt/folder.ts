import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Failure } from '../failure';
import { type ComparedFile, resolved } from './compare';
import type { GeneratedFile } from './generated-file';
import { generatedFolders } from './project';

/** Reads the files of the folder that `compareFiles` needs. @throws Failure if the folder or a path below it is something else */
export function readProject(folder: string, wanted: readonly GeneratedFile[]): Map<string, string> {
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new Failure(`<dir> must be a folder, ${folder} is a file`, 2);
  const paths = new Set([
    ...wanted.map(({ path }) => path),
    ...generatedFolders.flatMap((below) => filesBelow(folder, below)),
  ]);
  const found = new Map<string, string>();
  for (const path of paths) {
    const file = join(folder, path);
    if (!existsSync(file)) continue;
    if (!statSync(file).isFile())
      throw new Failure(`${file} must be a file: Millrace writes one there. Move what is there`);
    found.set(path, readFileSync(file, 'utf8'));
  }
  return found;
}

function filesBelow(folder: string, below: string): string[] {
  const start = join(folder, below);
  if (!existsSync(start) || !statSync(start).isDirectory()) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(sql|ya?ml)$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

/** Writes and removes what the comparison resolves. A file is replaced as a whole; folders that become empty are removed. */
export function writeProject(folder: string, files: readonly ComparedFile[]): void {
  for (const { path, status, content } of files.filter((file) => resolved.has(file.status))) {
    const file = join(folder, path);
    if (status === 'unwanted') {
      rmSync(file);
      removeEmpty(folder, dirname(file));
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    const draft = `${file}.millrace-new`;
    writeFileSync(draft, content!);
    renameSync(draft, file);
  }
}

function removeEmpty(folder: string, below: string): void {
  if (relative(folder, below) === '' || readdirSync(below).length > 0) return;
  rmdirSync(below);
  removeEmpty(folder, dirname(below));
}
