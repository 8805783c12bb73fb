const { default: Sequencer } = require('@jest/test-sequencer');

/** The suites that take longest, the longest first: one of them at the end would run alone. Where durations of earlier runs are known, they count. */
const longest = [
  'e2e/deployment-walk',
  'faults/recovery/raising',
  'e2e/deployment',
  'faults/weakened',
  'faults/named',
  'faults/recovery/everything',
  'conformance/pack',
  'e2e/wide',
  'e2e/operator',
  'columns/killed',
  'lambda/warehouse-object/replacement',
  'e2e/backfill',
  'exports/chaos',
  'exports/crash',
  'exports/materialize',
  'e2e/local',
  'identity/reload',
  'identity/rebuild',
  'cli/history.e2e',
  'faults/recovery/kills',
  'faults/recovery/statements',
  'faults/recovery/deliveries',
  'faults/recovery/system-views',
  'e2e/faults',
  'e2e/unchanged',
  'e2e/gap',
  'sql/typing/typed-rows',
  'cli/partners/rotation',
  'cli/partners/verify',
  'cli/warehouse-abuse',
  'cli/warehouse',
  'columns/changes',
  'columns/wide',
  'history/property',
  'lambda/warehouse-object/landing',
  'history/seam',
  'sql/seam',
  'sql/merge',
  'lib/partner-isolation',
].map((name) => `/test/${name}.test.ts`);

const rank = ({ path }) => {
  const at = longest.findIndex((end) => path.endsWith(end));
  return at < 0 ? longest.length : at;
};
const longestFirst = (tests) => [...tests].sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));

module.exports = class extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    return sorted.some(({ duration }) => (duration ?? 0) > 0) ? sorted : longestFirst(sorted);
  }

  /** Deals the suites out, so that each shard takes about as long as another. */
  shard(tests, { shardIndex, shardCount }) {
    return longestFirst(tests).filter((_, index) => index % shardCount === shardIndex - 1);
  }
};
