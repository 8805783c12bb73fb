import { environments } from '../../environments';
import type { Runtime } from '../../local/runtime';
import { pipelines } from '../../pipelines';
import { type Page, type Source, servePage } from '../../ui/server';
import { stackName } from '../cloud/names';
import { HistoryRows } from '../commands/local/history-counts';
import type { BatchRequests } from '../commands/local/requests';
import { sqlConsole } from './console';
import { DeployedTree, type Tree } from './deployed-tree';
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
  const watch = new RuntimeWatch(page.runtime, () => tree.current.pipelines);
  const tree = followed(page.runtime, watch, () => (view = viewOf(tree.current)));
  const ports = localPorts(page, watch, () => tree.current.environment, new HistoryRows(page.demo));
  const ended = new AbortController();
  const sql = sqlConsole(ports);
  faults.onHappened((what) => watch.report('fault', what));
  const state = {
    events: (pipeline: string) => watch.events(pipeline),
    deliveries: () => watch.deliveries,
    catchingUp: () => !requests.accepted,
    clockRate: () => page.runtime.clock.rate(),
    paused: () => page.runtime.pause.state() !== undefined,
    pausedUntil: () => page.runtime.pause.next('resume'),
  };
  // The runtime reports the statements of its functions only.
  const thenTouch = async <T>(work: Promise<T>) => work.finally(() => watch.touch());
  const viewOf = ({ pipelines: deployed }: Tree) => {
    const { calls, download } = readCalls(ports, deployed, ended.signal);
    const retry = retryCall(ports, deployed)['/api/rejects/retry'];
    const changing: Pick<Source['calls'], '/api/sql' | '/api/sql/cancel' | '/api/rejects/retry'> = {
      ...sql.calls,
      '/api/sql': (input) => thenTouch(sql.calls['/api/sql'](input)),
      '/api/rejects/retry': (input) => thenTouch(retry(input)),
    };
    const attempts = tryIt(page, watch, faults, requests, deployed);
    return {
      flow: new FlowReader(ports, state, deployed),
      calls: { ...calls, ...changing, ...tryEndpoint(ports, deployed), ...attempts, ...nothingToLook },
      download,
    };
  };
  let view = viewOf(tree.current);
  const served = await servePage(page.dataDir, {
    version: () => view.flow.version(),
    snapshot: () => view.flow.snapshot(),
    onActivity: (listener) => watch.onActivity(listener),
    get calls() {
      return view.calls;
    },
    download: (key) => view.download(key),
  });
  return {
    address: served.address,
    async dispose() {
      await served.dispose();
      ended.abort();
      sql.dispose();
      tree.dispose();
      watch.dispose();
    },
  };
}

/** Follows the deployments of the runtime. @param onChange called when another tree is deployed */
function followed(runtime: Runtime, watch: RuntimeWatch, onChange: () => void) {
  const environment = environments.find(({ name }) => name === ENVIRONMENT)!;
  const tree = new DeployedTree({ environment, pipelines }, stackName(ENVIRONMENT, 'pipelines'), (problem) => {
    if (problem === undefined) onChange();
    watch.report(
      'deployment',
      problem === undefined ? 'the page shows what is deployed now' : notShown(problem),
      problem !== undefined,
    );
  });
  const dispose = runtime.onRun((event) => void tree.hear(event));
  return Object.assign(tree, { dispose });
}

const notShown = (problem: string) =>
  `the page still shows the pipelines of before, because the working tree cannot be loaded: ${problem}`;
