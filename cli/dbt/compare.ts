import { type GeneratedFile, readHeader } from './generated-file';

/**
 * - `current`: as Millrace writes it.
 * - `new`: is missing. `changed`: not edited, and Millrace writes it differently now. `unwanted`: not edited, and no
 *   longer part of the project.
 * - `edited`: a person edited it, and Millrace still writes what it wrote then. `foreign`: has no header, so a person
 *   wrote it.
 * - `behind`: a person edited it, and Millrace writes it differently now. `edited and unwanted`: a person edited it,
 *   and it is no longer part of the project.
 */
export type FileStatus =
  | 'current'
  | 'new'
  | 'changed'
  | 'unwanted'
  | 'edited'
  | 'foreign'
  | 'behind'
  | 'edited and unwanted';

export interface ComparedFile {
  readonly path: string;
  readonly status: FileStatus;
  /** What Millrace would write. Undefined for a file that is not wanted. */
  readonly content?: string;
}

/** Statuses that `dbt init` resolves by itself. */
export const resolved: ReadonlySet<FileStatus> = new Set(['new', 'changed', 'unwanted']);
/** Statuses that only a person can resolve. */
export const leftToDo: ReadonlySet<FileStatus> = new Set(['behind', 'edited and unwanted']);

/**
 * Compares the wanted files with those of the folder.
 * @param found contents by path: those of the wanted paths, and those of other files that may have a header
 */
export function compareFiles(wanted: readonly GeneratedFile[], found: ReadonlyMap<string, string>): ComparedFile[] {
  const paths = new Set(wanted.map(({ path }) => path));
  const others = [...found].filter(([path]) => !paths.has(path));
  return [
    ...wanted.map((file) => ({ ...file, status: statusOf(file, found.get(file.path)) })),
    ...others.flatMap(([path, text]): ComparedFile[] => {
      const header = readHeader(text);
      return header === undefined ? [] : [{ path, status: header.edited ? 'edited and unwanted' : 'unwanted' }];
    }),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function statusOf({ content }: GeneratedFile, found: string | undefined): FileStatus {
  if (found === undefined) return 'new';
  const header = readHeader(found);
  if (header === undefined) return 'foreign';
  const isSame = header.hash === readHeader(content)!.hash;
  if (header.edited) return isSame ? 'edited' : 'behind';
  return isSame ? 'current' : 'changed';
}
