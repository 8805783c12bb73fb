import type { Environment } from '../../environments/environment';
import { keyId } from '../../lambda/shared/forget-keys';
import type { Pipeline } from '../../pipelines/definition';
import { globsOverlap } from '../../sql/history/glob';
import { publicTables } from '../../sql/names';
import type { Subjects } from '../commands/forget/subjects';
import { grouped } from '../terminal';
import { markRuns, shareOf } from './marks';
import { ask, type Work } from './statements';

/** A call that erases more than this part of the events is probably a mistake. */
const mostShare = 0.01;

/** Why a pipeline's subjects cannot be erased, one sentence each. Nothing has changed by then. */
export async function refusals(
  work: Work,
  pipeline: Pipeline,
  all: readonly Pipeline[],
  environment: Environment | undefined,
  { subjects = [], many }: { readonly subjects?: readonly Subjects[]; readonly many: boolean },
): Promise<string[]> {
  const reasons = [...declaredRefusals(pipeline, all, environment), ...(await storedRefusals(work, pipeline))];
  // The share is not worth a look while something else forbids it.
  if (reasons.length > 0 || many || subjects.length === 0) return reasons;
  const { found, total } = await shareOf(work, pipeline, subjects);
  if (found <= total * mostShare) return [];
  const share = ((100 * found) / total).toFixed(1);
  return [
    `${grouped(found)} of ${grouped(total)} events are of these subjects, which is ${share} % and more than 1 %; if that is right, add --yes-many`,
  ];
}

/** What the declaration of the pipeline says. */
export function declaredRefusals(
  pipeline: Pipeline,
  all: readonly Pipeline[],
  environment: Environment | undefined,
): string[] {
  const { name, history = [], stream, exports, subject = [] } = pipeline;
  const at = `pipelines.${name}`;
  const others = all.filter((other) => other.name !== name);
  return [
    ...(history.length > 0 && environment?.history !== undefined
      ? [
          `the history is in the bucket ${environment.history.bucket.existing}, which Millrace did not make and never changes`,
        ]
      : []),
    ...history.flatMap((source) => [
      ...(source.format === 'ndjson' && source.compression !== 'zstd'
        ? []
        : [
            `${at}.history.${source.name} is ${source.format}${source.compression === 'none' ? '' : ` with ${source.compression}`}; only ndjson, plain or with gzip, can be rewritten`,
          ]),
      ...(source.records === undefined
        ? []
        : [`${at}.history.${source.name}.records: a line may hold several events, so it cannot be replaced`]),
      ...others
        .filter(({ history: theirs = [] }) =>
          theirs.some(({ globs }) => globs.some((glob) => source.globs.some((own) => globsOverlap(own, glob)))),
        )
        .map((other) => `the pipeline ${other.name} reads the same objects as ${at}.history.${source.name}`),
    ]),
    ...(stream.records === undefined
      ? []
      : [
          `${at}.stream.records: a record may be a text or hold several events, so its line in the archive cannot be replaced`,
        ]),
    ...exports.flatMap(({ name: own, engine, format }) => [
      ...(engine === 'materialize'
        ? [`${at}.exports.${own} is written by Materialize, which keeps a copy of the events`]
        : []),
      ...('partitionBy' in format && format.partitionBy?.some((column) => subject.includes(column))
        ? [`${at}.exports.${own} has the subject in the keys of its files, which its success files repeat`]
        : []),
    ]),
  ];
}

async function storedRefusals(work: Work, pipeline: Pipeline): Promise<string[]> {
  const [row] = await ask(
    work,
    pipeline,
    'forget-identities',
    `select count(distinct identity_version) as identities from ${publicTables(pipeline).checkpoints}`,
  );
  const current = keyId(await work.cloud.forgetKeys(pipeline.name));
  const foreign = (await markRuns(work, pipeline)).filter((run) => run.keyId !== current);
  return [
    ...(Number(row!['identities']) > 1
      ? [
          'a rebuild under another identity is running; erase when it has ended, and `npx millrace plan` no longer shows it',
        ]
      : []),
    ...foreign
      .slice(0, 1)
      .map(
        ({ runId }) =>
          `the marks of ${runId} were made with another secret, and match nobody any more; restore that version of the secret`,
      ),
  ];
}
