import type { Cloud } from '../cloud';
import type { Event } from '../world';
import { difference, rows } from './query';

/** Checks that the views of the pipeline match its events. */
export async function verifyViews(cloud: Cloud, schema: string, events: readonly Event[]): Promise<string[]> {
  const hours = new Map<string, { events: number; amounts: number[] }>();
  for (const { at, amount } of events) {
    const name = `${at.slice(0, 13)}:00:00`;
    const hour = hours.get(name) ?? { events: 0, amounts: [] };
    hour.events += 1;
    if (amount !== null) hour.amounts.push(amount);
    hours.set(name, hour);
  }
  const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
  const hourly = [...hours].map(([name, { events: count, amounts }]) =>
    [name, count, amounts.length === 0 ? null : sum(amounts)].join(' '),
  );
  const large = events.flatMap(({ id, amount }) => (amount !== null && amount >= 10 ? [`${id} ${amount}`] : []));
  const text = (row: readonly unknown[]) => row.join(' ');
  return [
    ...difference('hourly', hourly, (await rows(cloud, `select hour, events, amount from ${schema}.hourly`)).map(text)),
    ...difference('large', large, (await rows(cloud, `select id, amount from ${schema}.large`)).map(text)),
  ];
}
