#!/usr/bin/env node
// Plays random faults against the pipeline, as often as asked: `npm run faults -- --runs 5000 [--seed 7] [--only "killed"]`.
const { spawn } = require('node:child_process');
const { accessSync, constants } = require('node:fs');
const { parseArgs } = require('node:util');

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const runs = Number(values.runs);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
for (const [name, value] of Object.entries({ runs, seed }))
  if (!Number.isSafeInteger(value) || value < 1) {
    console.error(`--${name} must be a whole number from 1 on, got ${values[name]}`);
    process.exit(1);
  }

/** The files of a run live for a second: memory is the place for them. */
function memoryFolder() {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return undefined;
  }
}

console.log(`${runs} runs, seed ${seed}`);
const jest = require.resolve('jest/bin/jest');
const only = values.only ? ['--testNamePattern', values.only] : [];
const folder = memoryFolder();
spawn(process.execPath, [jest, '--testPathPatterns', 'test/faults/recovery', '--verbose', ...only], {
  cwd: require('node:path').join(__dirname, '..'),
  stdio: 'inherit',
  env: {
    ...process.env,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    FAULT_RUNS: String(runs),
    FAULT_SEED: String(seed),
    ...(folder ? { TMPDIR: folder } : {}),
  },
}).on('exit', (code) => process.exit(code ?? 1));
