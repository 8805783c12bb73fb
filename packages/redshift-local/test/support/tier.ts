/** With MILLRACE_TESTS=all the fuzzers try more cases, and other ones for each MILLRACE_SEED. */
const isSecondTier = !['first', undefined].includes(process.env['MILLRACE_TESTS']);

/** How many random cases a fuzzer tries. */
export const cases = (first: number, all: number): number => (isSecondTier ? all : first);

/** The seed of a fuzzer. */
export const seedOf = (own: number): number => own + (isSecondTier ? Number(process.env['MILLRACE_SEED'] ?? 0) : 0);
