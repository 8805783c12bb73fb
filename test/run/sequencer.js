const { default: Sequencer } = require('@jest/test-sequencer');

/** The suites that take longest, the longest first: one of them at the end would run alone. Where durations of earlier runs are known, they count. */
const longest = require('./longest.json').map((suite) => `/${suite}.test.ts`);

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
