import type { Snapshot } from '../../ui/api';
import { healthOf, isOld } from '../../ui/page/health';

const counts = { produced: 1, terms: [{ name: 'events', records: 1 }], balanced: true };
const flow = { name: 'p', counts, nodes: [], views: [], exports: [], endpoints: [], partners: [] };
const healthy: Snapshot = {
  environment: 'dev',
  now: 0,
  clockRate: 1,
  readOnly: true,
  catchingUp: false,
  warehouse: 'available',
  counts,
  pipelines: [{ ...flow, rate: 0, shards: [], running: [] }],
  alarms: [],
};
const problemsOf = (part: string): Snapshot => ({ ...healthy, problems: [{ part, problem: 'expired' }] });
const shown = (state: Snapshot) => [healthOf(state, undefined).tone, isOld(state, undefined)];

test('an environment is healthy only if everything that says so was read', () => {
  expect(shown(healthy)).toEqual(['good', false]);
  expect(shown(problemsOf('warehouse, alarms, runs, streams'))).toEqual(['warn', true]);
  expect(shown(problemsOf('alarms'))).toEqual(['warn', false]);
  expect(shown(problemsOf('bucket/prefix'))).toEqual(['good', false]);
});

test('an alarm that fires is worse than a part that was not read', () => {
  const alarms = [{ pipeline: 'p', heading: 'refresh failed', impact: '', what: '' }];
  expect(shown({ ...problemsOf('warehouse'), alarms })).toEqual(['bad', true]);
});

test('without a newer snapshot, figures are old', () => {
  const problem = 'the runtime ends';
  expect([healthOf(healthy, problem).text, isOld(healthy, problem)]).toEqual(['not known', true]);
});
