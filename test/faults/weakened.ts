import type { StatementTemplate } from '../../lambda/shared/plan';
import type { loadPlan } from '../../sql';
import type { LoadPorts, Weakening } from '../support/functions';

/** Each weakening removes one safeguard of the promise that no record vanishes and none is there twice. */
export const weakenings = {
  /** Each statement of a load is committed separately, so rows can exist without their ledger entry. */
  ledgerOutsideTheTransaction: {
    loadPorts: ({ warehouse }) => ({
      warehouse: {
        ...warehouse,
        submit: (submission) =>
          warehouse.submit(
            submission.mode === 'transaction'
              ? { ...submission, mode: 'auto-commit', statements: withoutLock(submission.statements) }
              : submission,
          ),
      },
    }),
  },
  /** No run looks for objects whose notification was lost. */
  withoutReconcile: { noReconcile: true },
  /** Every event counts as new, even a known one. */
  withoutIdentityCheck: {
    loadPlan: (plan) => ({
      ...plan,
      sources: plan.sources.map((source) => inLoad(source, withoutIdentity)),
    }),
    refreshPlan: (plan) => ({
      ...plan,
      steps: plan.steps.map((step) =>
        step.name === 'merge' ? { ...step, statements: withoutIdentity(step.statements) } : step,
      ),
    }),
  },
  /** The checkpoint is committed before the merge, in its own transaction. */
  checkpointBeforeMerge: {
    refreshPlan: (plan) => ({
      ...plan,
      steps: plan.steps.map((step) =>
        step.name === 'merge' ? { ...step, mode: 'auto-commit', statements: checkpointFirst(step.statements) } : step,
      ),
    }),
  },
  /** Messages are deleted even if their objects were not loaded. */
  acknowledgedBeforeLoaded: { loadAnswer: () => ({ batchItemFailures: [] }), noReconcile: true },
  /** A published window is never corrected. */
  withoutCorrections: {
    exportPlan: (plan) => ({
      ...plan,
      exports: plan.exports.map((item) =>
        item.content.kind === 'incremental' ? { ...item, content: { ...item.content, corrections: false } } : item,
      ),
    }),
  },
  /** An object is recorded as set aside before its dead letter is sent. */
  parkedBeforeDeadLetter: { loadPorts: lettersLater },
  /** A record that is read again counts as another record. */
  withoutPositions: {
    loadPlan: (plan) => ({
      ...plan,
      sources: plan.sources.map((source) =>
        inLoad(source, (statements) => statements.filter((sql) => !isForgetting(sql))),
      ),
    }),
    refreshPlan: (plan) => inMerge(plan, (statements) => without(statements, isForgetting)),
  },
  /** A load does not check that COPY read the version that the notification named. */
  withoutEtagCheck: {
    loadPlan: (plan) => ({
      ...plan,
      sources: plan.sources.map((source) => ({
        ...source,
        inPlace: changing(source.inPlace, (sql) => sql.replaceAll(/(where f\.etag <> '')/g, '$1 and 1 = 0')),
      })),
    }),
  },
  /** A load does not account for all rows that COPY scanned. */
  withoutCounts: {
    loadPlan: (plan) => ({
      ...plan,
      sources: plan.sources.map((source) => ({
        ...source,
        inPlace: changing(source.inPlace, (sql) =>
          sql.replace(' and unseen = 0 and changed = 0 and staged = expected', ''),
        ),
      })),
    }),
  },
  /** A merge does not check how long the stream was not read. */
  withoutGaps: {
    refreshPlan: (plan) => inMerge(plan, (statements) => without(statements, isGap)),
  },
  /** A run does not look for records that streaming ingestion skipped. */
  withoutSkips: {
    refreshPlan: (plan) => {
      const steps = plan.steps.filter(({ name }) => name !== 'skipped');
      if (steps.length === plan.steps.length) throw new Error('there is no such step any more: adapt this weakening');
      return { ...plan, steps };
    },
  },
  /** A run looks for the records that streaming ingestion skipped, but not for skipped ones that it did not name. */
  withoutSkipCounts: {
    refreshPlan: (plan) => inStep(plan, 'skipped', (statements) => without(statements, isGap)),
  },
  /** A skipped record stays a reject even if it arrives later by another way. */
  withoutRecovery: {
    loadPlan: (plan) => ({
      ...plan,
      sources: plan.sources.map((source) => ({
        ...source,
        ...(source.name === 'archive'
          ? {
              inPlace: changing(source.inPlace, (sql) => sql.replace(notSkipped, '')),
              exact: changing(source.exact, (sql) => sql.replace(notSkipped, '')),
            }
          : {}),
      })),
    }),
  },
  /** Rows of the landing view are deleted even if they are not merged. */
  trimBeforeMerge: {
    refreshPlan: (plan) => {
      const trim = plan.steps.find(({ name }) => name === 'trim')!;
      const statements = changed(trim.statements, (sql) =>
        sql
          .replace(/dateadd\(hour, -\d+, getdate\(\)\)/g, 'dateadd(day, 1, getdate())')
          .replace(
            /case when count\(merged\) = count\(\*\) then .* end as merged/,
            'dateadd(day, 1, getdate()) as merged',
          ),
      );
      const others = plan.steps.filter((step) => step !== trim);
      return { ...plan, steps: [...others.slice(0, 1), { ...trim, statements }, ...others.slice(1)] };
    },
  },
  /** A record that makes the merge fail is not searched for, so it blocks the merge. */
  withoutSearch: { refreshPlan: ({ raising: _, ...plan }) => plan },
  /** An object that is loaded already is loaded again. */
  withoutLedger: {
    loadPlan: (plan) => ({
      ...plan,
      loaded: changed([plan.loaded], (sql) => `${sql}\nwhere 1 = 0`)[0]!,
      sources: plan.sources.map((source) =>
        inLoad(source, (statements) =>
          changed(statements, (sql) => sql.replace(/case when known = 0 and/, 'case when')),
        ),
      ),
    }),
  },
} as const satisfies Readonly<Record<string, Weakening>>;

type Source = ReturnType<typeof loadPlan>['sources'][number];

/** Changes the statements of a load, in both variants. */
const inLoad = (source: Source, change: (statements: readonly string[]) => string[]): Source => ({
  ...source,
  inPlace: { ...source.inPlace, statements: change(source.inPlace.statements) },
  exact: { ...source.exact, statements: change(source.exact.statements) },
});

const changing = (plan: Source['inPlace'], change: (sql: string) => string) => ({
  ...plan,
  statements: changed(plan.statements, change),
});

const withoutLock = (statements: readonly string[]) => {
  const rest = statements.filter((statement) => !/^lock /.test(statement));
  if (rest.length === statements.length)
    throw new Error('the transaction takes no lock any more: adapt this weakening');
  return rest;
};

function withoutIdentity(statements: readonly StatementTemplate[]): StatementTemplate[] {
  const weak = statements.map((statement) =>
    statement.replace(/(inner join \w+\.events_\w+ e on e\.event_id = i\.event_id)/, '$1 and 1 = 0'),
  );
  if (weak.join() === statements.join()) throw new Error('events are not looked up as they were: adapt this weakening');
  return weak;
}

/** Reorders the statements: the temporary table, then the checkpoint, then the rest of the merge. */
function checkpointFirst(statements: readonly StatementTemplate[]): StatementTemplate[] {
  const isCheckpoint = (statement: string) => /^(insert into|delete from) \w+\.checkpoints\b/.test(statement);
  const checkpoint = statements.filter(isCheckpoint);
  const rest = withoutLock(statements).filter((statement) => !isCheckpoint(statement));
  if (checkpoint.length === 0) throw new Error('the merge writes no checkpoint any more: adapt this weakening');
  const temporary = rest.findLastIndex((statement) => statement.startsWith('create temp table'));
  return [...rest.slice(0, temporary + 1), ...checkpoint, ...rest.slice(temporary + 1)];
}

type RefreshPlan = Parameters<NonNullable<Weakening['refreshPlan']>>[0];

type Change = (statements: readonly string[]) => string[];
const inStep = (plan: RefreshPlan, name: string, change: Change): RefreshPlan => ({
  ...plan,
  steps: plan.steps.map((step) => (step.name === name ? { ...step, statements: change(step.statements) } : step)),
});
const inMerge = (plan: RefreshPlan, change: Change): RefreshPlan => inStep(plan, 'merge', change);

const notSkipped = / and not reason like 'skipped by Redshift \(%'/;
const isGap = (sql: string) => /^insert into \w+\.gaps_/.test(sql);

const isForgetting = (sql: string) => /^delete from \w+_incoming\s+using \w+_merged\b/.test(sql);

/** Changes the statements. Throws if none changes, because such a weakening shows nothing. */
function changed(statements: readonly string[], change: (sql: string) => string): string[] {
  const result = statements.map(change);
  if (result.join() === statements.join())
    throw new Error('the statements are not what they were: adapt this weakening');
  return result;
}

function without(statements: readonly string[], unwanted: (sql: string) => boolean): string[] {
  const result = statements.filter((sql) => !unwanted(sql));
  if (result.length === statements.length)
    throw new Error('the statements are not what they were: adapt this weakening');
  return result;
}

/** Holds dead letters back until the statement has ended that records their object as set aside. */
function lettersLater({ warehouse, queues }: LoadPorts): Partial<LoadPorts> {
  const kept: (() => Promise<void>)[] = [];
  const parking = new Set<string>();
  const sendAfter = async (id: string) => {
    if (parking.delete(id)) for (const send of kept.splice(0)) await send();
  };
  return {
    queues: {
      send: async (url, bodies) => void kept.push(() => queues.send(url, bodies)),
    },
    warehouse: {
      ...warehouse,
      async submit(submission) {
        const submitted = await warehouse.submit(submission);
        if (submission.name.includes('/park/')) parking.add(submitted.id);
        if (submitted.finished) await sendAfter(submitted.id);
        return submitted;
      },
      async describe(id, waitSeconds) {
        const state = await warehouse.describe(id, waitSeconds);
        if (state.status === 'FINISHED') await sendAfter(id);
        return state;
      },
    },
  };
}
