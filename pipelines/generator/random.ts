/** A seeded source of randomness: the same seed text gives the same numbers on every machine. */
export interface Random {
  /** A whole number from 0 to `limit - 1`; `limit` at most 2^32. */
  below(limit: number): number;
  /** True with the given probability, 0 to 1. */
  chance(probability: number): boolean;
  pick<T>(values: readonly T[]): T;
}

/** The small fast counter generator of PractRand (sfc32), seeded from the hash of a text. */
export function createRandom(seed: string): Random {
  let [a, b, c] = hashText(seed);
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) next();
  return {
    below: (limit) => Math.floor((next() / 0x1_0000_0000) * limit),
    chance: (probability) => next() < probability * 0x1_0000_0000,
    pick: (values) => values[Math.floor((next() / 0x1_0000_0000) * values.length)]!,
  };
}

/** Three words of state, from FNV-1a over the UTF-16 units with three different offsets. */
function hashText(text: string): [number, number, number] {
  const word = (offset: number): number => {
    let hash = offset;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash | 0;
  };
  return [word(0x811c9dc5), word(0x9e3779b9), word(0x85ebca6b)];
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A text of letters and digits. */
export function randomText(random: Random, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += ALPHABET[random.below(ALPHABET.length)];
  return text;
}
