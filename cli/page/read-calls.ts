import type { Pipeline } from '../../pipelines/definition';
import type { Source } from '../../ui/server';
import { endpointCalls } from './endpoints';
import { exportCalls } from './exports';
import { planCalls } from './plan';
import type { PagePorts } from './ports';
import { runbookCalls } from './runbook';
import { seriesCalls } from './series';
import { callsThroughCommands } from './through-commands';
import { viewCalls } from './views';

/**
 * The calls that only read, of every environment; the console's are apart.
 * @param ended aborts with the page
 */
export function readCalls(ports: PagePorts, pipelines: readonly Pipeline[], ended: AbortSignal) {
  const { download, ...exports } = exportCalls(ports, pipelines);
  const calls = {
    ...callsThroughCommands(ports, pipelines),
    ...exports,
    ...viewCalls(ports, pipelines),
    ...planCalls(ports, pipelines, ended),
    ...seriesCalls(ports, pipelines),
    ...endpointCalls(ports, pipelines),
    ...runbookCalls,
  } satisfies Partial<Source['calls']>;
  return { calls, download };
}
