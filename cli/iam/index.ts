import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain } from '../failure';
import { styleFor, table } from '../terminal';
import { playEverything } from './features';
import { reasonFor, unusedReasons } from './reasons';
import type { Permission } from './usage';

/** Exits with 0 only if every permission was used or has a reason, and every reason has a permission. */
async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-iam-'));
  try {
    const permissions = await playEverything(folder, (what) => process.stderr.write(`  ${what}\n`));
    return report(permissions);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Judged extends Permission {
  readonly reason: string | undefined;
}

function report(granted: readonly Permission[]): number {
  const style = styleFor(process.stdout, process.env);
  const permissions = granted.map(
    (permission): Judged => ({
      ...permission,
      reason: permission.used ? undefined : reasonFor(permission, granted),
    }),
  );
  const unused = permissions.filter(({ used }) => !used);
  const explained = unused.filter(({ reason }) => reason !== undefined);
  const unexplained = unused.filter(({ reason }) => reason === undefined);
  const roles = perRole(permissions);
  const section = (title: string, columns: string[], rows: string[][]) =>
    rows.length > 0 && process.stdout.write(`${title}:\n\n${table(columns, rows, style, { longest: 160 })}\n\n`);
  process.stdout.write(`${roles.length} roles\n\n`);
  process.stdout.write(`${table(['role', 'granted', 'used', 'with a reason', 'unexplained'], roles, style)}\n\n`);
  section(
    'Not used here, and why they are granted',
    ['role', 'action', 'reason'],
    explained.map(({ role, action, reason }) => [role, action, reason!]),
  );
  section(
    'Granted, never used, and without a reason',
    ['role', 'action', 'resources'],
    unexplained.map(({ role, action, resources }) => [role, action, resources.join(', ')]),
  );
  const idle = unusedReasons(unused);
  for (const reason of idle)
    process.stdout.write(`cli/iam/reasons.ts explains ${reason}, which is used or not granted\n`);
  process.stdout.write(
    `${permissions.length} permissions of ${roles.length} roles: ${permissions.length - unused.length} used, ${explained.length} with a reason, ${unexplained.length} unexplained\n`,
  );
  return unexplained.length === 0 && idle.length === 0 ? 0 : 1;
}

function perRole(permissions: readonly Judged[]): (string | number)[][] {
  return [...new Set(permissions.map(({ role }) => role))].map((role) => {
    const own = permissions.filter((permission) => permission.role === role);
    const unused = own.filter(({ used }) => !used);
    const explained = unused.filter(({ reason }) => reason !== undefined).length;
    return [role, own.length, own.length - unused.length, explained, unused.length - explained];
  });
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`error: ${explain(error)}\n`);
    process.exitCode = 1;
  },
);
