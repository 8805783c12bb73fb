/**
 * Measures what ten million events take in memory: the largest resident set of the whole runtime, in this process.
 * Meanwhile `events` grows to that size in its file, a refresh merges new records into it, the views are refreshed, and
 * a query groups all of it.
 */
import { grouped } from '../cli/terminal';
import { refreshPlan } from '../sql';
import { line, pipeline, withEnvironment } from './environment';
import { growEvents } from './merge-growth';
import { print } from './print';
import { runStep } from './stream-to-events';

const everyMs = 50;
const gibibyte = 2 ** 30;

export const memory = (events: number) =>
  withEnvironment(async (environment) => {
    let most = 0;
    const sample = () => {
      most = Math.max(most, process.memoryUsage.rss());
    };
    const timer = setInterval(sample, everyMs);
    try {
      await environment.feed(100_000, 'memory');
      for (const step of refreshPlan(pipeline).steps.slice(0, 2)) await runStep(environment, step);
      await growEvents(environment, events);
      const filled = most;
      await environment.feed(100_000, 'more');
      for (const step of refreshPlan(pipeline).steps) {
        // Redshift refreshes a view in a transaction of its own.
        const parts = step.mode === 'transaction' ? [step] : step.statements.map((sql) => ({ statements: [sql] }));
        for (const part of parts) await runStep(environment, part);
      }
      const query = 'select customer_id, count(*), min(occurred_at) from estore.events group by customer_id';
      line('grouping all of them', await environment.run([query]), events, 'events');
      sample();
      print(
        `${grouped(await environment.number('select count(*) from estore.events'))} events: at most ${(most / gibibyte).toFixed(2)} GiB resident, ${(filled / gibibyte).toFixed(2)} GiB until they were in; wanted: below 3 GiB`,
      );
    } finally {
      clearInterval(timer);
    }
  });
