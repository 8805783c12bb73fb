import { TextCache } from '../../src/sql/memo';

/** Uses a text and returns whether it was made for this use. */
function userOf(cache: TextCache<object>) {
  return (text: string) => {
    let made = false;
    cache.get(text, () => {
      made = true;
      return {};
    });
    return made;
  };
}
const long = (n: number) => `${n}`.padEnd(10_000);

test('a text that was used twice outlives thousands that were used once', () => {
  const isMade = userOf(new TextCache());
  expect([isMade('repeated'), isMade('repeated')]).toEqual([true, false]);
  for (let n = 0; n < 1000; n++) isMade(long(n));
  expect(isMade('repeated')).toBe(false);
});

test('few texts that were used once are kept, and a second use is recognized later', () => {
  const isMade = userOf(new TextCache());
  for (let n = 0; n < 1000; n++) isMade(long(n));
  const kept = Array.from({ length: 1000 }, (_, n) => n).filter((n) => !isMade(long(n)));
  expect(kept.length).toBeLessThan(20);
  const again = Array.from({ length: 1000 }, (_, n) => 999 - n).filter((n) => !isMade(long(n)));
  expect(again.length).toBeGreaterThan(50);
});

test('an error is passed on, and nothing is kept', () => {
  const cache = new TextCache<number>();
  const failing = () => {
    throw new Error('not SQL');
  };
  expect(() => cache.get('text', failing)).toThrow('not SQL');
  expect(cache.get('text', () => 1)).toBe(1);
});
