import { answersPrefix } from '../../lambda/endpoint/contract';
import { undecodedPrefix, versionPrefix } from '../../lambda/load/contract';
import type { Pipeline } from '../../pipelines/definition';
import { publicTables } from '../../sql/names';
import { warehouseTime } from '../commands/context';
import { landedMs } from '../commands/forget/rows';
import type { Subjects } from '../commands/forget/subjects';
import { plural } from '../terminal';
import { lastErasure, markLists, readMarked } from './marks';
import { keysOfSubjects, readRaised } from './raised';
import type { Work } from './statements';
import { Marked } from './subject-finder';
import { parkedAdvice } from './sweep-places';
import { type FilesRead, verifyExports } from './verify-files';
import { verifyArchive, verifyHistory } from './verify-objects';
import { countRows, unsearchedRows } from './verify-rows';

/** What was found of marked subjects. Values are in none of it. */
export interface Find {
  readonly place: string;
  /** A relation, or the URL of an object. */
  readonly where: string;
  /** Rows or records. Undefined for an object that could not be read. */
  readonly records?: number;
  /** `old version`, `made a statement fail`, or why an object could not be read. */
  readonly note?: string;
}

/** What goes by itself. */
export interface Waiting {
  readonly place: string;
  readonly records: number;
  /** Epoch milliseconds by which it is gone. */
  readonly until: number;
}

export interface Verified {
  readonly pipeline: string;
  /** What was read: relations, or versions of objects. */
  readonly read: readonly { readonly place: string; readonly amount: number }[];
  readonly finds: readonly Find[];
  readonly waiting: readonly Waiting[];
  /** What cannot be searched, one sentence each. */
  readonly unsearched: readonly string[];
}

const dayMs = 86_400_000;
const minuteMs = 60_000;
/** The work bucket's rule of seven days, and S3's next midnight: see lib/data-stack.ts. */
const workDays = 8;

/**
 * Reads every place again: relations, all versions of objects, files of exports.
 * @param subjects whom to look for. @default - everybody who has a mark
 */
export async function verifyPipeline(
  work: Work,
  pipeline: Pipeline,
  subjects: readonly Subjects[] = [],
): Promise<Verified> {
  const stage = work.progress.stage(pipeline.name, 'reading the tables');
  const keys = await work.cloud.forgetKeys(pipeline.name);
  const lists = subjects.length > 0 ? [...markLists(keys, subjects)] : undefined;
  const marked = lists === undefined ? await readMarked(work, pipeline) : new Marked(keys, new Set(lists.flat()));
  const rows = await countRows(work, pipeline, lists);
  const raised = await readRaised(work, pipeline);
  const unsearched = await unsearchedRows(work, pipeline);
  const now = warehouseTime(unsearched.now);
  const counting = (place: string) => (objects: number) => stage.count(objects, `objects of ${place}`);
  const history = await verifyHistory(work, pipeline, marked, counting('the history'));
  const archive = await verifyArchive(work, pipeline, marked, lists === undefined, counting('the archive'));
  const exports = await verifyExports(work, pipeline, marked, counting('exports'));
  const kept = await verifyKept(work, pipeline);
  const ofPlace = (wanted: string) =>
    rows.filter(({ place }) => place === wanted).reduce((sum, { rows: amount }) => sum + amount, 0);
  const [staged, inLanding] = [ofPlace('staged'), ofPlace('landing') + (lists === undefined ? unsearched.erased : 0)];
  const raisedFound = keysOfSubjects(pipeline, raised, marked).length;
  const verified: Verified = {
    pipeline: pipeline.name,
    read: [
      { place: 'relations', amount: rows.length },
      { place: 'history', amount: history.objects },
      { place: 'archive', amount: archive.objects },
      { place: 'exports', amount: exports.objects },
      { place: 'answers', amount: kept.answers },
    ],
    finds: [
      ...rows
        .filter(({ place, rows: amount }) => amount > 0 && place !== 'landing' && place !== 'staged')
        .map(({ place, relation, rows: records }) => ({ place, where: relation, records })),
      ...(raisedFound > 0
        ? [
            {
              place: 'rejects',
              where: publicTables(pipeline).rejects,
              records: raisedFound,
              note: 'made a statement fail',
            },
          ]
        : []),
      ...findsOf('history', history),
      ...findsOf('archive', archive),
      ...findsOf('exports', exports),
      ...kept.finds,
    ],
    waiting: [
      ...(inLanding > 0 ? [{ place: 'landing', records: inLanding, until: now + landedMs(pipeline) }] : []),
      ...(staged > 0
        ? [{ place: 'staged', records: staged, until: now + pipeline.refreshEveryMinutes * minuteMs }]
        : []),
      ...kept.waiting,
    ],
    unsearched: [
      ...(unsearched.rejects > 0 ? [`${plural(unsearched.rejects, 'reject')} without JSON`] : []),
      ...raised.unsearched,
      ...(unsearched.erased > 0 && lists !== undefined
        ? [`${plural(unsearched.erased, 'record')} in the landing view whose rejects were erased`]
        : []),
      ...(unsearched.landing > 0 ? [`${plural(unsearched.landing, 'record')} not merged yet`] : []),
      ...history.unsearched,
      ...archive.unsearched,
      ...exports.unsearched,
      ...kept.unsearched,
    ],
  };
  stage.done(verified.finds.length === 0 ? 'nothing found' : `found in ${plural(verified.finds.length, 'place')}`);
  return verified;
}

const findsOf = (place: string, { finds }: FilesRead): Find[] =>
  finds.map(({ url, records, isOld, isParked, problem }) => {
    const notes = [
      ...(problem === undefined ? [] : [`not read: ${problem}`]),
      ...(isOld ? ['old version'] : isParked ? [parkedAdvice] : []),
    ];
    return {
      place,
      where: url,
      ...(problem === undefined ? { records } : {}),
      ...(notes.length > 0 && { note: notes.join('; ') }),
    };
  });

/** Objects that are not read: answers from before the last erasure are finds, temporary files go by themselves. */
async function verifyKept(work: Work, pipeline: Pipeline) {
  const { workBucket, archiveBucket } = work.cloud.names;
  const erasedAt = await lastErasure(work, pipeline);
  const finds: Find[] = [];
  const waiting: Waiting[] = [];
  const unsearched: string[] = [];
  let answers = 0;
  for await (const page of work.cloud.buckets.versions.pages(workBucket, answersPrefix(pipeline.name)))
    for (const { key, lastModified } of page) {
      answers += 1;
      if (erasedAt !== undefined && lastModified < erasedAt)
        finds.push({ place: 'answers', where: `s3://${workBucket}/${key}`, note: 'made before the rows were erased' });
    }
  for (const prefix of [versionPrefix, undecodedPrefix])
    for await (const page of work.cloud.buckets.versions.pages(workBucket, `${prefix}${pipeline.name}/`))
      for (const { lastModified } of page)
        waiting.push({ place: 'work files', records: 0, until: lastModified + workDays * dayMs });
  let refused = 0;
  for await (const page of work.cloud.buckets.versions.pages(archiveBucket, `archive-errors/${pipeline.name}/`))
    refused += page.length;
  if (refused > 0)
    unsearched.push(
      `${plural(refused, 'object')} that Firehose could not transform, below s3://${archiveBucket}/archive-errors/${pipeline.name}/`,
    );
  const last = waiting.reduce((latest, { until }) => Math.max(latest, until), 0);
  return {
    answers,
    finds,
    unsearched,
    waiting: waiting.length === 0 ? [] : [{ place: 'work files', records: waiting.length, until: last }],
  };
}
