import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { everyNth } from '../support/tier';

/** Every bench that starts the environment, with sizes that take seconds. Its figures are not looked at. */
const benches: readonly (readonly string[])[] = [
  ['files', '--events', '5000', '--repeats', '1'],
  ['backlog', '--files', '20', '--megabytes', '1', '--repeats', '1'],
  ['reconcile', '--keys', '12000'],
  ['ingest', '--events', '2000'],
  ['refresh', '--events', '2000'],
  ['select', '--times', '3'],
  ['merge', '--large', '20000', '--repeats', '1'],
  ['memory', '--large', '20000'],
];

test.each(everyNth(benches, benches.length))(
  'npm run bench -- %s runs to its end',
  async (...args) => {
    const run = promisify(execFile)(process.execPath, ['bench/run.js', ...args], { cwd: join(__dirname, '../..') });
    expect((await run).stdout).toMatch(/\d/);
  },
  120_000,
);
