import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePlan } from '../../../cli/plan/make-plan';
import { printedPlan } from '../../../cli/plan/print';
import { styleFor } from '../../../cli/terminal';
import { documented, same } from '../documented';
import { edits, sidesOf } from './edits';

const folder = join(__dirname, 'golden');
const style = styleFor({ write: () => undefined }, {});
/** After a change of what is said: UPDATE_GOLDEN=1 npx jest test/cli/plan, then read what changed. */
const update = process.env['UPDATE_GOLDEN'] === '1';

const planOf = (name: string) => makePlan('prod', 'the registry of the warehouse of prod', sidesOf(edits[name]!));

test.each(Object.keys(edits))('the plan of an edit: %s', (name) => {
  const { dbt, statements = !dbt } = edits[name]!;
  const text = printedPlan(planOf(name), style, { statements });
  const file = join(folder, `${name}.txt`);
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(existsSync(file) ? readFileSync(file, 'utf8') : '');
});

test('there is a golden plan for each edit and no other', () => {
  const wanted = Object.keys(edits).map((name) => `${name}.txt`);
  if (update) for (const file of readdirSync(folder)) if (!wanted.includes(file)) rmSync(join(folder, file));
  expect(readdirSync(folder).sort()).toEqual(wanted.sort());
});

test('none has a line that a terminal of 120 columns breaks, but statements', () => {
  for (const name of Object.keys(edits)) {
    const text = printedPlan(planOf(name), style, { statements: false });
    expect(text.split('\n').filter((line) => line.length > 112)).toEqual([]);
  }
});

test('--json has the names and types that its documentation shows', () => {
  const problem = { object: 'view shop.sold', problem: 'gone', advice: 'bring it back', stops: true };
  same({ ...planOf('everything-at-once'), problems: [problem] }, documented.get('plan'), 'plan');
});
