import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { refreshCostTable } from '../../bench/refresh-cost';
import { measured } from '../../bench/scale/measured';
import { exceptionTable, scanTable } from '../../bench/scale/scan-table';
import { inputTable } from '../../bench/simulate';
import { valuesWith } from '../../bench/simulate/inputs';
import { plot } from '../../bench/simulate/plot';
import { scenarioTable, simulate } from '../../bench/simulate/scenarios';

const read = (file: string) => readFileSync(join(__dirname, '../../docs', file), 'utf8');
const page = read('scale.md');
const scenarios = simulate(valuesWith());

test.each<[string, () => string]>([
  ['scans of a refresh, as npm run bench -- scans prints it', scanTable],
  ['scans without a bound, as npm run bench -- scans prints it', exceptionTable],
  ['costs of a refresh, as npm run bench -- refresh-cost prints it', () => refreshCostTable(measured)],
  ...scenarios.map((one): [string, () => string] => [
    `${one.name}, as npm run simulate prints it`,
    () => scenarioTable(one),
  ]),
  ['inputs, as npm run simulate prints it', inputTable],
])('docs/scale.md has the table of %s', (_, printed) => {
  expect(page).toContain(`\n${printed()}\n`);
});

test('docs/images/scale.svg is what npm run simulate -- --svg writes', () => {
  expect(read('images/scale.svg')).toBe(plot(scenarios.map(({ panel }) => panel)));
});
