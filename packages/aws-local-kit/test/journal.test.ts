import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Journal } from '../src/journal';

let file: string;
beforeEach(() => {
  file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-journal-')), 'below', 'j.jsonl');
});
afterEach(() => jest.restoreAllMocks());

test('a write that a full disk cut off leaves the file as it was', () => {
  const journal = new Journal<number>(file);
  journal.append(1);
  const write = fs.writeSync.bind(fs);
  jest.spyOn(fs, 'writeSync').mockImplementationOnce((descriptor) => {
    write(descriptor, '22');
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  });
  expect(() => journal.append(2222)).toThrow('free some space, and the next call succeeds without a restart');
  journal.append(3);
  expect(new Journal<number>(file).read()).toEqual([1, 3]);
});

test('what a kill cut off is dropped, and the next entry starts a line', () => {
  new Journal<number>(file).append(1, 2);
  fs.appendFileSync(file, '{"torn":');
  const journal = new Journal<unknown>(file);
  expect(journal.read()).toEqual([1, 2]);
  journal.append(3);
  expect(new Journal(file).read()).toEqual([1, 2, 3]);
});

test('a spoilt line within is an error that names file and line', () => {
  new Journal(file).append(1);
  fs.appendFileSync(file, 'x\n2\n');
  expect(() => new Journal(file).read()).toThrow(`${file} line 2 is not JSON`);
});

test('compaction keeps what is live', () => {
  const journal = new Journal<number>(file);
  for (let i = 0; i < 1000; i++) journal.append(i);
  journal.compact(() => [998, 999], 2);
  journal.append(1000);
  expect(new Journal<number>(file).read()).toEqual([998, 999, 1000]);
});
