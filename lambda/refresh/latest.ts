import { compactTime } from '../shared/statement-name';
import { isTerminal } from '../shared/warehouse';
import type { RefreshHost } from './host';
import { activeStatement, listStatements, type OwnStatement } from './statements';

const hourMs = 3_600_000;
const tenMinutesMs = 600_000;
/** The clocks of the function and of the schedule differ by less than this. */
const clockMs = 60_000;

/**
 * Statements of the latest runs, among them every active statement. The API allows three listings a second for the account, and a refresh of each
 * minute fills several pages of an hour. So a tick lists ten minutes, and an hour only where they are empty.
 *
 * A run starts only if no other one is active. So where a run of the last minutes is found, no run before them is active.
 */
export async function latestStatements(host: RefreshHost, scheduledTime: number): Promise<OwnStatement[]> {
  // The runs after a late tick may fill more than ten minutes.
  const isLate = host.now() - scheduledTime >= tenMinutesMs;
  const recent = isLate ? [] : await statementsAround(host, scheduledTime, tenMinutesMs);
  if (recent.length > 0) return recent;
  const active = await activeStatement(host);
  return active ? [active] : statementsAround(host, scheduledTime, hourMs);
}

/**
 * Statements of the runs of one period: that of the tick, with the one after it for a late tick; if there are none, those of the period before. An
 * older run that is unfinished needs no resuming, since a new run does its work.
 */
async function statementsAround(host: RefreshHost, scheduledTime: number, periodMs: number): Promise<OwnStatement[]> {
  // Run ids begin with the hour and the tens of minutes: 20261121T053 for 05:30 to 05:39.
  const listPeriod = (time: number) => listStatements(host, compactTime(time).slice(0, periodMs === hourMs ? -3 : -2));
  const next = (Math.floor(scheduledTime / periodMs) + 1) * periodMs;
  const later = host.now() + clockMs < next ? [] : await listPeriod(next);
  const found = [...later, ...(await listPeriod(scheduledTime))];
  return found.length > 0 ? found : listPeriod(scheduledTime - periodMs);
}

/** One that has not ended. */
export const activeOf = (statements: readonly OwnStatement[]) => statements.find(({ status }) => !isTerminal(status));
