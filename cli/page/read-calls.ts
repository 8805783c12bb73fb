import type { Pipeline } from '../../pipelines/definition';
import type { Source } from '../../ui/server';
import { sqlConsole } from './console';
import { endpointCalls } from './endpoints';
import { exportCalls } from './exports';
import { planCalls } from './plan';
import type { PagePorts } from './ports';
import { runbookCalls } from './runbook';
import { seriesCalls } from './series';
import { callsThroughCommands } from './through-commands';
import { viewCalls } from './views';

/** The calls that every environment answers. */
export function readCalls(ports: PagePorts, pipelines: readonly Pipeline[]) {
  const ended = new AbortController();
  const { dispose: disposeConsole, ...sql } = sqlConsole(ports);
  const { download, ...exports } = exportCalls(ports);
  const calls = {
    ...callsThroughCommands(ports, pipelines),
    ...sql,
    ...exports,
    ...viewCalls(ports, pipelines),
    ...planCalls(ports, pipelines, ended.signal),
    ...seriesCalls(ports, pipelines),
    ...endpointCalls(ports, pipelines),
    ...runbookCalls,
  } satisfies Partial<Source['calls']>;
  const dispose = () => {
    ended.abort();
    disposeConsole();
  };
  return { calls, download, dispose };
}
