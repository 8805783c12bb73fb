import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { buildSync } from 'esbuild';

const root = join(__dirname, '../..');
const folderOf = (name: string) => join(root, 'packages', name);
/** Where the tarballs go. */
export const tarballs = join(root, 'build/packages');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  /** Folders that the package reads at run time. */
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(folderOf(name), 'package.json'), 'utf8')) as Manifest;

const packages = () =>
  readdirSync(join(root, 'packages')).filter((name) => existsSync(join(folderOf(name), 'package.json')));

/** `@duckdb/node-api` of `@duckdb/node-api/lib/x`. */
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/**
 * Builds `packages/<name>/dist` as it is published: JavaScript in `lib/`, declarations in `types/`, packages of this repository bundled in.
 * What a package exports from outside `src/` is for this repository only.
 * @returns the tarball
 */
export function pack(name: string): string {
  const manifest = manifestOf(name);
  const dist = join(folderOf(name), 'dist');
  rmSync(dist, { recursive: true, force: true });
  const published = Object.entries(manifest.exports).filter(([, file]) => file.startsWith('./src/'));
  const sources = published.map(([, file]) => join(folderOf(name), file));
  const programs = Object.keys(manifest.bin ?? {}).map((program) => [program, './lib/main.js'] as const);
  const dependencies = bundle(name, [
    ...sources,
    ...(programs.length > 0 ? [join(folderOf(name), 'src/main.ts')] : []),
  ]);
  declare(name, sources);
  for (const folder of manifest.files ?? [])
    cpSync(join(folderOf(name), folder), join(dist, folder), { recursive: true });
  copyFileSync(join(root, 'LICENSE'), join(dist, 'LICENSE'));
  const readme = join(folderOf(name), 'README.md');
  if (existsSync(readme)) copyFileSync(readme, join(dist, 'README.md'));
  const outputs = published.map(([entry, file]) => {
    const output = file.slice('./src/'.length).replace(/\.ts$/, '');
    return [entry, { types: `./types/${name}/src/${output}.d.ts`, default: `./lib/${output}.js` }] as const;
  });
  const { devDependencies, ...kept } = manifest as Manifest & { devDependencies?: unknown };
  const written = {
    ...kept,
    ...(programs.length > 0 && { bin: Object.fromEntries(programs) }),
    exports: Object.fromEntries(outputs),
    files: ['lib', 'types', ...(manifest.files ?? [])],
    dependencies,
  };
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(written, null, 2)}\n`);
  mkdirSync(tarballs, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', tarballs], { cwd: dist });
  return join(tarballs, packed.toString().trim());
}

/** Bundles the entry points and answers the packages that the bundles still need. */
function bundle(name: string, entryPoints: readonly string[]): Record<string, string> {
  const own = packages();
  const versions: Record<string, string> = Object.assign(
    {},
    ...own.map((each) => manifestOf(each).dependencies ?? {}),
    manifestOf(name).dependencies,
  );
  const external = Object.keys(versions).filter((each) => !own.includes(each));
  const lib = join(folderOf(name), 'dist/lib');
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: [...entryPoints],
    outdir: lib,
    outbase: join(folderOf(name), 'src'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: external.flatMap((each) => [each, `${each}/*`]),
    metafile: true,
    logLevel: 'warning',
  });
  for (const file of readdirSync(join(folderOf(name), 'src'), { recursive: true, encoding: 'utf8' }))
    if (file.endsWith('.js')) copyFileSync(join(folderOf(name), 'src', file), join(lib, basename(file)));
  const main = join(lib, 'main.js');
  if (existsSync(main)) {
    writeFileSync(main, `#!/usr/bin/env node\n${readFileSync(main, 'utf8')}`);
    chmodSync(main, 0o755);
  }
  const needed = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .map(({ path }) => packageOf(path))
    .filter((each) => external.includes(each));
  return Object.fromEntries([...new Set(needed)].sort().map((each) => [each, versions[each]!]));
}

/** Writes declarations; those of bundled packages lie beside the package's own. */
function declare(name: string, files: readonly string[]): void {
  const dist = join(folderOf(name), 'dist');
  const types = join(dist, 'types');
  const config = join(dist, 'tsconfig.json');
  const compilerOptions = { noEmit: false, declaration: true, emitDeclarationOnly: true, types: ['node'] };
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { ...compilerOptions, rootDir: join(root, 'packages'), outDir: types },
      include: [],
      files,
    }),
  );
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config], { stdio: 'inherit' });
  rmSync(config);
  for (const file of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue;
    const path = join(types, file);
    const text = readFileSync(path, 'utf8');
    const rewritten = text.replace(
      /(from '|from "|import\(["'])([\w-]+(?:\/[\w-]+)?)(["'])/g,
      (whole, before, target, after) => {
        const source = sourceOf(target);
        if (source === undefined) return whole;
        const to = relative(dirname(path), join(types, source.replace(/\.ts$/, '')));
        return `${before}${to.startsWith('.') ? to : `./${to}`}${after}`;
      },
    );
    if (rewritten !== text) writeFileSync(path, rewritten);
  }
}

/** From `packages/`: the source behind a package of this repository. */
function sourceOf(target: string): string | undefined {
  const [name, ...rest] = target.split('/') as [string, ...string[]];
  if (!packages().includes(name)) return undefined;
  const file = manifestOf(name).exports[['.', ...rest].join('/')];
  return file === undefined ? undefined : join(name, file);
}

export function main(names: readonly string[]): void {
  for (const name of names.length > 0 ? names : packages())
    process.stdout.write(`${relative(process.cwd(), pack(name))}\n`);
}
