/**
 * The tests come in two tiers. `npm test` runs every suite, with a few cases of each walk and each fuzzer.
 * `npm run test:all` sets MILLRACE_TESTS=all and runs more cases. MILLRACE_TESTS=exhaustive runs every case of a walk,
 * which takes hours. docs/testing.md lists what each tier runs.
 */
type Tier = 'first' | 'all' | 'exhaustive';
const tiers: readonly Tier[] = ['first', 'all', 'exhaustive'];

const tier = (process.env['MILLRACE_TESTS'] ?? 'first') as Tier;
if (!tiers.includes(tier)) throw new Error(`MILLRACE_TESTS must be one of ${tiers.join(', ')}, got ${tier}`);

const seed = Number(process.env['MILLRACE_SEED'] ?? 0);
if (!(Number.isInteger(seed) && seed >= 0))
  throw new Error(`MILLRACE_SEED must be a whole number from 0, got ${process.env['MILLRACE_SEED']}`);

/**
 * Chooses the cases. In the second tier it is MILLRACE_SEED: 0, 1, 2 … visit all cases of a walk in turn. In the first
 * tier it is always 0.
 */
export const rotation = tier === 'first' ? 0 : seed;

/** True for tests that only the second tier runs. */
export const isSecondTier = tier !== 'first';

/** True if a walk runs every case. */
export const isExhaustive = tier === 'exhaustive';

/** The `test` function for tests that only the second tier runs. */
export const secondTierTest: jest.It = isSecondTier ? test : test.skip;

/** Returns how many random cases a fuzzer tries. */
export const cases = (first: number, all: number): number => (isSecondTier ? all : first);

/** Returns the seed of a fuzzer. */
export const seedOf = (own: number): number => own + rotation;

/** Selects every nth case of a walk. */
export function everyNth<T>(walked: readonly T[], first: number, all = 1): T[] {
  const { step, offset } = stride(first, all);
  return walked.filter((_, index) => index % step === offset);
}

/** Returns the step and the first index, for a walk whose length is known only at its end. */
export function stride(first: number, all = 1): { readonly step: number; readonly offset: number } {
  const step = isExhaustive ? 1 : isSecondTier ? all : first;
  return { step, offset: rotation % step };
}
