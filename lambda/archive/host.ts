import { consoleLog, type Log } from '../shared/log';

export interface ArchiveHost {
  readonly log: Log;
}

export const createHost = (): ArchiveHost => ({ log: consoleLog });
