import { dev } from './dev';
import type { Environment } from './environment';
import { prod } from './prod';
import { staging } from './staging';

/** Every environment is synthesized every time, so that a reviewer sees what changes in each. */
export const environments: readonly Environment[] = [dev, staging, prod];
