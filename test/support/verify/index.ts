import type { Simulated } from '../simulation';
import type { Template } from '../template';
import { accountProblems } from './accounts';
import { verifyExports } from './exports';
import { verifyForgotten } from './forgotten';
import { verifyGaps } from './gaps';
import { verifyLedger } from './ledger';
import { verifyOrigins } from './origins';
import { verifyRows } from './rows';
import { storeProblems } from './stores';
import { verifyViews } from './views';

/** Compares the tables row by row with the truth. Returns the problems; none if all is well. */
export async function verify(simulated: Simulated, { pipeline }: Pick<Template, 'pipeline'>): Promise<string[]> {
  const { cloud, truth, problems } = simulated;
  const { name } = pipeline;
  const ledger = await verifyLedger(simulated, name);
  const { events, problems: wrongRows } = await verifyRows(cloud, name, truth, ledger.loaded);
  return [
    ...problems,
    ...(await accountProblems(cloud, name)),
    ...ledger.problems,
    ...wrongRows,
    ...(await verifyOrigins(cloud, name, truth)),
    ...(await verifyViews(cloud, name, events)),
    ...(await verifyGaps(cloud, name, truth)),
    ...(await verifyExports(cloud, pipeline)),
    ...(await verifyForgotten(cloud, pipeline, truth)),
    ...(await storeProblems(cloud, simulated.streamName)),
  ];
}
