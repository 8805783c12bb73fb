import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads `plan.json` beside the bundle. It was compiled together with the bundle, so it is not checked. */
export const readPlan = <Plan>(folder = __dirname): Plan =>
  JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as Plan;
