import { environments } from '../../environments';
import { pipelines } from '../../pipelines';
import { type Calls, type Page, type Source, servePage } from '../../ui/server';
import type { BatchRequests } from '../commands/local/requests';
import { sqlConsole } from './console';
import { exportCalls } from './exports';
import type { FaultsOnDemand } from './faults-on-demand';
import { FlowReader } from './flow';
import type { PageRuntime } from './page-runtime';
import { runbookCalls } from './runbook';
import { seriesCalls } from './series';
import { callsThroughCommands } from './through-commands';
import { tryIt } from './try-it';
import { viewCalls } from './views';
import { RuntimeWatch } from './watch';

const ENVIRONMENT = 'dev';

/** Serves the page of the local runtime. */
export async function openPage(page: PageRuntime, faults: FaultsOnDemand, requests: BatchRequests): Promise<Page> {
  const environment = environments.find(({ name }) => name === ENVIRONMENT)!;
  const watch = new RuntimeWatch(page.runtime);
  const attempts = tryIt(page, watch, faults, requests, pipelines);
  const state = {
    catchingUp: () => !requests.accepted,
    clockRate: () => page.runtime.clock.rate(),
    paused: () => page.runtime.pause.state() !== undefined,
    pausedUntil: () => page.runtime.pause.next('resume'),
  };
  const flow = new FlowReader(page, watch, state, environment, pipelines);
  const { dispose, ...sql } = sqlConsole(page);
  const { download, ...exports } = exportCalls(page, watch, environment);
  const calls: Calls = {
    ...callsThroughCommands(page, environment, pipelines),
    ...sql,
    ...exports,
    ...viewCalls(page, pipelines),
    ...seriesCalls(page, pipelines),
    ...runbookCalls,
    ...attempts.calls,
  };
  const source: Source = {
    version: () => flow.version(),
    snapshot: () => flow.snapshot(),
    onActivity: (listener) => watch.onActivity(listener),
    calls,
    download,
  };
  const served = await servePage(page.dataDir, source);
  return {
    address: served.address,
    async dispose() {
      await served.dispose();
      dispose();
      watch.dispose();
    },
  };
}
