import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain } from '../failure';
import { styleFor, table } from '../terminal';
import { playEverything } from './features';
import { reasonFor, unusedReasons } from './reasons';
import type { Permission } from './usage';

/** Exit code 0 only if every permission was used or has a reason, and every reason a permission. */
async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-iam-'));
  try {
    const permissions = await playEverything(folder, (what) => process.stderr.write(`  ${what}\n`));
    return report(permissions);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(permissions: readonly Permission[]): number {
  const style = styleFor(process.stdout, process.env);
  const unused = permissions.filter(({ used }) => !used);
  const explained = unused.flatMap((permission) => {
    const reason = reasonFor(permission, permissions);
    return reason ? [[permission.role, permission.action, reason]] : [];
  });
  const unexplained = unused.filter((permission) => !reasonFor(permission, permissions));
  const roles = new Set(permissions.map(({ role }) => role));
  process.stdout.write(`${perRole(permissions).length} roles\n\n`);
  process.stdout.write(
    `${table(['role', 'granted', 'used', 'with a reason', 'unexplained'], perRole(permissions), style)}\n\n`,
  );
  if (explained.length > 0)
    process.stdout.write(
      `Not used here, and why they are granted:\n\n${table(['role', 'action', 'reason'], explained, style, '', 160)}\n\n`,
    );
  const rows = unexplained.map(({ role, action, resources }) => [role, action, resources.join(', ')]);
  if (rows.length > 0)
    process.stdout.write(
      `Granted, never used, and nobody says why:\n\n${table(['role', 'action', 'resources'], rows, style, '', 160)}\n\n`,
    );
  const idle = unusedReasons(unused);
  for (const reason of idle)
    process.stdout.write(`bin/iam/reasons.ts explains ${reason}, which is used or not granted\n`);
  process.stdout.write(
    `${permissions.length} permissions of ${roles.size} roles: ${permissions.length - unused.length} used, ${explained.length} with a reason, ${rows.length} unexplained\n`,
  );
  return rows.length === 0 && idle.length === 0 ? 0 : 1;
}

function perRole(permissions: readonly Permission[]): (string | number)[][] {
  return [...new Set(permissions.map(({ role }) => role))].map((role) => {
    const own = permissions.filter((permission) => permission.role === role);
    const unused = own.filter(({ used }) => !used);
    const explained = unused.filter((permission) => reasonFor(permission, permissions)).length;
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
