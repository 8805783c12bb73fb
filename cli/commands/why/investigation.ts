import { isSkipReason, landingName } from '../../../sql/names';
import { plural } from '../../terminal';
import { type Context, warehouseText, warehouseTime } from '../context';
import type { Question } from './question';
import { lookIntoQueues, type OpenObject } from './queues';
import { type ObjectHit, searchArchive, searchHistory, searchStream } from './search';
import { type Bounds, no, type Position, type Sighting, streamSequence, unknown, yes } from './sighting';
import { exportSightings, viewSightings } from './views-and-exports';
import {
  countStaged,
  type Found,
  findDuplicates,
  findEvents,
  findLanded,
  findRejectAt,
  findRejectInObject,
  findRejects,
  findSkippedAt,
  ledgerStateOf,
  objectsOfRun,
  ROWS,
} from './warehouse';

/** What a bucket has of the event. */
interface InBucket {
  readonly sightings: readonly Sighting[];
  /** Objects that contain the event and are not loaded. */
  readonly open: readonly OpenObject[];
}

/** Searches for one event. It reads first what is known, because each step tells the next one where to search. */
export class Investigation {
  private events: Found[] = [];
  private duplicates: Found[] = [];
  private rejects: Found[] = [];
  private readonly skipped: Found[] = [];
  /** Reasons why the event is not in events, most specific first. */
  private readonly explanations: string[] = [];

  constructor(
    private readonly context: Context,
    private readonly question: Question,
    private readonly bounds: Bounds,
  ) {}

  get inEvents(): boolean {
    return this.events.length > 0;
  }

  get eventId(): string | undefined {
    return this.question.id ?? (this.events.length === 1 ? String(this.events[0]!.row['event_id']) : undefined);
  }

  verdict(): string {
    if (this.events.length > 1)
      return `${this.events.length > ROWS ? `More than ${ROWS}` : this.events.length} events match; name more columns, or an event id, to follow one.`;
    if (this.inEvents) return 'It is in events.';
    return `It is not in events: ${this.explanations[0] ?? 'no searched place has it'}.`;
  }

  async run(): Promise<Sighting[]> {
    const { context, question } = this;
    this.events = await findEvents(context, question);
    const ids = [
      ...new Set([...(question.id ? [question.id] : []), ...this.events.map(({ row }) => String(row['event_id']))]),
    ];
    this.duplicates = ids.length === 0 ? [] : await findDuplicates(context, question, ids);
    this.rejects = await findRejects(context, question);
    const stream = await this.stream();
    const landing = await this.landing(stream.positions);
    const archive = await this.archive(stream.positions);
    const history = await this.history();
    const queue = await this.queue([...archive.open, ...history.open]);
    const staged = await this.staged();
    return [
      ...stream.sightings,
      ...landing,
      ...archive.sightings,
      ...history.sightings,
      ...queue,
      ...staged,
      ...this.rejected(),
      ...this.leftOut(),
      ...this.dropped(),
      ...this.merged(),
      ...(await this.derived()),
    ];
  }

  /** Looks up the positions that the tables know. If they know none, it reads the stream. */
  private async stream(): Promise<{ positions: Position[]; sightings: Sighting[] }> {
    const { context, question, bounds } = this;
    const known = distinct(
      [...this.events, ...this.duplicates, ...this.rejects].flatMap(({ position }) => position ?? []),
    );
    const stream = context.cloud.names.stream(question.pipeline.name);
    if (known.length > 0) {
      const sightings: Sighting[] = [];
      for (const position of known) {
        const record = await context.cloud.streams.record(stream, position.shard, streamSequence(position));
        sightings.push(
          record === undefined
            ? no('stream', `${place(position)}: the stream no longer has it`, facts(position))
            : yes('stream', place({ ...position, arrivedAt: record.arrivedAt }), facts(position)),
        );
      }
      return { positions: known, sightings };
    }
    const { hits, complete, extent } = await searchStream(context, question, bounds);
    if (hits.length === 0)
      return {
        positions: [],
        sightings: [complete ? no('stream', extent) : unknown('stream', `${extent}: raise --records`)],
      };
    return { positions: [...hits], sightings: hits.map((hit) => yes('stream', place(hit), facts(hit))) };
  }

  private async landing(positions: readonly Position[]): Promise<Sighting[]> {
    const { context, question } = this;
    const sightings: Sighting[] = [];
    const view = landingName(question.pipeline);
    for (const position of positions) {
      const [found] = await findLanded(context, question, position);
      if (found === undefined) {
        // Streaming ingestion may have skipped the record.
        if (!this.isMerged(position)) await this.rejectAt(position);
        const merged = this.isMerged(position);
        if (!merged) this.explanations.push('it is on the stream and waits for the next refresh of the landing view');
        const what = merged
          ? `${view} does not hold ${position.sequenceNumber}, which has its outcome`
          : `${view} has not read ${position.sequenceNumber}`;
        sightings.push(no('landing', what, facts(position)));
        continue;
      }
      const merged = found.row['merged'] === true || this.isMerged(position);
      if (!merged) this.explanations.push('it has landed and waits for the next merge');
      else if (!this.isMerged(position)) await this.rejectAt(position);
      sightings.push(
        yes('landing', `read ${found.row['refresh_time']}, ${merged ? 'merged' : 'not merged yet'}`, {
          ...facts(position),
          refreshTime: String(found.row['refresh_time']),
          merged,
        }),
      );
    }
    return sightings.length > 0 ? sightings : [no('landing', 'no position to look up')];
  }

  private isMerged(at: Position): boolean {
    return [...this.events, ...this.duplicates, ...this.rejects, ...this.skipped].some(
      ({ position }) => position !== undefined && (same(position, at) || isRecordOf(position, at)),
    );
  }

  /** True if an object of the archive decides the outcome, because the stream had only a position or an aggregate. */
  private awaitsArchive(at: Position): boolean {
    return this.rejects.some(
      ({ position, row }) =>
        position !== undefined &&
        ((same(position, at) && isSkipReason(String(row['reason']))) ||
          (row['aggregate'] === true && position.shard === at.shard && position.sequenceNumber === streamSequence(at))),
    );
  }

  private async rejectAt(position: Position): Promise<void> {
    this.rejects.push(...(await findRejectAt(this.context, this.question, position)));
    if (this.question.pipeline.where !== undefined)
      this.skipped.push(...(await findSkippedAt(this.context, this.question, position)));
  }

  private async archive(positions: readonly Position[]): Promise<InBucket> {
    const { hits, complete, extent } = await searchArchive(this.context, this.question, positions, this.bounds);
    if (hits.length === 0)
      return {
        open: [],
        sightings: [
          complete
            ? no('archive', `${extent}: Firehose writes some minutes later`)
            : unknown('archive', `${extent}: narrow --since and --until, or raise --megabytes`),
        ],
      };
    const sightings: Sighting[] = [];
    const open: OpenObject[] = [];
    for (const hit of hits) {
      const { position } = hit;
      // The stream may no longer hold the record, so its position may not have been looked up yet.
      if (position !== undefined && !this.isMerged(position)) await this.rejectAt(position);
      const known =
        position !== undefined &&
        !this.awaitsArchive(position) &&
        (this.isMerged(position) || positions.some((one) => same(one, position)));
      const { state, detail } = await ledgerStateOf(this.context, this.question, hit.bucket, hit.key, hit.etag);
      // A record that is still on the stream needs no object of the archive.
      if (!known && state !== 'loaded') open.push({ hit, bucket: 'archive', state, detail });
      sightings.push(
        yes('archive', `${url(hit)}, ${hit.unit} ${hit.line}${state === 'pending' ? '' : `, ${detail}`}`, {
          ...objectFacts(hit),
          state,
        }),
      );
    }
    return { open, sightings };
  }

  private async history(): Promise<InBucket> {
    const { context, question, bounds } = this;
    if (question.pipeline.history === undefined)
      return { open: [], sightings: [no('history', 'the pipeline has none')] };
    const runs = [
      ...new Set(
        [...this.events, ...this.duplicates]
          .filter(({ row }) => row['source'] === 'history')
          .map(({ row }) => String(row['run_id'])),
      ),
    ];
    const keys: string[] = [];
    for (const run of runs)
      for (const { bucket, key } of await objectsOfRun(context, question, run))
        if (bucket === context.cloud.names.historyBucket) keys.push(key);
    // If the event came from the stream, a search through years of history is left out.
    if (keys.length === 0 && this.inEvents && !bounds.everywhere)
      return {
        open: [],
        sightings: [
          unknown('history', 'not searched, because no load has it; npx millrace why --everywhere searches it'),
        ],
      };
    const { hits, complete, extent } = await searchHistory(context, question, keys, bounds);
    if (hits.length === 0)
      return {
        open: [],
        sightings: [
          complete
            ? no('history', extent)
            : unknown('history', `${extent}: narrow --since and --until, or raise --megabytes`),
        ],
      };
    const sightings: Sighting[] = [];
    const open: OpenObject[] = [];
    for (const hit of hits) {
      const { state, detail } = await ledgerStateOf(context, question, hit.bucket, hit.key, hit.etag);
      sightings.push(yes('history', `${url(hit)}, ${hit.unit} ${hit.line}, ${detail}`, { ...objectFacts(hit), state }));
      if (state !== 'loaded') open.push({ hit, bucket: 'history', state, detail });
      else if (!this.inEvents && this.rejects.length === 0) await this.rejectIn(hit);
    }
    return { open, sightings };
  }

  private async rejectIn(hit: ObjectHit): Promise<void> {
    const { context, question } = this;
    this.rejects.push(...(await findRejectInObject(context, question, hit.bucket, hit.key, hit.line)));
    if (this.rejects.length === 0)
      this.explanations.push(`its object ${hit.key} is loaded, yet neither events nor rejects have it`);
  }

  private async queue(objects: readonly OpenObject[]): Promise<readonly Sighting[]> {
    const { context, question, bounds } = this;
    const { sightings, explanations } = await lookIntoQueues(context, question, objects, bounds.look === true);
    this.explanations.push(...explanations);
    return sightings;
  }

  private async staged(): Promise<Sighting[]> {
    const amount = await countStaged(this.context, this.question);
    return [
      amount === 0
        ? no('staged', 'empty')
        : unknown('staged', `${plural(amount, 'row')} being merged`, { rows: amount }),
    ];
  }

  private rejected(): Sighting[] {
    if (this.rejects.length === 0)
      return [
        no('rejects', this.question.fields.size === 0 ? 'not found by its position' : 'no reject has these values'),
      ];
    return this.rejects.slice(0, ROWS).map(({ row, position }) => {
      const from = position
        ? place(position)
        : [row['object_key'] ?? String(row['source']), row['line'] === null ? '' : `line ${row['line']}`]
            .filter(Boolean)
            .join(', ');
      if (!this.inEvents) this.explanations.unshift(`it was rejected: ${row['reason']}`);
      return yes('rejects', `${row['reason']} (${from})`, {
        reason: String(row['reason']),
        source: String(row['source']),
        objectKey: (row['object_key'] ?? null) as string | null,
        line: (row['line'] ?? null) as number | null,
        ...(position ? facts(position) : {}),
      });
    });
  }

  /** Returns the sightings of records of which only the position is kept. */
  private leftOut(): Sighting[] {
    return this.skipped.slice(0, ROWS).map(({ row, position }) => {
      if (!this.inEvents) this.explanations.unshift(skipReason(String(row['name'])));
      return yes('skipped', `${row['name']}${position ? ` (${place(position)})` : ''}, run ${row['run_id']}`, {
        name: String(row['name']),
        runId: String(row['run_id']),
        ...(position ? facts(position) : {}),
      });
    });
  }

  private dropped(): Sighting[] {
    if (this.duplicates.length === 0) return [no('duplicates', 'none')];
    return this.duplicates.slice(0, ROWS).map(({ row, position }) =>
      yes(
        'duplicates',
        `from ${row['source']}${position ? `, ${place(position)}` : ''}, merged ${row['merged_at']} by run ${row['run_id']}`,
        {
          source: String(row['source']),
          runId: String(row['run_id']),
        },
      ),
    );
  }

  private merged(): Sighting[] {
    if (!this.inEvents) return [no('events', 'not there')];
    return this.events.slice(0, ROWS).map(({ row }) =>
      yes('events', `${row['event_id']}, from ${row['source']}, merged ${row['merged_at']} by run ${row['run_id']}`, {
        eventId: String(row['event_id']),
        source: String(row['source']),
        mergedAt: String(row['merged_at']),
        runId: String(row['run_id']),
      }),
    );
  }

  private async derived(): Promise<Sighting[]> {
    const [event] = this.events;
    if (event === undefined || this.events.length > 1) return [];
    const { pipeline } = this.question;
    const id = String(event.row['event_id']);
    const stage = this.context.progress.stage('views');
    const sightings = [
      ...(await viewSightings(this.context, pipeline, id)),
      ...(await exportSightings(this.context, pipeline, id, warehouseTime(event.row['merged_at']))),
    ];
    stage.done(`${plural(pipeline.views.length, 'view')}, ${plural(pipeline.exports.length, 'export')}`);
    return sightings;
  }
}

const same = (one: Position, other: Position) =>
  one.shard === other.shard && one.sequenceNumber === other.sequenceNumber;

/** True if `record` is the position of the aggregated record that contains `member`. */
const isRecordOf = (record: Position, member: Position) =>
  record.shard === member.shard &&
  record.sequenceNumber === streamSequence(member) &&
  member.sequenceNumber !== record.sequenceNumber;

function distinct(positions: readonly Position[]): Position[] {
  return positions.filter((position, n) => positions.findIndex((other) => same(other, position)) === n);
}

const place = ({ shard, sequenceNumber, arrivedAt }: Position) =>
  `${shard}, ${sequenceNumber}${arrivedAt === undefined ? '' : `, arrived ${warehouseText(arrivedAt)}`}`;

const facts = ({ shard, sequenceNumber, arrivedAt }: Position) => ({
  shard,
  sequenceNumber,
  arrivedAt: arrivedAt === undefined ? null : new Date(arrivedAt).toISOString(),
});

const url = ({ bucket, key }: ObjectHit) => `s3://${bucket}/${key}`;
const objectFacts = ({ bucket, key, etag, line }: ObjectHit) => ({ bucket, key, etag, line });

/** Says why a record is in `skipped`, by the name of its row. */
const skipReason = (name: string) =>
  /^forgotten( event| duplicate| reject)?$/.test(name)
    ? 'its subject was forgotten: npx millrace forget'
    : /^expired (event|duplicate|reject|on arrival)$/.test(name)
      ? `it is older than the retention of the pipeline: ${name}`
      : `it was skipped, because it is meant for another pipeline: ${name}`;
