import type { Pipeline } from '../../pipelines/definition';
import type { Action, FaultName } from '../../ui/api';
import { type Calls, Refusal } from '../../ui/server';
import type { BatchRequest, BatchRequests } from '../commands/local/requests';
import { grouped, plural } from '../terminal';
import type { FaultsOnDemand } from './faults-on-demand';
import type { PageRuntime } from './page-runtime';
import type { RuntimeWatch } from './watch';

/** The most shards of a stream that is resharded. */
const MOST_SHARDS = 8;

type Send = Extract<Action, { kind: 'send' }>['what'];

const batches: Readonly<Record<Send, BatchRequest>> = {
  events: { events: 1000, shape: {} },
  malformed: { events: 100, shape: { malformed: 1, duplicates: 0 } },
  duplicates: { events: 100, shape: { duplicates: 1, malformed: 0 } },
  history: { events: 200, shape: { overlap: 1, malformed: 0, duplicates: 0 } },
};

const whatIsSent: Readonly<Record<Send, string>> = {
  events: 'events',
  malformed: 'records, half of them malformed',
  duplicates: 'records, each twice',
  history: 'records, and a history object with the same events again',
};

const armedFaults: Readonly<Partial<Record<FaultName, string>>> = {
  'lose-notification': 'the next notification of S3 is lost; the reconcile function finds its object',
  'double-notification': 'the next notification of S3 comes twice',
  'kill-load': 'the load function dies in its next run; its messages come back',
  'abort-merge': 'the next merge is aborted in its middle; the next run merges the same records',
};

/** Answers the page's calls that move the clock, send records and cause faults. */
export function tryIt(
  page: PageRuntime,
  watch: RuntimeWatch,
  faults: FaultsOnDemand,
  requests: BatchRequests,
  pipelines: readonly Pipeline[],
): Pick<Calls, '/api/try'> {
  const { runtime, demo } = page;

  const send = async (what: Send) => {
    const records = await requests.push(batches[what]);
    return `sent ${grouped(records)} ${whatIsSent[what]}`;
  };
  const reshard = () => {
    const deployed = pipelines.filter(({ name }) => demo.isDeployed(name));
    const done = deployed.map(({ name }) => {
      const stream = runtime.kinesis.stream(demo.streamOf(name));
      const open = stream.openShards.length;
      stream.resize(open * 2 <= MOST_SHARDS ? open * 2 : open / 2);
      return `${name}: ${open} shards became ${stream.openShards.length}`;
    });
    return done.join('; ');
  };
  const inject = (fault: FaultName): string => {
    switch (fault) {
      case 'reshard':
        return reshard();
      case 'pause-warehouse':
        if (runtime.pause.state() === undefined) runtime.pause.pause();
        return 'the cluster is paused: nothing merges until it is resumed';
      case 'resume-warehouse':
        if (runtime.pause.state() !== undefined) runtime.pause.resume();
        return 'the cluster is available again';
      default:
        faults.arm(fault);
        return armedFaults[fault]!;
    }
  };

  return {
    async '/api/try'(action) {
      if (!requests.accepted) throw new Refusal('the first records are still being merged; wait until the run is live');
      const done = await act(action);
      watch.report('fault', done);
      return { done };
    },
  };

  async function act(action: Action): Promise<string> {
    switch (action.kind) {
      case 'rate':
        runtime.clock.setRate(action.rate);
        return action.rate === 0
          ? 'the clock is stopped'
          : `the clock runs at ${plural(action.rate, 'second')} a second`;
      case 'jump': {
        const next = runtime.clock.nextTimerAt();
        if (next === undefined) throw new Refusal('nothing is scheduled');
        const seconds = Math.max(0, Math.round((next - runtime.clock.now()) / 1000));
        runtime.clock.advanceTo(next);
        return `the clock jumped ${plural(seconds, 'second')}, to the next thing that is due`;
      }
      case 'send':
        return send(action.what);
      case 'fault':
        return inject(action.fault);
    }
  }
}
