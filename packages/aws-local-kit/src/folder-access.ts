import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { storing } from './disk';
import type { Credentials } from './ports';

/** Credentials of one profile in a shared credentials file. */
export interface Profile extends Credentials {
  readonly name: string;
}

/** The file in a data folder that AWS_SHARED_CREDENTIALS_FILE may name. */
export const credentialsFile = (dataDir: string): string => join(dataDir, 'credentials');
const tokenFile = (dataDir: string): string => join(dataDir, 'token');

/**
 * Reads the data folder's credentials, which are in the format of the AWS CLI's shared credentials file. Creates random
 * ones, readable by their owner only, if the folder has none. They stay the same over restarts.
 * @throws Error naming the file if it is damaged
 */
export function folderCredentials(dataDir: string): readonly [Profile, ...Profile[]] {
  const file = credentialsFile(dataDir);
  const text = readOwn(file);
  if (text === undefined) {
    const made = { name: 'default', ...randomCredentials('AKIA'), sessionToken: '' };
    writeOwn(
      file,
      `[default]\naws_access_key_id = ${made.accessKeyId}\naws_secret_access_key = ${made.secretAccessKey}\n`,
    );
    return [made];
  }
  const [first, ...others] = profilesOf(text, file);
  if (first === undefined) throw new Error(`${file} has no profile; remove it to get random credentials`);
  return [first, ...others];
}

/** Reads the token of the data folder's control endpoints and page, or creates one. */
export function folderToken(dataDir: string): string {
  const known = readToken(dataDir);
  if (known !== undefined) return known;
  const token = randomBytes(32).toString('base64url');
  writeOwn(tokenFile(dataDir), `${token}\n`);
  return token;
}

/** Undefined if the folder has no token, or a damaged one. */
export function readToken(dataDir: string): string | undefined {
  const token = readOwn(tokenFile(dataDir))?.trim();
  return token !== undefined && /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined;
}

export function randomCredentials(prefix: 'AKIA' | 'ASIA'): { accessKeyId: string; secretAccessKey: string } {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return {
    accessKeyId: prefix + [...randomBytes(16)].map((byte) => alphabet[byte % 32]).join(''),
    secretAccessKey: randomBytes(30).toString('base64'),
  };
}

function profilesOf(text: string, file: string): Profile[] {
  const profiles: Record<string, string>[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [, name] = /^\[([^\]]+)\]$/.exec(line.trim()) ?? [];
    const [, key, value] = /^(\w+)\s*=\s*(\S+)$/.exec(line.trim()) ?? [];
    if (name !== undefined) profiles.push({ name: name.trim() });
    else if (key !== undefined && profiles.length > 0) profiles.at(-1)![key] = value!;
    else if (!/^\s*(?:[#;].*)?$/.test(line))
      throw new Error(
        `${file}, line ${index + 1} must be a [profile] or 'name = value'; remove the file to get new ones`,
      );
  }
  return profiles.map(({ name, aws_access_key_id, aws_secret_access_key, aws_session_token = '' }) => {
    if (!aws_access_key_id || !aws_secret_access_key)
      throw new Error(`${file}: profile ${name} must have aws_access_key_id and aws_secret_access_key`);
    return {
      name: name!,
      accessKeyId: aws_access_key_id,
      secretAccessKey: aws_secret_access_key,
      sessionToken: aws_session_token,
    };
  });
}

function readOwn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Writes a file that only its owner can read. It is complete from the moment that it has its name. */
function writeOwn(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  storing(
    'the credentials of the data folder',
    file,
    () => {
      writeFileSync(temporary, text, { mode: 0o600 });
      chmodSync(temporary, 0o600);
      renameSync(temporary, file);
    },
    () => rmSync(temporary, { force: true }),
  );
}
