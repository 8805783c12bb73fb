import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Check,
  completeOptions,
  count,
  emptyOracle,
  type Generation,
  type GeneratorOptions,
  type Oracle,
  type PipelineGenerator,
  streamSpan,
} from './generator';
import { createRandom, type Random } from './random';
import { type RecordShape, withNoise } from './records';
import { canVary, newIds } from './replay-ids';
import { type Span, spansOf } from './replay-spans';
import { type ReplayedTime, readTime } from './replay-times';

/** A path in the payload, attribute by attribute. */
type Path = readonly string[];

export interface ReplayOptions {
  readonly pipeline: string;
  /** The pipeline's folder, with `sample.ndjson`: records that the pipeline takes, one a line. */
  readonly folder: string;
  /** Share of a demo's events, relative to the other pipelines. @default 9 */
  readonly weight?: number;
  /** Paths of the identity. Each event gets new values at one of them. @default - the stream position is the identity */
  readonly identity?: readonly Path[];
  /** Times of a record, that of the event first. All of them move by the same distance. @default - none */
  readonly times?: readonly { readonly path: Path; readonly form: ReplayedTime }[];
  /** A text column, for records with a text that is too long. @default - none are made */
  readonly text?: { readonly path: Path; readonly maxBytes: number };
  /** The first view, whose rows are then known. @default - none is checked */
  readonly view?: {
    readonly name: string;
    readonly hour?: boolean;
    readonly group?: { readonly column: string; readonly path: Path };
  };
}

/** One event: a record of the sample with new ids and times. */
interface Replayed {
  readonly data: string;
  /** Epoch milliseconds. */
  readonly at?: number;
  readonly group: string | null;
  readonly number: number;
}

const HOUR_MS = 3_600_000;

/** A generator that repeats the records of a sample. Each repetition has times of today and an identity of its own. */
export function replay(options: ReplayOptions): PipelineGenerator {
  const lines = readFileSync(join(options.folder, 'sample.ndjson'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new Error(`${join(options.folder, 'sample.ndjson')} must have at least one record`);
  const sample = new Sample(lines, options);
  return {
    pipeline: options.pipeline,
    weight: options.weight ?? 9,
    generate: (given) => generate(sample, options, given),
    viewRows: (oracle) => (options.view ? { [options.view.name]: rowsOf(oracle).length } : {}),
    checks: (oracle) => (options.view ? [checkOf(options, oracle)] : []),
    exportTruths: () => ({}),
  };
}

function generate(sample: Sample, options: ReplayOptions, given: GeneratorOptions): Generation {
  const complete = completeOptions(given);
  // A record that is sent twice has two positions, so it is two events.
  const duplicates = options.identity === undefined ? 0 : complete.duplicates;
  const oracle = emptyOracle();
  const span = streamSpan(complete);
  const name = `${complete.seed}/${complete.batch}/${options.pipeline}`;
  return {
    oracle,
    until: span.to,
    stream: () =>
      withNoise(
        sample.events(complete.events, span, complete.batch, createRandom(name)),
        sample.shape,
        { ...complete, duplicates },
        createRandom(`${name}/noise`),
        oracle,
      ),
    history: () => [],
  };
}

/** The records of a sample, with the places of what changes. */
class Sample {
  private readonly rows: readonly { readonly json: string; readonly spans: readonly (Span | undefined)[] }[];
  private readonly paths: readonly Path[];
  private readonly varied: number;
  private readonly times: NonNullable<ReplayOptions['times']>;
  readonly shape: RecordShape<Replayed>;

  constructor(
    lines: readonly string[],
    private readonly options: ReplayOptions,
  ) {
    const { identity = [], times = [], text, view } = options;
    this.times = times;
    this.paths = [
      ...times.map(({ path }) => path),
      ...identity,
      ...(view?.group ? [view.group.path] : []),
      ...(text ? [text.path] : []),
    ];
    this.rows = lines.map((json) => ({ json, spans: spansOf(json, this.paths) }));
    this.varied = identity.findIndex((path) => canVary(this.valuesAt(path)) && !this.isTime(path));
    this.shape = {
      record: ({ data, number }) => ({ data, partitionKey: `key_${number % 97}` }),
      observe: (event, oracle) => observe(event, oracle, options),
      malformed: ({ data, number }, random) => ({
        data: random.pick(damages)(data),
        partitionKey: `key_${number % 97}`,
      }),
      oversized: (event, random) => this.oversized(event, random),
    };
  }

  *events(total: number, span: { from: number; to: number }, batch: number, random: Random): Generator<Replayed> {
    const path = this.options.identity?.[this.varied];
    const idOf = path && newIds(this.valuesAt(path), batch, random);
    const taken = new Set<string>();
    for (let number = 0; number < total; number += 1) {
      let at = span.from + Math.floor((number * (span.to - span.from)) / total);
      const vary = (json: string) => (idOf ? idOf(json, number) : json);
      let event = this.event(number, at, path, vary);
      // Where only times make an event unique, one that is taken moves on by a second.
      for (
        const needed = this.needsTime;
        needed && taken.has(this.keyOf(event));
        event = this.event(number, at, path, vary)
      )
        at += 1000;
      if (this.needsTime) taken.add(this.keyOf(event));
      yield event;
    }
  }

  /** True if no id of the identity can be varied. */
  private get needsTime(): boolean {
    return this.options.identity !== undefined && this.varied < 0;
  }

  private keyOf({ data }: Replayed): string {
    const { identity = [] } = this.options;
    return JSON.stringify(spansOf(data, identity).map((span) => span && data.slice(...span)));
  }

  private event(number: number, at: number, varied: Path | undefined, vary: (json: string) => string): Replayed {
    const { json, spans } = this.rows[number % this.rows.length]!;
    const changes: { readonly span: Span; readonly text: string }[] = [];
    const first = this.times[0] && spans[0] && readTime(JSON.parse(json.slice(...spans[0])), this.times[0].form);
    for (const [index, { form }] of this.times.entries()) {
      const span = spans[index];
      const time = span && first && readTime(JSON.parse(json.slice(...span)), form);
      if (span && time) changes.push({ span, text: JSON.stringify(time.write(time.at + at - first.at)) });
    }
    const span = varied && this.spanAt(spans, varied);
    if (span) changes.push({ span, text: vary(json.slice(...span)) });
    const written = first && this.times[0] ? readTime(first.write(at), this.times[0].form)?.at : undefined;
    const group = this.options.view?.group && this.spanAt(spans, this.options.view.group.path);
    return {
      data: changed(json, changes),
      ...(written !== undefined && { at: written }),
      group: group ? (JSON.parse(json.slice(...group)) as string | null) : null,
      number,
    };
  }

  private spanAt(spans: readonly (Span | undefined)[], path: Path): Span | undefined {
    return spans[this.paths.indexOf(path)];
  }

  private valuesAt(path: Path): string[] {
    return this.rows.flatMap(({ json, spans }) => {
      const span = this.spanAt(spans, path);
      return span ? [json.slice(...span)] : [];
    });
  }

  private isTime(path: Path): boolean {
    return this.times.some((time) => time.path.join('\0') === path.join('\0'));
  }

  private oversized({ data, number }: Replayed, random: Random) {
    const { text } = this.options;
    const span = text && spansOf(data, [text.path])[0];
    if (!span) return this.shape.malformed({ data, number, group: null }, random);
    const long = `"${'x'.repeat(text.maxBytes + 1)}"`;
    return { data: changed(data, [{ span, text: long }]), partitionKey: `key_${number % 97}` };
  }
}

/** Ways to damage a record. Each gives a reject, whatever the columns are. */
const damages: readonly ((json: string) => string)[] = [
  (json) => json.trimEnd().slice(0, -1),
  () => 'ping',
  (json) => `[${json}]`,
];

/** The text with some spans replaced. */
function changed(json: string, changes: readonly { readonly span: Span; readonly text: string }[]): string {
  let text = '';
  let at = 0;
  for (const { span, text: next } of [...changes].sort((one, other) => one.span[0] - other.span[0])) {
    // A time can be a part of the identity too.
    if (span[0] < at) continue;
    text += json.slice(at, span[0]) + next;
    at = span[1];
  }
  return text + json.slice(at);
}

const GROUP = 'rows';

/** A key of the oracle: the columns of the view's row, as JSON. */
function observe({ at, group }: Replayed, oracle: Oracle, { view }: ReplayOptions): void {
  const hour = at === undefined ? null : new Date(Math.floor(at / HOUR_MS) * HOUR_MS).toISOString();
  const cells = [
    ...(view?.hour ? [hour && `${hour.slice(0, 10)} ${hour.slice(11, 19)}`] : []),
    ...(view?.group ? [group] : []),
  ];
  count(oracle, GROUP, JSON.stringify(cells));
}

const rowsOf = (oracle: Oracle) =>
  Object.entries(oracle.groups[GROUP] ?? {}).map(([cells, events]) => ({
    cells: JSON.parse(cells) as (string | null)[],
    events,
  }));

function checkOf({ pipeline, view }: ReplayOptions, oracle: Oracle): Check {
  const columns = [...(view!.hour ? ['hour'] : []), ...(view!.group ? [view!.group.column] : [])];
  // Where nulls are sorted differs between engines, so rows with one are left out.
  const expected = rowsOf(oracle)
    .filter(({ cells }) => !cells.includes(null))
    .map(({ cells, events }) => [...(cells as string[]), String(events)])
    .sort(byBytes);
  const shown = columns.map((column) => (column === 'hour' ? 'hour::varchar' : column));
  const present = columns.map((column) => `${column} is not null`).join(' and ');
  const rest =
    columns.length === 0 ? '' : ` where ${present} order by ${columns.map((_, index) => index + 1).join(', ')}`;
  return {
    name: `rows of ${view!.name}`,
    query: `select ${[...shown, 'events'].join(', ')} from ${pipeline}.${view!.name}${rest}`,
    expected,
  };
}

/** The order of a warehouse, which compares texts by their bytes. */
function byBytes(one: readonly string[], other: readonly string[]): number {
  for (const [index, cell] of one.entries()) {
    const order = Buffer.compare(Buffer.from(cell), Buffer.from(other[index]!));
    if (order !== 0) return order;
  }
  return 0;
}
