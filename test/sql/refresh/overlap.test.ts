import { pipelineTables } from '../../../sql';
import { everyNth } from '../../support/tier';
import { aPipeline, aView } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const pipeline = aPipeline({ views: [aView('seen', 'select id, arrived_at from shop.events')] });
const { checkpoints } = pipelineTables(pipeline);
const noFailure = '[]';
const failure = JSON.stringify([{ view: 'seen', error: 'out of memory' }]);
let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
});
afterEach(() => warehouse.dispose());

const steps = ['refresh-landing', 'merge', 'refresh-views', 'complete'] as const;
/** Orders in which the steps of two runs may follow each other. `a` is the run that begins first. */
function orders(a: number = steps.length, b: number = steps.length): string[] {
  if (a === 0 && b === 0) return [''];
  return [
    ...(a > 0 ? orders(a - 1, b).map((rest) => `a${rest}`) : []),
    ...(b > 0 ? orders(a, b - 1).map((rest) => `b${rest}`) : []),
  ];
}

const times = async (sql: string) => (await warehouse.query(sql)).flat().map(String);
const late = (sent: readonly { id: string; at: string }[], until: string, found: readonly string[]) =>
  sent.filter(({ id, at }) => at < until && !found.includes(id)).map(({ id }) => id);

/** A stream of numbered records, and the records that the checkpoint wrongly vouches for. */
function stream() {
  const sent: { id: string; at: string }[] = [];
  return {
    async send(): Promise<void> {
      warehouse.pass();
      const id = `m${sent.length}`;
      warehouse.send({ messageId: id });
      sent.push({ id, at: (await times('select getdate()'))[0]! });
      warehouse.pass();
    },
    async wrong(): Promise<string[]> {
      const [row] = await warehouse.query(
        `select max(merged_until), max(complete_until) from ${checkpoints} where merged_until is not null`,
      );
      const [merged, complete] = row!.map((time) => (typeof time === 'string' ? time : ''));
      const failed = await times('select view_name from shop.view_failures');
      return [
        ...late(sent, merged!, await times('select id from shop.events')).map((id) => `${id} is not merged`),
        ...(failed.length > 0 ? [] : late(sent, complete!, await times('select id from shop.seen'))).map(
          (id) => `${id} is not in the view`,
        ),
      ];
    },
    complete: async () => (await times(`select max(complete_until) from ${checkpoints}`))[0]!,
  };
}

const walked = orders().filter((order) => order.startsWith('a') && order !== 'aaaabbbb');

test.each(everyNth(walked.reverse(), walked.length, 2))(
  'two runs vouch for what is there, in the order %s',
  async (order) => {
    const { send, wrong, complete } = stream();
    for (const _ of ['first', 'second']) {
      await send();
      await warehouse.refresh();
    }
    const runs: Record<string, Awaited<ReturnType<TestWarehouse['beginRun']>>> = {};
    const next: Record<string, number> = { a: 0, b: 0 };
    for (const name of order) {
      await send();
      runs[name] ??= await warehouse.beginRun();
      await runs[name].step(steps[next[name]!]!);
      next[name]! += 1;
      expect(await wrong()).toEqual([]);
    }
    const before = await complete();
    await send();
    await warehouse.refresh();
    await warehouse.refresh();
    expect(await wrong()).toEqual([]);
    expect((await complete()) > before).toBe(true);
  },
);

test('a run that finds nothing new vouches for the time before its refresh, although another run merges meanwhile', async () => {
  const { send, wrong } = stream();
  await send();
  await warehouse.refresh();
  await warehouse.refresh();
  const idle = await warehouse.beginRun();
  await idle.step('refresh-landing');
  expect(await idle.work()).toEqual([]);
  for (const _ of ['first', 'second']) {
    await send();
    const other = await warehouse.beginRun();
    await other.step('refresh-landing');
    await other.step('merge');
  }
  await idle.step('nothing-new');
  expect(await wrong()).toEqual([]);
});

test('a late end of a run does not hide a view that a later run could not refresh', async () => {
  const { send, wrong } = stream();
  await send();
  await warehouse.refresh();
  const early = await warehouse.beginRun();
  for (const step of ['refresh-landing', 'merge', 'refresh-views']) await early.step(step);
  await send();
  for (const _ of ['first', 'second']) {
    const later = await warehouse.beginRun();
    for (const step of ['refresh-landing', 'merge']) await later.step(step);
    await later.step('complete', failure);
  }
  await early.step('complete', noFailure);
  expect(await wrong()).toEqual([]);
  expect(await times('select view_name from shop.view_failures')).toEqual(['seen']);
});

test('a merge that is repeated under the same name vouches for nothing', async () => {
  const { send, wrong } = stream();
  await send();
  await warehouse.refresh();
  const run = await warehouse.beginRun();
  for (const step of ['refresh-landing', 'merge', 'refresh-views']) await run.step(step);
  for (const _ of ['first', 'second']) {
    await send();
    const other = await warehouse.beginRun();
    for (const step of ['refresh-landing', 'merge']) await other.step(step);
  }
  await run.step('merge');
  await run.step('complete');
  expect(await wrong()).toEqual([]);
});

test('a merge long after its refresh does not hide what the stream forgot after that refresh', async () => {
  const { send } = stream();
  await send();
  await warehouse.refresh();
  await warehouse.refresh();
  const run = await warehouse.beginRun();
  await run.step('refresh-landing');
  warehouse.pass(23 * 60);
  await run.step('merge');
  expect(await times('select count(*) from shop.gaps')).toEqual(['0']);
  warehouse.pass(2 * 60);
  await warehouse.refresh();
  expect(await times('select count(*) from shop.gaps')).toEqual(['1']);
});
