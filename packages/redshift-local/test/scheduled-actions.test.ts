import {
  type AuthorizationRequest,
  AwsError,
  createClock,
  type Principal,
  type ResourceContext,
  type StsPort,
} from 'aws-local-kit';
import { type PauseEvent, scheduledActions } from '../src/scheduled-actions';
import type { Warehouses } from '../src/warehouses';
import { account, FakeSts, region, rolePrincipal } from './support/fakes';

/** A role that the scheduler of Redshift may assume. */
class SchedulerSts extends FakeSts {
  override assumeRole(caller: Principal, input: Parameters<StsPort['assumeRole']>[1]) {
    expect([caller.arn, input.roleArn]).toEqual(['scheduler.redshift.amazonaws.com', 'arn:role']);
    return { principal: rolePrincipal('pause'), credentials: this.credentialsFor() };
  }
}

const start = Date.UTC(2026, 10, 21, 19, 0);
const at = (hour: number, minute = 0, day = 21) => Date.UTC(2026, 10, day, hour, minute);

/** A cluster that pauses at 20:00 and resumes at 06:00. */
function scheduled({ enabled = true, denied = false } = {}) {
  const clock = createClock({ start, rate: 0 });
  const asked: AuthorizationRequest[] = [];
  const authorizer = {
    authorize(request: AuthorizationRequest) {
      asked.push(request);
      if (denied) throw new AwsError('AccessDeniedException', 'not authorized');
    },
  };
  const warehouses = { arnOf: (kind: string, name: string) => `arn:${kind}:${name}` } as unknown as Warehouses;
  const { twin, pause } = scheduledActions({ account, clock, sts: new SchedulerSts(), authorizer, warehouses });
  const context: ResourceContext = { stackName: 's', logicalId: 'Pause', account, region, generatedName: 'g' };
  const create = async (name: string, Schedule: string, TargetAction: object, more: object = {}) =>
    twin.create(
      { ScheduledActionName: name, Schedule, TargetAction, Enable: enabled, IamRole: 'arn:role', ...more },
      context,
    );
  const both = async () => {
    await create('c-pause', 'cron(0 20 * * ? *)', { PauseCluster: { ClusterIdentifier: 'c' } });
    await create('c-resume', 'cron(0 6 * * ? *)', { ResumeCluster: { ClusterIdentifier: 'c' } });
  };
  const events: PauseEvent[] = [];
  pause.onChange((event) => events.push(event));
  return {
    clock,
    asked,
    pause,
    create,
    both,
    events,
    remove: (ref: string) => twin.delete?.({ ref, attributes: {} }, context, {}),
  };
}

test('a cluster pauses and resumes by its schedule, as the role of the action, once the schedule is followed', async () => {
  const { clock, asked, pause, both, events } = scheduled();
  await both();
  clock.advanceTo(at(21));
  expect([pause.state(), events]).toEqual([undefined, []]);
  pause.followSchedule();
  clock.advanceTo(at(23));
  expect(pause.state()).toBeUndefined();
  clock.advanceTo(at(19, 59, 22));
  expect([pause.state(), pause.next('pause'), pause.next('resume')]).toEqual([undefined, at(20, 0, 22), at(6, 0, 23)]);
  clock.advanceTo(at(20, 0, 22));
  expect(pause.state()).toEqual({ status: 'paused', availability: 'Unavailable' });
  clock.advanceTo(at(6, 0, 23));
  expect(pause.state()).toBeUndefined();
  expect(events).toEqual([
    { action: 'pause', scheduled: true },
    { action: 'resume', scheduled: true },
  ]);
  expect(asked.map(({ action, resource }) => [action, resource])).toContainEqual([
    'redshift:PauseCluster',
    'arn:cluster:c',
  ]);
});

test('a person resumes a cluster until its next scheduled pause', async () => {
  const { clock, pause, both, events } = scheduled();
  await both();
  pause.followSchedule();
  clock.advanceTo(at(20));
  pause.resume();
  clock.advanceTo(at(19, 0, 22));
  expect(pause.state()).toBeUndefined();
  clock.advanceTo(at(20, 0, 22));
  expect(pause.state()).toBeDefined();
  expect(events.map(({ action, scheduled }) => `${action} ${scheduled}`)).toEqual([
    'pause true',
    'resume false',
    'pause true',
  ]);
});

test('an action whose role may not pause the cluster changes nothing and is reported', async () => {
  const { clock, pause, both, events } = scheduled({ denied: true });
  await both();
  pause.followSchedule();
  clock.advanceTo(at(20));
  expect(pause.state()).toBeUndefined();
  expect(events).toEqual([{ action: 'pause', scheduled: true, error: 'not authorized' }]);
});

test('an action that is disabled rests, and goes on when it is enabled again', async () => {
  const { clock, pause, both } = scheduled();
  await both();
  pause.followSchedule();
  expect(pause.enable('c-pause', false)).toBe(true);
  clock.advanceTo(at(21));
  expect(pause.state()).toBeUndefined();
  expect(pause.next('pause')).toBeUndefined();
  expect(pause.enable('c-pause', true)).toBe(true);
  clock.advanceTo(at(20, 0, 22));
  expect(pause.state()).toMatchObject({ status: 'paused' });
  expect(pause.enable('other', true)).toBe(false);
});

test('disabled and deleted actions do nothing', async () => {
  const disabled = scheduled({ enabled: false });
  await disabled.both();
  disabled.pause.followSchedule();
  disabled.clock.advanceTo(at(21));
  expect(disabled.pause.state()).toBeUndefined();
  expect(disabled.pause.actions().map(({ enabled, nextAt }) => [enabled, nextAt])).toEqual([
    [false, undefined],
    [false, undefined],
  ]);
  const deleted = scheduled();
  await deleted.both();
  deleted.pause.followSchedule();
  await deleted.remove('c-pause');
  deleted.clock.advanceTo(at(21));
  expect(deleted.pause.state()).toBeUndefined();
});

test.each<[string, object, RegExp]>([
  [
    'an action that is not modelled',
    { TargetAction: { ResizeCluster: {} } },
    /TargetAction\.ResizeCluster is not modelled/,
  ],
  ['no action', { TargetAction: {} }, /TargetAction must name one action/],
  ['a start time', { StartTime: '2026-11-21T00:00:00Z' }, /StartTime is not modelled/],
  ['a time of its own', { Schedule: 'at(2026-11-21T20:00:00)' }, /schedule expression at\(.*\) is not modelled/],
])('fails when it has %s', async (_, more, message) => {
  const { create } = scheduled();
  const pauses = { PauseCluster: { ClusterIdentifier: 'c' } };
  await expect(create('a', 'cron(0 20 * * ? *)', pauses, more)).rejects.toThrow(message);
});
