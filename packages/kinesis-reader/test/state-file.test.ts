import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StateError } from '../src/errors';
import type { ReaderState } from '../src/state';
import { fileState } from '../src/state-file';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kinesis-reader-'));
  file = join(folder, 'state.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const state: ReaderState = {
  version: 1,
  revision: 1,
  stream: { arn: 'arn:aws:kinesis:eu-west-1:000000000000:stream/clicks', createdAt: '2026-01-01T00:00:00.000Z' },
  start: 'beginning',
  shards: {},
};

test('saves a document that it loads again, and leaves nothing else behind', async () => {
  const store = fileState(file);
  await store.open();
  expect(await store.load()).toBeUndefined();
  await store.save(state);
  expect(await store.load()).toEqual(state);
  await store.close();
  expect(existsSync(`${file}.lock`)).toBe(false);
  expect(existsSync(`${file}.new`)).toBe(false);
});

test('a second reader is refused: of this process, and of another one that lives', async () => {
  const store = fileState(file);
  await store.open();
  await expect(fileState(file).open()).rejects.toThrow(/state.json is in use by this process; one reader at a time/);
  await store.close();
  writeFileSync(`${file}.lock`, `${process.ppid} other\n`);
  await expect(fileState(file).open()).rejects.toThrow(`in use by process ${process.ppid}`);
  expect(readFileSync(`${file}.lock`, 'utf8')).toContain('other');
});

test('the lock of a process that died is taken over', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(`${file}.lock`, `${pid} dead\n`);
  const store = fileState(file);
  await store.open();
  expect(readFileSync(`${file}.lock`, 'utf8')).toContain(`${process.pid} `);
  await store.close();
});

test.each([
  ['', /it is empty/],
  ['{"version": 1, "sha', /cut off or not JSON/],
])('a file that holds %j is an error and is kept', async (text, message) => {
  writeFileSync(file, text);
  const store = fileState(file);
  await store.open();
  await expect(store.load()).rejects.toThrow(StateError);
  await expect(store.load()).rejects.toThrow(message);
  await store.close();
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a folder that does not exist is named', async () => {
  await expect(fileState(join(folder, 'none', 'state.json')).open()).rejects.toThrow(
    /none\/state.json cannot be locked: ENOENT/,
  );
});
