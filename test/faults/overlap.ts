import type { Step } from '../../lambda/shared/plan';
import { pipelineTables } from '../../sql';
import { aPipeline, aView } from '../sql/fixtures';
import { TestWarehouse } from '../sql/warehouse';

export const pipeline = aPipeline({ views: [aView('seen', 'select id, arrived_at from shop.events')] });
const { checkpoints } = pipelineTables(pipeline);

const steps = ['refresh-landing', 'merge', 'refresh-views', 'complete'] as const;

/** Orders in which the steps of two runs may follow each other. `a` is the run that begins first. */
export function orders(a: number = steps.length, b: number = steps.length): string[] {
  if (a === 0 && b === 0) return [''];
  return [
    ...(a > 0 ? orders(a - 1, b).map((rest) => `a${rest}`) : []),
    ...(b > 0 ? orders(a, b - 1).map((rest) => `b${rest}`) : []),
  ];
}

type Sent = readonly { readonly id: string; readonly at: string }[];
const late = (sent: Sent, until: string, found: readonly string[]) =>
  sent.filter(({ id, at }) => at < until && !found.includes(id)).map(({ id }) => id);

/** A stream of numbered records, and the records that the checkpoint wrongly vouches for. */
export function stream(warehouse: TestWarehouse) {
  const texts = async (sql: string) => (await warehouse.query(sql)).flat().map(String);
  const sent: { id: string; at: string }[] = [];
  return {
    async send(): Promise<void> {
      warehouse.pass();
      const id = `m${sent.length}`;
      warehouse.send({ messageId: id });
      sent.push({ id, at: (await texts('select getdate()'))[0]! });
      warehouse.pass();
    },
    async wrong(): Promise<string[]> {
      const [row] = await warehouse.query(
        `select max(merged_until), max(complete_until) from ${checkpoints} where merged_until is not null`,
      );
      const [merged, complete] = row!.map((time) => (typeof time === 'string' ? time : ''));
      const failed = await texts('select view_name from shop.view_failures');
      return [
        ...late(sent, merged!, await texts('select id from shop.events')).map((id) => `${id} is not merged`),
        ...(failed.length > 0 ? [] : late(sent, complete!, await texts('select id from shop.seen'))).map(
          (id) => `${id} is not in the view`,
        ),
      ];
    },
    complete: async () => (await texts(`select max(complete_until) from ${checkpoints}`))[0]!,
  };
}

/** Plays two runs in this order, after two complete ones. Returns what the checkpoint wrongly vouches for. */
export async function playOrder(
  warehouse: TestWarehouse,
  { send, wrong }: ReturnType<typeof stream>,
  order: string,
  change?: (step: Step) => Step,
): Promise<string[]> {
  for (const _ of ['first', 'second']) {
    await send();
    await warehouse.refresh();
  }
  const runs: Record<string, Awaited<ReturnType<TestWarehouse['beginRun']>>> = {};
  const next: Record<string, number> = { a: 0, b: 0 };
  const found: string[] = [];
  for (const name of order) {
    await send();
    runs[name] ??= await warehouse.beginRun(change);
    await runs[name].step(steps[next[name]!]!);
    next[name]! += 1;
    found.push(...(await wrong()));
  }
  return found;
}

/** A guard of runs that overlap, and how its statements are without it. */
export const overlapMutants = [
  {
    guard: 'a run vouches for what arrived before its own refresh',
    step: 'merge',
    text: 'least(merged_at, {{started}}::timestamp)',
    instead: 'merged_at',
    order: 'abbbbaaa',
  },
  {
    guard: 'only the run that merged last moves `complete_until`',
    step: 'complete',
    text: ' and run_id = {{run_id}}',
    instead: '',
    order: 'aaabbbab',
  },
] as const;

type OverlapMutant = (typeof overlapMutants)[number];

/** Throws if the statement changed, because such a mutant shows nothing. */
const without =
  ({ step: name, text, instead }: OverlapMutant) =>
  (step: Step): Step => {
    if (step.name !== name) return step;
    const statements = step.statements.map((sql) => sql.replaceAll(text, instead));
    if (statements.join() === step.statements.join()) throw new Error(`the step ${name} is not what it was`);
    return { ...step, statements };
  };

/** Returns the order of steps that the mutant does not survive, and the first thing that it wrongly vouches for. */
export async function breaksOverlap(
  mutant: OverlapMutant,
): Promise<{ readonly order: string; readonly problem: string } | undefined> {
  for (const order of [mutant.order, ...orders()]) {
    const warehouse = await TestWarehouse.create(pipeline);
    try {
      const [problem] = await playOrder(warehouse, stream(warehouse), order, without(mutant));
      if (problem !== undefined) return { order, problem };
    } finally {
      warehouse.dispose();
    }
  }
  return undefined;
}
