import { asText } from '../shared/parse';
import type { RefreshHost } from './host';
import { isLanded } from './idle';
import { listStatements } from './statements';

/** A run that began at this time vouches for nothing. */
const unknown = '1970-01-01 00:00:00';

/**
 * The warehouse's time before the run's first step, from the result of its first statement. It is the same at every
 * call, so that a repeated submission has the same text. Results are kept for 24 hours; after that it is unknown.
 */
export async function startedAt(host: RefreshHost, runId: string): Promise<string> {
  const [first] = host.plan.steps;
  const attempts = (await listStatements(host, `${runId}/`)).filter(({ at }) => at.step === first!.name);
  for (const { id } of attempts.sort((one, other) => one.at.attempt - other.at.attempt)) {
    const state = await host.warehouse.describe(id);
    const [query] = state.parts;
    if ((state.status !== 'FINISHED' && !isLanded(host, state)) || query?.status !== 'FINISHED') continue;
    const [row] = await host.warehouse.rows(query.id);
    return asText(row?.['started'], 'started');
  }
  host.log('it is not known when this run began, so it vouches for nothing', { runId });
  return unknown;
}
