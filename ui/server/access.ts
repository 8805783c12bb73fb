import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';

/** How a browser reaches the page of a data folder. It stays the same over restarts, so an open page reconnects. */
export interface PageAccess {
  /** Sent by the page with every call, in a header. */
  readonly token: string;
  /** The port that the page was last served on. Undefined: none yet. */
  readonly port?: number;
}

const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const pathIn = (dataDir: string) => join(dataDir, 'page.json');

/** Reads the folder's token, or creates one. Whoever can read the file can use the page: only its owner can. */
export function pageAccess(dataDir: string): PageAccess {
  const known = readAccess(dataDir);
  if (known !== undefined) return known;
  const access = { token: randomBytes(32).toString('base64url') };
  writeAccess(dataDir, access);
  return access;
}

/** Undefined if the folder has no token, or a damaged one. */
export function readAccess(dataDir: string): PageAccess | undefined {
  try {
    const { token, port } = JSON.parse(readFileSync(pathIn(dataDir), 'utf8')) as { token?: unknown; port?: unknown };
    if (typeof token !== 'string' || !TOKEN.test(token)) return undefined;
    return { token, ...(Number.isInteger(port) ? { port: port as number } : {}) };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeAccess(dataDir: string, access: PageAccess): void {
  const temporary = `${pathIn(dataDir)}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  renameSync(temporary, pathIn(dataDir));
}

/** The token is behind the #, which a browser does not send and no server logs. */
export const pageAddress = ({ token, port }: Required<PageAccess>) => `http://127.0.0.1:${port}/#token=${token}`;

/**
 * Says why a request is refused; undefined if it is not. A page of another site can send requests here, and can make
 * its own name point to 127.0.0.1: so the Host must be ours, and an Origin, where a browser sends one, too.
 */
export function refusalOf(headers: IncomingHttpHeaders, port: number): string | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(headers.host ?? '')) return `Host must be ${hosts.join(' or ')}`;
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${headers.host}`) return 'Origin must be that of the page itself';
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'Sec-Fetch-Site must be same-origin';
  return undefined;
}

export function hasToken(headers: IncomingHttpHeaders, token: string): boolean {
  const [, given = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
  const [one, other] = [Buffer.from(given), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}
