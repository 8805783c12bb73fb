// The one line that `npm start -- --once --json` prints: one JSON object, whose counts add up.
const { readFileSync } = require('node:fs');
const assert = require('node:assert/strict');

const text = readFileSync(process.argv[2], 'utf8');
assert.equal(text.trimEnd().split('\n').length, 1, 'stdout must be one line');
const result = JSON.parse(text);
const { produced, events, duplicates, rejects, skipped, pending, views, exports: published, seconds, oracle } = result;
assert.equal(produced, events + duplicates + rejects + skipped + pending);
assert.equal(pending, 0);
for (const [name, value] of Object.entries({ events, duplicates, rejects }))
  assert.ok(value > 0, `${name} must be above 0`);
assert.deepEqual(oracle, { known: true, agrees: true, differences: [] });
for (const [name, rows] of Object.entries(views)) assert.ok(rows > 0, `${name} has no rows`);
for (const format of ['parquet', 'csv', 'json'])
  assert.ok(
    published.some((item) => item.format === format),
    `nothing was exported as ${format}`,
  );
for (const stage of ['synth', 'start', 'ingest', 'total']) assert.equal(typeof seconds[stage], 'number');
console.log(
  `${produced} produced = ${events} + ${duplicates} + ${rejects} + ${pending}; ${published.length} windows; ${seconds.total} s`,
);
