import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `plan.json` beside the bundle. It was compiled together with the bundle, so its shape is taken as given. */
export const readPlan = <Plan>(folder = __dirname): Plan =>
  JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as Plan;
