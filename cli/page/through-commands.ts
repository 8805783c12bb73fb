import { setTimeout as wait } from 'node:timers/promises';
import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { isLoadedHistory, publicTables, quoteIdentifier, quoteLiteral } from '../../sql/names';
import type { FileStatus, HistoryState, RejectReason, WhyAnswer } from '../../ui/api';
import type { Calls } from '../../ui/server';
import { connect } from '../cloud/connect';
import { readOnlyCloud } from '../cloud/read-only';
import type { Context } from '../commands/context';
import { type Files, files } from '../commands/files';
import { hasHistory } from '../commands/history/sources';
import { rejects } from '../commands/rejects';
import { previewRetry, retryRejects } from '../commands/rejects/retry';
import { type Answer, pipelineOf, why } from '../commands/why';
import { parseQuestion, type Question } from '../commands/why/question';
import { Failure } from '../failure';
import { Progress } from '../progress';
import { styleFor } from '../terminal';
import type { PagePorts } from './ports';

const DEADLINE_MS = 120_000;
const REJECT_SAMPLES = 5;
const FILES_SHOWN = 500;
const BOUNDS = { records: 200_000, bytes: 256e6, everywhere: false };

/** Answers the page's calls through the commands `why`, `rejects` and `files`. */
export function callsThroughCommands(
  ports: PagePorts,
  pipelines: readonly Pipeline[],
): Pick<Calls, '/api/why' | '/api/rejects' | '/api/history'> {
  const answerOf = answering(ports);
  const withSent = async (answer: Answer): Promise<WhyAnswer> => ({
    ...answer,
    sightings: [...(await sentOf(ports, pipelineNamed(pipelines, answer.pipeline), answer)), ...answer.sightings],
    partners: partnersOf(answer, ports.environment),
  });
  return {
    async '/api/why'({ event, pipeline }) {
      const args = argumentsOf(event);
      const answers: Answer[] = [];
      for (const question of questionsOf(pipelines, args, pipeline))
        answers.push(await answerOf<Answer>((context) => why(context, question, { ...BOUNDS, look: !ports.readOnly })));
      const isKnown = ({ inEvents, sightings }: Answer) => inEvents || sightings.some(({ found }) => found === 'yes');
      const known = answers.filter(isKnown);
      const shown = known.length > 0 ? known : answers;
      return { answers: await Promise.all(shown.map(withSent)) };
    },
    async '/api/rejects'() {
      const options = { limit: REJECT_SAMPLES };
      const { reasons } = await answerOf<{ reasons: RejectReason[] }>((context) =>
        rejects(context, pipelines, options),
      );
      return {
        reasons: reasons.map((reason) => ({
          ...reason,
          ...columnOf(reason, pipelineNamed(pipelines, reason.pipeline)),
        })),
      };
    },
    async '/api/history'() {
      const chosen = pipelines.filter(hasHistory);
      const found = await answerOf<Files>((context) => files(context, chosen, { limit: FILES_SHOWN }));
      const days: HistoryState['days'][number][] = [];
      for (const { name } of chosen) {
        const { ledger, runs } = publicTables({ name });
        const history = `${ledger} where ${isLoadedHistory}`;
        // The ledger lacks the rows of objects that were loaded together. The run that merged them has their sum.
        const { rows } = await ports.query(
          `select l.day, l.objects, l.bytes, coalesce(r.merged, 0)
from (select trunc(loaded_at) as day, count(*) as objects, coalesce(sum(size), 0) as bytes from ${history} group by 1) as l
left join (
  select trunc(merged_at) as day, sum(rows_read) as merged from ${runs} where run_id in (select run_id from ${history}) group by 1
) as r on r.day = l.day
order by 1`,
        );
        days.push(
          ...rows.map(([day, objects, bytes, count]) => ({
            pipeline: name,
            day: String(day).slice(0, 10),
            objects: Number(objects),
            bytes: Number(bytes),
            rows: Number(count),
          })),
        );
      }
      const shown = found.files.slice(0, FILES_SHOWN).map((file) => ({ ...file, status: file.status as FileStatus }));
      return { bucket: ports.historyBucket, counts: found.counts, days, files: shown };
    },
  };
}

/** Answers the page's call that merges rejects again. */
export function retryCall(ports: PagePorts, pipelines: readonly Pipeline[]): Pick<Calls, '/api/rejects/retry'> {
  const answerOf = answering(ports);
  return {
    async '/api/rejects/retry'({ pipeline, reason, apply }) {
      const chosen = pipelineNamed(pipelines, pipeline);
      const retry = apply ? retryRejects : previewRetry;
      return {
        applied: apply,
        ...(await answerOf<Awaited<ReturnType<typeof retry>>>((context) => retry(context, chosen, { reason }))),
      };
    },
  };
}

/** Runs a command with `--json` in this process. */
const answering =
  (ports: PagePorts) =>
  async <T>(command: (context: Context) => Promise<unknown>): Promise<T> => {
    let said = '';
    const result = await inContext(ports, (text) => (said += text), command);
    return (said === '' ? result : JSON.parse(said)) as T;
  };

function pipelineNamed(pipelines: readonly Pipeline[], name: string): Pipeline {
  const found = pipelines.find((pipeline) => pipeline.name === name);
  if (found !== undefined) return found;
  throw new Failure(`pipeline must be one of ${pipelines.map((pipeline) => pipeline.name).join(', ')}, got '${name}'`);
}

async function inContext<T>(
  { connection, readOnly }: PagePorts,
  write: (text: string) => void,
  act: (context: Context) => Promise<T>,
): Promise<T> {
  const silent = { write: () => true };
  const connected = connect(connection);
  const cloud = readOnly ? readOnlyCloud(connected) : connected;
  const deadline = performance.now() + DEADLINE_MS;
  const style = styleFor(silent, {});
  const progress = new Progress(silent, style);
  try {
    return await act({
      cloud,
      stdout: { write },
      progress,
      style,
      json: true,
      remainingMs: () => deadline - performance.now(),
      sleep: wait,
    });
  } finally {
    progress.stop();
    cloud.close();
  }
}

/** Splits `customer_id=customer_7 action=cart`. A value extends to the next `name=`, so it may contain spaces. */
export function argumentsOf(event: string): string[] {
  return event
    .trim()
    .split(/\s+(?=[a-z_][a-z0-9_]*=)/)
    .map((part) => part.trim());
}

/**
 * One question for each pipeline that has the columns. An id does not show which pipeline it belongs to.
 * @throws Failure if it is a question of none
 */
function questionsOf(pipelines: readonly Pipeline[], args: readonly string[], name: string | undefined): Question[] {
  if (name !== undefined) return [parseQuestion(pipelineOf(name, args), args)];
  const columns = args.filter((arg) => arg.includes('=')).map((arg) => arg.split('=')[0]!);
  const candidates = pipelines.filter((pipeline) =>
    columns.every((column) => pipeline.columns.some((known) => known.name === column)),
  );
  if (candidates.length === 0) return [parseQuestion(pipelineOf(undefined, args), args)];
  const faults: unknown[] = [];
  const questions = candidates.flatMap((pipeline) => {
    try {
      return [parseQuestion(pipeline, args)];
    } catch (error) {
      faults.push(error);
      return [];
    }
  });
  if (questions.length === 0) throw faults[0];
  return questions;
}

/** Finds the column of a reason, which begins with the column's name: `price: expected a number, got a string`. */
function columnOf({ reason }: RejectReason, { columns }: Pipeline): Pick<RejectReason, 'column' | 'path'> {
  const column = columns.find(({ name }) => reason.startsWith(`${name}: `));
  return column === undefined ? {} : { column: column.name, path: column.path };
}

/** When the event happened, by its own columns of times. */
async function sentOf(
  ports: PagePorts,
  pipeline: Pipeline,
  { eventId, inEvents }: Answer,
): Promise<WhyAnswer['sightings']> {
  const columns = pipeline.columns.filter(({ type }) => type === 'timestamp').map(({ name }) => name);
  if (eventId === null || !inEvents || columns.length === 0) return [];
  const { rows } = await ports.query(
    `select ${columns.map(quoteIdentifier).join(', ')} from ${publicTables(pipeline).events} where event_id = ${quoteLiteral(eventId)}`,
  );
  const times = columns.flatMap((name, n) => (rows[0]?.[n] ? [`${name} ${rows[0][n]}`] : []));
  return times.length === 0
    ? []
    : [{ place: 'sent', found: 'yes', what: `by the sender’s clock: ${times.join(', ')}`, facts: {} }];
}

/** Returns the partners that may read an export with the event. */
function partnersOf({ pipeline, sightings }: Answer, { partners }: Environment): WhyAnswer['partners'] {
  const held = sightings
    .filter(({ place, found, facts }) => place === 'export' && found === 'yes' && facts['export'] !== undefined)
    .map(({ facts }) => `${pipeline}.${facts['export']}`);
  return partners.flatMap(({ name, access }) => {
    const exports = access.mode === 'read' ? access.exports.filter((readable) => held.includes(readable)) : [];
    return exports.length === 0 ? [] : [{ name, exports }];
  });
}
