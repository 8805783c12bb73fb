import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { pack } from '../../cli/pack/pack';
import { isSecondTier } from '../support/tier';

/** What `npm install` needs is a registry. */
function hasRegistry(): boolean {
  try {
    execFileSync('npm', ['view', 'constructs', 'version', '--fetch-retries=0', '--fetch-timeout=10000'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** On a disk, since an installed CDK is large, and outside of the repository, whose node_modules would help out. */
const parent = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
const folders: string[] = [];
const servers: ChildProcess[] = [];
afterAll(() => {
  for (const server of servers) if (server.exitCode === null) process.kill(-server.pid!, 'SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** The environment of a person's shell: nothing of this run of the tests. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|TMPDIR|JEST|CDK_|AWS_)/i.test(name)),
);

/** A person who has the README and the tarballs in an empty folder. The README's port is replaced by a free one. */
async function reader(name: string, readmePort: string) {
  const folder = mkdtempSync(join(parent, `${name}-`));
  folders.push(folder);
  const port = String(await freePort());
  const readme = readFileSync(join(__dirname, '../../packages', name, 'README.md'), 'utf8').replaceAll(
    readmePort,
    port,
  );
  for (const [, file, text] of readme.matchAll(/```js\n\/\/ ([\w.]+)\n([\s\S]*?)```/g))
    writeFileSync(join(folder, file!), text!);
  const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
  const command = (start: string) => commands.find((line) => line.startsWith(start))!;
  return {
    folder,
    port,
    run: (line: string) => execFileSync('bash', ['-c', line], { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' }),
    command,
    /** The README's install line, with tarballs for the packages of this repository. */
    install: (...tarballs: readonly string[]) => {
      const line = command('npm install').replace(` ${name}`, ` ${tarballs.join(' ')}`);
      execFileSync('bash', ['-c', `${line} --no-audit --no-fund`], { cwd: folder, env, stdio: 'pipe' });
    },
    /** Starts what goes on until it is ended, and waits for the line that says it is ready. */
    serve: async (line: string) => {
      const server = spawn('bash', ['-c', line], {
        cwd: folder,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      servers.push(server);
      let err = '';
      server.stderr!.on('data', (chunk) => {
        err += chunk;
      });
      await new Promise<void>((resolve, reject) => {
        createInterface({ input: server.stdout! }).on('line', (text) => text.startsWith('{') && resolve());
        server.once('exit', (code) => reject(new Error(`${line} ended with ${code}: ${err}`)));
      });
    },
  };
}

const suite = isSecondTier && hasRegistry() ? describe : describe.skip;

suite('the packages, installed from their tarballs in an empty folder', () => {
  jest.setTimeout(600_000);

  test('redshift-local answers a query, and redshift-conformance finds no difference there', async () => {
    const { install, serve, run, command, port, folder } = await reader('redshift-local', '5480');
    install(pack('redshift-local'), pack('redshift-conformance'));
    await serve(command('npx redshift-local'));
    expect(run(command('AWS_SHARED_CREDENTIALS_FILE'))).toBe('FINISHED {"answer":42}\n');
    expect(run('npx redshift-conformance --list')).toMatch(/^merge: .* \(\d+ cases\)$/m);
    const target = `--endpoint http://127.0.0.1:${port} --cluster demo --database dev --db-user awsuser --topic casts`;
    const keys = 'AWS_REGION=eu-west-1 AWS_SHARED_CREDENTIALS_FILE=.redshift-local/credentials';
    expect(run(`${keys} npx redshift-conformance ${target}`)).toMatch(/ 0 differ$/m);
    writeFileSync(
      join(folder, 'typed.ts'),
      `import { createWarehouse, serveWarehouse, type ServedWarehouse } from 'redshift-local';
import { reservedWords } from 'redshift-local/reserved-words';
import { readPack } from 'redshift-conformance';
export const served: Promise<ServedWarehouse> = serveWarehouse({ dataDir: 'x', port: 0, region: 'eu-west-1' });
// @ts-expect-error a port is a number
void serveWarehouse({ dataDir: 'x', port: '0', region: 'eu-west-1' });
export const words: number = reservedWords.size + readPack().length;
export { createWarehouse };
`,
    );
    const tsc = join(__dirname, '../../node_modules/typescript/bin/tsc');
    const types = join(__dirname, '../../node_modules/@types');
    const options = `--noEmit --strict --skipLibCheck --module nodenext --target es2023 --types node --typeRoots ${types}`;
    expect(run(`node ${tsc} ${options} typed.ts`)).toBe('');
  });

  test('aws-local runs the app of its README', async () => {
    const { install, serve, run, command } = await reader('aws-local', '4700');
    install(pack('aws-local'));
    run(command('node app.js'));
    await serve(command('npx aws-local'));
    run(command('curl'));
    const read = () => {
      try {
        return run(command('cat'));
      } catch {
        return '';
      }
    };
    const deadline = Date.now() + 30_000;
    while (!read().includes('new picture') && Date.now() < deadline) await wait(200);
    expect(read()).toContain('new picture: cat.jpg');
  });
});

test('a package carries what it needs of this repository: neither code nor declarations name another package of it', () => {
  pack('aws-local');
  const dist = join(__dirname, '../../packages/aws-local/dist');
  const { exports, dependencies } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'));
  const named = Object.values(exports as Record<string, { types: string; default: string }>).flatMap(Object.values);
  expect(named.filter((file) => !existsSync(join(dist, file)))).toEqual([]);
  expect(dependencies).toEqual({});
  const written = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(js|d\.ts)$/.test(file));
  expect(written.length).toBeGreaterThan(50);
  const foreign = /(?:from |require\(|import\()["'](?:aws-local-kit|redshift-local|kinesis-reader)/;
  expect(written.filter((file) => foreign.test(readFileSync(join(dist, file), 'utf8')))).toEqual([]);
});
