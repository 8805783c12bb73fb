import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderToken, readToken } from 'aws-local-kit';

/** How a browser reaches the page of a data folder. It stays the same over restarts, so an open page reconnects. */
export interface PageAccess {
  /** The token of the data folder, which the page sends with every call in a header. */
  readonly token: string;
  /** The port that the page was last served on. Undefined: none yet. */
  readonly port?: number;
}

const pathIn = (dataDir: string) => join(dataDir, 'page.json');

/** Reads the folder's token, or creates one. Whoever can read the file can use the page: only its owner can. */
export function pageAccess(dataDir: string): PageAccess {
  return { token: folderToken(dataDir), ...portOf(dataDir) };
}

/** Undefined if the folder has no token, or a damaged one. */
export function readAccess(dataDir: string): PageAccess | undefined {
  const token = readToken(dataDir);
  return token === undefined ? undefined : { token, ...portOf(dataDir) };
}

function portOf(dataDir: string): Pick<PageAccess, 'port'> {
  try {
    const { port } = JSON.parse(readFileSync(pathIn(dataDir), 'utf8')) as { port?: unknown };
    return Number.isInteger(port) ? { port: port as number } : {};
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Writes the port for the next start and for `npx millrace ui`. */
export function writePort(dataDir: string, port: number): void {
  const temporary = `${pathIn(dataDir)}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify({ port })}\n`, { mode: 0o600 });
  renameSync(temporary, pathIn(dataDir));
}

/** The token is behind the #, which a browser does not send and no server logs. */
export const pageAddress = ({ token, port }: Required<PageAccess>) => `http://127.0.0.1:${port}/#token=${token}`;
