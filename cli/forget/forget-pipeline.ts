import type { Pipeline } from '../../pipelines/definition';
import { eraseStatements, sweptStatements } from '../../sql';
import { warehouseText } from '../commands/context';
import type { Subjects } from '../commands/forget/subjects';
import { Failure } from '../failure';
import type { Stage } from '../progress';
import { grouped, plural } from '../terminal';
import { arrivals, lastErasure, type MarkRun, mark, markRuns, newRunId, readMarked } from './marks';
import { keysOfSubjects, readRaised } from './raised';
import { ask, transact, type Work } from './statements';
import type { Marked } from './subject-finder';
import { areViewsRefreshed, type ExportsSwept, type Publish, sweepAnswers, sweepExports } from './sweep-exports';
import { type PlaceSwept, sweepArchive, sweepHistory } from './sweep-places';

/** What is not done yet. */
export interface Left {
  /**
   * `views`, `exports`: done by the functions within minutes or hours. `archive`: Firehose may still write. `records`: more
   * came meanwhile. `hand`: only a person can do it. `problem`: something is wrong.
   */
  readonly kind: 'views' | 'exports' | 'archive' | 'records' | 'hand' | 'problem';
  readonly what: string;
  /** Epoch milliseconds after which it can be done. */
  readonly after?: number;
}

/** What one call did in one pipeline. */
export interface Forgotten {
  readonly pipeline: string;
  /** Undefined if the pipeline has no marks. */
  readonly runId?: string;
  /** Subjects that are marked, by this call and earlier ones that were not finished. */
  readonly marks: number;
  readonly erased: { readonly events: number; readonly duplicates: number; readonly rejects: number };
  readonly history: PlaceSwept;
  readonly archive: PlaceSwept;
  readonly exports: Omit<ExportsSwept, 'waiting' | 'byHand'>;
  readonly answersDeleted: number;
  /** Empty if everything that the command can do is done. */
  readonly left: readonly Left[];
  /** What could not be searched, one sentence each. */
  readonly unsearched: readonly string[];
}

export interface ForgetOptions {
  /** @default - those of earlier calls, which are continued and swept again */
  readonly subjects?: readonly Subjects[];
  /** @default - corrections wait for the schedule */
  readonly publish?: Publish;
}

/** Firehose writes what arrived within five minutes (lib/ingest/archive.ts). The rest is for its retries. */
const archiveDelayMs = 20 * 60_000;

/**
 * Erases subjects from a pipeline, in steps that each can be repeated: marks, rows, objects, files of exports, answers. A call
 * without subjects continues what earlier calls began. From the marks on, no way into `events` brings a subject back.
 * Everything that a later step needs is in the warehouse, so a killed call leaves nothing that the next one does not find.
 */
export async function forgetPipeline(work: Work, pipeline: Pipeline, options: ForgetOptions): Promise<Forgotten> {
  const { subjects = [] } = options;
  const stage = work.progress.stage(pipeline.name, 'marking the subjects');
  if (subjects.length > 0) await mark(work, pipeline, subjects, newRunId());
  const runs = await markRuns(work, pipeline);
  const last = runs.at(-1);
  if (last === undefined) {
    stage.done('no subject was ever marked');
    return { ...nothingDone, pipeline: pipeline.name };
  }
  stage.update('erasing rows');
  const marked = await readMarked(work, pipeline);
  const { unsearched, ...erased } = await erase(work, pipeline, last.runId, marked);
  const [{ now }] = (await ask(
    work,
    pipeline,
    'clock',
    "select to_char(getdate(), 'YYYY-MM-DD HH24:MI:SS') as now",
  )) as [{ now: string }];
  const { history, archive } = await sweepObjectsOf(work, pipeline, marked, stage);
  const rest = await sweepDerived(work, pipeline, runs, options.publish);
  const left = [...problems(history, archive), ...(await stillComing(work, pipeline, now)), ...rest.left];
  const open = openRuns(runs);
  if (left.length === 0)
    for (const { runId } of open)
      await transact(work, pipeline, 'forget-swept', sweptStatements(pipeline), { run_id: runId, swept_at: now });
  const { events, duplicates, rejects } = erased;
  stage.done(
    `${plural(events + duplicates + rejects, 'row')} erased, ${plural(history.objectsRewritten + archive.objectsRewritten, 'object')} rewritten`,
  );
  const marks = open.reduce((sum, run) => sum + run.marks, 0);
  return { pipeline: pipeline.name, runId: last.runId, marks, erased, history, archive, ...rest, left, unsearched };
}

const untouched = (): PlaceSwept => ({
  objectsRead: 0,
  objectsRewritten: 0,
  recordsReplaced: 0,
  versionsDeleted: 0,
  problems: [],
});

const nothingDone = {
  marks: 0,
  erased: { events: 0, duplicates: 0, rejects: 0 },
  history: untouched(),
  archive: untouched(),
  exports: { publications: 0, filesDeleted: 0 },
  answersDeleted: 0,
  left: [],
  unsearched: [],
};

/** The runs that are not finished; if all are, the last one. */
function openRuns(runs: readonly MarkRun[]): readonly MarkRun[] {
  const open = runs.filter(({ sweptAt }) => sweptAt === undefined);
  return open.length > 0 ? open : runs.slice(-1);
}

/** Most keys of one transaction. */
const mostKeys = 500;

async function erase(work: Work, pipeline: Pipeline, runId: string, marked: Marked) {
  const { statements, answer } = eraseStatements(pipeline);
  const raised = await readRaised(work, pipeline);
  const keys = [...new Set(keysOfSubjects(pipeline, raised, marked))];
  const erased = { events: 0, duplicates: 0, rejects: 0 };
  for (let at = 0; at === 0 || at < keys.length; at += mostKeys) {
    const values = { run_id: runId, raised: JSON.stringify(keys.slice(at, at + mostKeys)) };
    const [row] = await transact(work, pipeline, 'forget-erase', statements, values, answer);
    if (Number(row!['identities']) > 1)
      throw new Failure(
        `${pipeline.name}: a rebuild under another identity began meanwhile; the subjects are marked, and their rows are still there. Run it again when the rebuild has ended`,
      );
    erased.events += Number(row!['events']);
    erased.duplicates += Number(row!['duplicates']);
    erased.rejects += Number(row!['rejects']);
  }
  return { ...erased, unsearched: raised.unsearched };
}

async function sweepObjectsOf(work: Work, pipeline: Pipeline, marked: Marked, stage: Stage) {
  const history = await sweepHistory(work, pipeline, marked, ({ objectsRead }) =>
    stage.count(objectsRead, 'objects of the history'),
  );
  const archive = await sweepArchive(work, pipeline, marked, ({ objectsRead }) =>
    stage.count(objectsRead, 'objects of the archive'),
  );
  return { history, archive };
}

const problems = (...places: readonly PlaceSwept[]): Left[] =>
  places.flatMap((place) => place.problems.map((what) => ({ kind: 'problem' as const, what })));

/** What came while the objects were read, and what Firehose may still write. */
async function stillComing(work: Work, pipeline: Pipeline, since: string): Promise<Left[]> {
  const { amount, raised, newest, now } = await arrivals(work, pipeline, since);
  const after = newest === undefined ? 0 : newest + archiveDelayMs;
  return [
    ...(amount > 0
      ? [
          {
            kind: 'records' as const,
            what: `${plural(amount, 'record')} of the forgotten came meanwhile; their objects were not read`,
          },
        ]
      : []),
    ...(raised > 0
      ? [
          {
            kind: 'records' as const,
            what: `${plural(raised, 'record')} that made a statement fail became rejects meanwhile, and were not searched`,
          },
        ]
      : []),
    ...(after > now
      ? [
          {
            kind: 'archive' as const,
            what: `Firehose may still write records to the archive until ${warehouseText(after).slice(0, 16)} UTC`,
            after,
          },
        ]
      : []),
  ];
}

/** The steps that wait for the functions: files of exports and answers, once the views no longer have the rows. */
export async function sweepDerived(
  work: Work,
  pipeline: Pipeline,
  runs: readonly MarkRun[],
  publish: Publish | undefined,
): Promise<Pick<Forgotten, 'exports' | 'answersDeleted' | 'left'>> {
  const erasedAt = await lastErasure(work, pipeline);
  if (erasedAt !== undefined && !(await areViewsRefreshed(work, pipeline, erasedAt))) {
    const what = `the next refresh takes the rows out of the views; it runs every ${grouped(pipeline.refreshEveryMinutes)} min`;
    return { exports: { publications: 0, filesDeleted: 0 }, answersDeleted: 0, left: [{ kind: 'views', what }] };
  }
  const markedAt = Math.min(...openRuns(runs).map((run) => run.markedAt));
  const { waiting, byHand, ...exports } = await sweepExports(
    work,
    pipeline,
    { markedAt, erasedAt: erasedAt ?? markedAt },
    publish,
  );
  const answersDeleted = await sweepAnswers(work, pipeline);
  return {
    exports,
    answersDeleted,
    left: [
      ...waiting.map((what) => ({ kind: 'exports' as const, what })),
      ...byHand.map((what) => ({ kind: 'hand' as const, what })),
    ],
  };
}
