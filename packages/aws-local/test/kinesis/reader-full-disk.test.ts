import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSmallDisk, type FillableDisk } from 'aws-local-kit/testing';

import { fileState, type ReaderState } from 'kinesis-reader';

const possible = createSmallDisk(1);
possible?.dispose();
if (!possible) console.warn('a full disk below a state file is left out: this user may not mount a tmpfs');
const onRealDisk = possible ? describe : describe.skip;

const stateOf = (revision: number) =>
  ({
    version: 1,
    revision,
    stream: { arn: 'arn', createdAt: '' },
    start: 'beginning',
    shards: Object.fromEntries(Array.from({ length: 200 }, (_, shard) => [`shard ${shard}`, { after: `${revision}` }])),
  }) as unknown as ReaderState;

onRealDisk('a full disk below a state file', () => {
  let disk: FillableDisk;
  beforeEach(() => {
    disk = createSmallDisk(1)!;
  });
  afterEach(() => disk.dispose());
  const stateFile = () => join(disk.folder, 'state.json');

  test.each([0, 4096])(
    'keeps the last state, and the next save succeeds when there is room (%s bytes left)',
    async (room) => {
      const store = fileState(stateFile());
      await store.open();
      await store.save(stateOf(1));
      disk.fill(room);
      await expect(store.save(stateOf(2))).rejects.toMatchObject({
        name: 'StateError',
        message: `${stateFile()} cannot be saved: its disk is full; free some space and commit again. The positions in it are as before`,
      });
      expect(await store.load()).toEqual(stateOf(1));
      disk.free();
      await store.save(stateOf(3));
      await store.close();
      const next = fileState(stateFile());
      await next.open();
      expect(await next.load()).toEqual(stateOf(3));
      await next.close();
      expect(readdirSync(disk.folder)).toEqual(['state.json']);
    },
  );

  test('a lock that found no room is not in the way of the next start', async () => {
    disk.fill();
    const store = fileState(stateFile());
    await expect(store.open()).rejects.toThrow(`${stateFile()} cannot be locked`);
    disk.free();
    await store.open();
    await store.close();
  });
});
