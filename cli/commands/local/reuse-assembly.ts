import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesize } from './synth';

const root = join(__dirname, '..', '..', '..');
/** Everything that synthesis reads. The lock file represents what is installed. */
const sources = [
  'bin',
  'cli',
  'environments',
  'lambda',
  'lib',
  'pipelines',
  'sql',
  'cdk.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
];

/** Synthesizes the dev environment, or reuses the folder where nothing that synthesis reads has changed since. */
export async function synthesizeIfChanged(outDir: string, signal: AbortSignal): Promise<string> {
  const keyFile = `${outDir}.key`;
  const key = sourcesKey(root, process.env);
  if (existsSync(join(outDir, 'manifest.json')) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key)
    return outDir;
  rmSync(keyFile, { force: true });
  rmSync(outDir, { recursive: true, force: true });
  await synthesize(outDir, signal);
  // A source that changed meanwhile has another key at the next start.
  writeFileSync(keyFile, key);
  return outDir;
}

/** A hash over the contents of the sources, the version of Node.js and the environment variables that AWS CDK reads. */
export function sourcesKey(tree: string, env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256');
  const add = (name: string, content: string | Buffer) => hash.update(`${name}\0${content.length}\0`).update(content);
  const visit = (path: string) => {
    const full = join(tree, path);
    if (statSync(full).isDirectory()) for (const name of readdirSync(full).sort()) visit(join(path, name));
    else add(path, readFileSync(full));
  };
  for (const path of sources) if (existsSync(join(tree, path))) visit(path);
  add('node', process.version);
  for (const name of Object.keys(env).sort()) if (/^(CDK|AWS|MILLRACE)_/.test(name)) add(name, env[name] ?? '');
  return hash.digest('hex');
}
