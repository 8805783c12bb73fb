import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/**
 * A kept release is the assembly of its dev environment as one compressed JSON object: the text of each file by its path.
 * Function bundles are part of it, since the old functions have to run. What no deployment reads is left out.
 */
const releases = join(__dirname, 'releases');
const isUnused = (path: string) => path === 'tree.json';
const pathOf = (version: string) => join(releases, `${version}.json.br`);

/** Versions of the kept releases, the oldest first. */
export const keptReleases = (): string[] =>
  readdirSync(releases)
    .map((name) => name.replace(/\.json\.br$/, ''))
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));

/** Writes the assembly of a kept release into a folder. */
export function unpackRelease(version: string, folder: string): void {
  const files = JSON.parse(brotliDecompressSync(readFileSync(pathOf(version))).toString('utf8')) as Record<
    string,
    string
  >;
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Keeps the paths of resources. The rest are traces with paths of the machine. */
function withoutTraces(text: string): string {
  const metadata = JSON.parse(text) as Record<string, { type: string; data: unknown }[]>;
  return JSON.stringify(
    Object.fromEntries(
      Object.entries(metadata).flatMap(([path, entries]) => {
        const ids = entries
          .filter(({ type }) => type === 'aws:cdk:logicalId')
          .map(({ type, data }) => ({ type, data }));
        return ids.length === 0 ? [] : [[path, ids]];
      }),
    ),
  );
}

/** Keeps an assembly as a release. Returns the size of its file in bytes. */
export function keepRelease(version: string, assembly: string): number {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(assembly, { recursive: true, withFileTypes: true })) {
    const path = relative(assembly, join(entry.parentPath, entry.name));
    if (!entry.isFile() || isUnused(path)) continue;
    const bytes = readFileSync(join(assembly, path));
    const text = bytes.toString('utf8');
    if (!Buffer.from(text).equals(bytes)) throw new Error(`${path} is not text, and the format holds texts alone`);
    files[path] = path.endsWith('.metadata.json') ? withoutTraces(text) : text;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(files).sort())));
  // The bundles have much in common, at distances that only a large window covers.
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: json.length,
  };
  const packed = brotliCompressSync(json, { params });
  mkdirSync(releases, { recursive: true });
  writeFileSync(pathOf(version), packed, { flag: 'wx' });
  return packed.length;
}
