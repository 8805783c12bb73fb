import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from '../src/lock';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a second runtime over the folder is told whose it is', () => {
  const unlock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(`a local runtime (process ${process.pid}) is running over ${folder}`);
  unlock();
  lockFolder(folder)();
});

test('takes over the lock of a process that is gone', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '0']);
  writeFileSync(join(folder, 'lock'), String(pid));
  const unlock = lockFolder(folder);
  expect(readFileSync(join(folder, 'lock'), 'utf8').split(' ')[0]).toBe(String(process.pid));
  unlock();
});

test('tells what is in the way of the folder', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => lockFolder(join(file, 'below'))).toThrow(`${file} is a file, where a folder is wanted`);
});

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('takes over the lock of an earlier process with the number of one that lives', () => {
  writeFileSync(join(folder, 'lock'), `${process.pid} 1`);
  lockFolder(folder)();
});

onLinux('does not go on for ever where no folder can be made', () => {
  expect(() => lockFolder('/proc/millrace/data')).toThrow('ENOENT');
});
