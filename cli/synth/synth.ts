import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Writes the templates of every environment to `cdk.out` and prints one line for each stack. */
function main(): number {
  const root = join(__dirname, '../..');
  const outDir = join(root, 'cdk.out');
  rmSync(outDir, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [join(root, 'bin/app.js'), ...process.argv.slice(2)], {
    cwd: root,
    env: { ...process.env, CDK_OUTDIR: outDir },
    stdio: 'inherit',
  });
  if (status !== 0) return status ?? 1;
  const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.template.json'),
  );
  for (const file of files.sort()) console.log(summary(root, join(outDir, file)));
  return 0;
}

/** Shows resources and size, because CloudFormation allows 500 resources and 1 MB (its quotas). */
function summary(root: string, path: string): string {
  const text = readFileSync(path);
  const { Resources } = JSON.parse(text.toString()) as { Resources: object };
  const count = String(Object.keys(Resources).length).padStart(4);
  const size = `${Math.ceil(text.length / 1024)} kB`.padStart(7);
  return `${count} resources ${size}  ${relative(root, path)}`;
}

process.exitCode = main();
