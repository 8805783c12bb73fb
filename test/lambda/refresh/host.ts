import type { RefreshPlan } from '../../../lambda/refresh/contract';
import type { RefreshHost } from '../../../lambda/refresh/host';
import { refreshFunction } from '../../../lambda/refresh/refresh';
import { FakeConditionalObjects, FakeWarehouse, quiet, recordMetrics } from '../fakes';

/** The refresh function on a fake warehouse, with the events that reach it. */
export function fakeRefresh(plan: RefreshPlan) {
  const warehouse = new FakeWarehouse();
  const { metrics, recorded } = recordMetrics();
  const unload = { bucket: 'work', roleArn: 'arn:unload', keyArn: 'arn:key' };
  const objects = new FakeConditionalObjects();
  const host: RefreshHost = {
    environment: 'dev',
    plan,
    unload,
    freshness: { bucket: 'work', objects },
    warehouse,
    now: () => warehouse.now,
    log: quiet,
    metrics,
  };
  const core = refreshFunction(host);
  const send = (event: unknown) => core(event, () => 117_000);
  /** A tick of the schedule. */
  const tick = (time: string) => send({ kind: 'start', scheduledTime: `2026-11-21T${time}:00Z` });
  /** The event for the present state of a statement. */
  const report = (name: string) => {
    const { id, status } = warehouse.of(name);
    const detail = { statementName: name, statementId: id, state: status };
    return send({ source: 'aws.redshift-data', detail });
  };
  /** Ends a statement and sends its event. */
  const end = (name: string, outcome = {}) => {
    warehouse.end(name, outcome);
    return report(name);
  };
  return { warehouse, objects, recorded, send, tick, report, end };
}
