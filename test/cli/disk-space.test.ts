import { assertRoom, NEEDED_TO_GO_ON_MIB, watchDisk } from '../../cli/commands/local/disk-space';

const mib = (count: number) => () => count * 1024 * 1024;

test('a run that would fill the disk is refused with both figures', () => {
  expect(() => assertRoom('/data', 1_000_000, mib(500))).toThrow(
    '/data has 500 MiB free, and 1000000 events need about 2146 MiB',
  );
  expect(() => assertRoom('/data', 1_000, mib(500))).not.toThrow();
});

test('the run is stopped before the disk is full', () => {
  let free = NEEDED_TO_GO_ON_MIB;
  const disk = watchDisk('/data', () => free * 1024 * 1024);
  disk.look();
  expect(disk.signal.aborted).toBe(false);
  free -= 1;
  disk.look();
  expect(disk.signal.aborted).toBe(true);
  expect(() => disk.signal.throwIfAborted()).toThrow('/data has 47 MiB free; the data stays');
  disk.dispose();
});

test('the run is stopped when its folder is gone', () => {
  const disk = watchDisk('/data', () => {
    throw new Error('ENOENT: no such file or directory');
  });
  disk.look();
  expect(() => disk.signal.throwIfAborted()).toThrow('/data cannot be read any more (ENOENT');
  disk.dispose();
});
