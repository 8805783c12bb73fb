import { environments } from '../../environments';
import { pipelines } from '../../pipelines';
import { type Page, type Source, servePage } from '../../ui/server';
import { HistoryRows } from '../commands/local/history-counts';
import type { BatchRequests } from '../commands/local/requests';
import { tryEndpoint } from './endpoints';
import type { FaultsOnDemand } from './faults-on-demand';
import { FlowReader } from './flow';
import { localPorts } from './local-ports';
import type { PageRuntime } from './page-runtime';
import { readCalls } from './read-calls';
import { retryCall } from './through-commands';
import { tryIt } from './try-it';
import { RuntimeWatch } from './watch';

const ENVIRONMENT = 'dev';
/** A page of the local runtime shows what is, at any time. */
const nothingToLook = { '/api/look': async () => ({ done: 'the figures are those of now' }) };

/** Serves the page of the local runtime. */
export async function openPage(page: PageRuntime, faults: FaultsOnDemand, requests: BatchRequests): Promise<Page> {
  const environment = environments.find(({ name }) => name === ENVIRONMENT)!;
  const watch = new RuntimeWatch(page.runtime, pipelines);
  const ports = localPorts(page, watch, environment, new HistoryRows(page.demo));
  const attempts = tryIt(page, watch, faults, requests, pipelines);
  const state = {
    events: (pipeline: string) => watch.events(pipeline),
    deliveries: () => watch.deliveries,
    catchingUp: () => !requests.accepted,
    clockRate: () => page.runtime.clock.rate(),
    paused: () => page.runtime.pause.state() !== undefined,
    pausedUntil: () => page.runtime.pause.next('resume'),
  };
  const flow = new FlowReader(ports, state, pipelines);
  const { dispose, download, calls } = readCalls(ports, pipelines);
  const retry = retryCall(ports, pipelines)['/api/rejects/retry'];
  // The runtime reports the statements of its functions only.
  const thenTouch = async <T>(work: Promise<T>) => work.finally(() => watch.touch());
  const changing: Pick<Source['calls'], '/api/sql' | '/api/rejects/retry'> = {
    '/api/sql': (input) => thenTouch(calls['/api/sql'](input)),
    '/api/rejects/retry': (input) => thenTouch(retry(input)),
  };
  const source: Source = {
    version: () => flow.version(),
    snapshot: () => flow.snapshot(),
    onActivity: (listener) => watch.onActivity(listener),
    calls: { ...calls, ...changing, ...tryEndpoint(ports), ...attempts.calls, ...nothingToLook },
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
