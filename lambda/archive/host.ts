import { consoleLog, type Log } from '../shared/log';
import { readPlan } from '../shared/plan-file';
import type { ArchivePlan } from './contract';

export interface ArchiveHost {
  readonly log: Log;
  readonly plan: ArchivePlan;
}

export const createHost = (): ArchiveHost => ({ log: consoleLog, plan: readPlan<ArchivePlan>() });
