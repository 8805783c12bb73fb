import { playInterleaved, type WeakenParty } from './play';

const longestMs = 10 * 60_000;

/** A load whose statements are committed one by one, so that rows can exist without their ledger entry. */
const oneByOne: WeakenParty = (_, step) => ({
  ...step,
  mode: 'auto-commit',
  statements: step.statements.filter((sql) => !/^lock /.test(sql)),
});

const killedAt = (turn: number) =>
  ({
    isolation: 'snapshot',
    snapshots: 'before-wait',
    parties: ['load', 'merge'],
    turns: Array<number>(turn).fill(0),
    kills: [{ party: 0, turn, again: false }],
  }) as const;

test(
  'a party that is killed before a statement leaves nothing, and one whose statements are no transaction does',
  async () => {
    // The rows are inserted, and no run counts them yet. Statements that commit one by one take a turn for each commit.
    const [whole, weakened] = [await playInterleaved(killedAt(20)), await playInterleaved(killedAt(32), oneByOne)];
    expect(whole).toMatchObject({ problems: [], conflicts: [], killed: 1 });
    expect(weakened.problems).not.toEqual([]);
  },
  longestMs,
);

test(
  'a party that is killed while it waits for a lock gives up its place, and may begin again',
  async () => {
    for (const again of [true, false]) {
      const kills = [{ party: 1, turn: 6, again }];
      // The merge has its lock, then the load waits for it.
      const turns = [0, 0, 1, 1, 0, 0, 0, 0];
      const played = await playInterleaved({
        isolation: 'serializable',
        snapshots: 'after-wait',
        parties: ['merge', 'load'],
        turns,
        kills,
      });
      expect(played).toMatchObject({ problems: [], killed: 1 });
    }
  },
  longestMs,
);
