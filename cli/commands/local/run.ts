import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Progress } from '../../progress';
import { grouped, plural, styleFor } from '../../terminal';
import { removeRuntimeFile, writeRuntimeFile } from '../runtime-file';
import { type BatchesFile, oracleOf, readBatches, writeBatches } from './batches';
import type { DemoRuntime } from './demo-runtime';
import type { LocalDependencies, LocalIo, LocalOptions } from './dependencies';
import { assertRoom, watchDisk } from './disk-space';
import { HistoryRows, strayObjects } from './history-counts';
import { firstMoment, nextMoment } from './moments';
import { nextPauseText, pauseText } from './pause-text';
import { assertFree, prepare } from './preconditions';
import {
  apiAddress,
  equationText,
  liveText,
  pendingLines,
  psqlCommand,
  strayLine,
  summaryText,
  type Verdict,
} from './print';
import { countRecords, type RecordCounts, sumCounts } from './record-counts';
import type { BatchRequest } from './requests';
import { RunWatch } from './run-watch';
import type { Clients, sendBatch as SendBatch } from './send-batch';
import { stepUntil } from './step-until';
import { publishedExports, type Summary, summarize } from './summary';
import { type DueWindow, differences, dueWindows } from './verify';

export type { LivePage, LocalDependencies, LocalIo, LocalOptions, OpenOptions } from './dependencies';

const MINUTE_MS = 60_000;
/** Most minutes in which a later live run merges its records. It starts that long ago if the clock allows it. */
const LATER_RUN_MINUTES = 10;
const LIVE_BATCH_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 1000;
const LAST_WORD_MS = 1000;
/** `sendBatch` needs the AWS SDK. It is loaded late, while another process synthesizes. */
const sendBatch: typeof SendBatch = (...given) =>
  (require('./send-batch') as typeof import('./send-batch')).sendBatch(...given);
/** The text of a stage until it has something to count. */
const doing: Readonly<Record<string, string>> = {
  synth: 'synthesizing the dev environment',
  start: 'starting its services',
  generate: 'making records',
  ingest: 'waiting for the first refresh',
  exports: 'waiting for windows to close',
};
/** Runs the demo to its end. Returns true if everything is as expected. */
export async function runLocal(options: LocalOptions, io: LocalIo, deps: LocalDependencies): Promise<boolean> {
  return new Demo(options, io, deps).run();
}

class Demo {
  private readonly dataDir: string;
  private readonly progress: Progress;
  private readonly seconds: Record<string, number> = {};
  private readonly began = performance.now();
  private file: BatchesFile;
  private runtime!: DemoRuntime;
  private announced = '';
  private page: { dispose(): Promise<void> } | undefined;
  private rows!: HistoryRows;
  private readonly disk: ReturnType<typeof watchDisk>;
  private readonly io: LocalIo;

  constructor(
    private readonly options: LocalOptions,
    io: LocalIo,
    private readonly deps: LocalDependencies,
  ) {
    this.dataDir = resolve(options.data);
    this.progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: options.json });
    prepare(options.data, this.dataDir);
    assertRoom(this.dataDir, options.events);
    this.disk = watchDisk(this.dataDir);
    this.io = { ...io, signal: AbortSignal.any([io.signal, this.disk.signal]) };
    this.file = readBatches(this.dataDir);
  }

  async run(): Promise<boolean> {
    try {
      for (const port of [this.options.port, this.options.pgPort]) if (port !== undefined) await assertFree(port);
      // A terminal shows the running stage at once. A log shows the first one only when it takes long or is done.
      if (!this.io.stderr.isTTY)
        this.progress.line(`the dev environment on this machine, with its data in ${this.options.data}`);
      const assemblyDir = await this.synth();
      await this.start(assemblyDir);
      await this.openPage();
      return await this.demonstrate();
    } catch (error) {
      if (this.disk.signal.aborted) throw this.disk.signal.reason;
      if (!this.io.signal.aborted) throw error;
      await this.lastWord();
      return false;
    } finally {
      this.disk.dispose();
      this.progress.stop();
      removeRuntimeFile(this.dataDir);
      await this.page?.dispose();
      await this.runtime?.dispose();
    }
  }

  private async demonstrate(): Promise<boolean> {
    const clients = this.deps.clients(this.runtime);
    try {
      await this.send(clients);
      await this.ingest();
      const due = await this.publish();
      this.file = { ...this.file, clock: this.runtime.now() };
      writeBatches(this.dataDir, this.file);
      const { good, json } = await this.conclude(due);
      if (!this.options.once) await this.live(clients);
      if (this.options.json) this.io.stdout.write(`${JSON.stringify(json)}\n`);
      return good;
    } finally {
      clients.destroy();
    }
  }

  private async synth(): Promise<string> {
    return this.timed('synth', async (stage) => {
      const outDir = join(this.dataDir, 'cdk.out');
      await this.deps.synthesize(outDir, this.io.signal);
      stage('the dev environment');
      return outDir;
    });
  }

  private async start(assemblyDir: string): Promise<void> {
    await this.timed('start', async (stage) => {
      const { dataDir } = this;
      const { port, once, pgPort = once ? undefined : 0 } = this.options;
      const startAt = this.startAt();
      this.runtime = await this.deps.open({ assemblyDir, dataDir, port, pgPort, startAt, onProgress: stage });
      this.io.signal.throwIfAborted();
      // The clock stops: nothing is merged or exported before everything is sent.
      this.runtime.setRate(0);
      this.runtime.onTrouble((message) => this.progress.warning(`${this.progress.style.yellow('!')} ${message}`));
      this.rows = new HistoryRows(this.runtime);
      this.announce();
      stage(`${plural(this.runtime.resources, 'resource')} on ${this.runtime.endpoint}`);
    });
  }

  /**
   * Returns the start of the clock. A run with `--once` starts so that it need not wait for the rest of an hour. A
   * later live run starts shortly before now.
   */
  private startAt(): number | undefined {
    const { batches, clock } = this.file;
    if (batches === 0) return firstMoment(Date.now());
    if (this.options.once && clock !== undefined) return nextMoment(Date.now(), clock);
    return Date.now() - LATER_RUN_MINUTES * MINUTE_MS;
  }

  private async openPage(): Promise<void> {
    const { prompt } = this.runtime;
    if (prompt) this.progress.line(`  sql       ${this.progress.style.cyan(psqlCommand(prompt))}`);
    const api = apiAddress(this.runtime);
    if (api !== undefined) this.progress.line(`  api       ${this.progress.style.cyan(`${api}/docs`)}`);
    if (this.options.once || this.deps.page === undefined) return;
    const page = await this.deps.page.open(this.runtime, this.dataDir);
    this.page = page;
    this.progress.line(`  page      ${this.progress.style.cyan(page.address)}`);
  }

  /**
   * Writes the file with which other processes find the runtime, again after each deployment that changed an output.
   */
  private announce(): void {
    const { endpoint, region, credentials, warehouse, prompt, outputs, pipelineOutputs } = this.runtime;
    const file = { pid: process.pid, endpoint, region, credentials, warehouse, prompt, outputs, pipelineOutputs };
    const text = JSON.stringify(file);
    if (text !== this.announced) writeRuntimeFile(this.dataDir, file);
    this.announced = text;
  }

  private async send(clients: Clients): Promise<void> {
    await this.timed('generate', async (stage) => {
      const { complete } = this.file;
      writeBatches(this.dataDir, { ...this.file, complete: false });
      const batch = { seed: this.options.seed, events: this.options.events, withHistory: true };
      const { signal } = this.io;
      const onProgress = (records: number) => stage(`${grouped(records)} records`);
      const sent = await sendBatch(this.runtime, clients, this.deps.generators, this.file, batch, {
        signal,
        onProgress,
      });
      this.file = { ...sent.file, complete };
      writeBatches(this.dataDir, this.file);
      stage(
        `${plural(sent.records, 'record')} onto the streams, ${plural(sent.rows, 'row')} in ${plural(sent.objects, 'history object')}`,
      );
    });
  }

  private async ingest(): Promise<void> {
    const stray = await strayObjects(this.runtime);
    if (stray.length > 0) this.progress.warning(strayLine(stray, this.progress.style));
    await this.timed('ingest', async (stage) => {
      let account!: RecordCounts;
      await this.stepUntil('pending records', async () => {
        account = await this.account();
        stage(`${grouped(account.events)} events, ${grouped(account.pending)} pending`);
        return waitingOf(account);
      });
      stage(
        `${grouped(account.events)} events, ${grouped(account.duplicates)} duplicates, ${grouped(account.rejects)} rejects`,
      );
    });
  }

  /** Runs the clock until every closed window is published. */
  private async publish(): Promise<readonly DueWindow[]> {
    // A live run in real time does not wait for windows that are still open.
    const isAwaited = ({ dueAt }: DueWindow) => this.options.once || this.speed !== 1 || dueAt <= Date.now();
    const all = this.deps.pipelines.flatMap((pipeline) => {
      const generator = this.deps.generators.find((candidate) => candidate.pipeline === pipeline.name);
      const known = this.file.pipelines[pipeline.name];
      return generator && known ? dueWindows(pipeline, generator, known.oracle, known.until, this.runtime.now()) : [];
    });
    if (!this.file.complete) return [];
    const due = all.filter(isAwaited);
    await this.timed('exports', async (stage) => {
      await this.stepUntil('unpublished windows', async () => {
        const published = new Set((await this.published()).map((item) => `${item.name} ${item.window.split('/')[0]}`));
        const missing = due.filter((window) => !published.has(`${window.export} ${window.start}`)).length;
        stage(`${grouped(published.size)} of ${grouped(published.size + missing)} windows`);
        return missing;
      });
      const published = await this.published();
      const files = published.reduce((total, item) => total + item.files.length, 0);
      stage(`${plural(published.length, 'window')} in ${plural(files, 'file')}`);
    });
    return due;
  }

  private async published() {
    const lists = [];
    for (const pipeline of this.deps.pipelines) lists.push(await publishedExports(this.runtime, pipeline));
    return lists.flat();
  }

  private stepUntil(what: string, left: () => Promise<number>): Promise<void> {
    return stepUntil(this.runtime, this.io.signal, left, async (now) => [
      `${grouped(now)} ${what} are left and nothing has changed for hours of the clock; see the logs in ${join(this.options.data, 'logs')}`,
      ...pendingLines((await this.account()).parts, styleFor(this.io.stderr, this.io.env)),
    ]);
  }

  private async conclude(due: readonly DueWindow[]): Promise<{ good: boolean; json: unknown }> {
    const summary = await summarize(this.runtime, this.deps.pipelines, this.rows);
    const found: string[] = [];
    const unknown = !this.file.complete
      ? 'an earlier run was interrupted while it was sending'
      : summary.total.forgotten > 0
        ? 'subjects were forgotten'
        : undefined;
    for (const generator of unknown === undefined ? this.deps.generators : []) {
      const ours = due.filter((window) => window.export.startsWith(`${generator.pipeline}.`));
      found.push(
        ...(await differences(this.runtime, generator, oracleOf(this.file, generator.pipeline), summary, ours)),
      );
    }
    const verdict: Verdict = unknown === undefined ? { differences: found } : { unknown };
    this.seconds['total'] = (performance.now() - this.began) / 1000;
    if (!this.options.json)
      this.io.stdout.write(
        summaryText(
          summary,
          verdict,
          this.options.data,
          !this.options.once,
          styleFor(this.io.stdout, this.io.env),
          apiAddress(this.runtime),
        ),
      );
    else for (const difference of found) this.io.stderr.write(`${difference}\n`);
    const good =
      summary.balanced && summary.total.parts.length === 0 && summary.failing.length === 0 && found.length === 0;
    return { good, json: this.json(summary, verdict.differences) };
  }

  private json(summary: Summary, found: readonly string[] | undefined): unknown {
    const seconds = Object.fromEntries(
      Object.entries(this.seconds).map(([stage, value]) => [stage, Math.round(value * 1000) / 1000]),
    );
    return {
      ...summary.total,
      views: Object.fromEntries(Object.entries(summary.views).map(([name, view]) => [name, view.rows])),
      failingViews: summary.failing,
      exports: summary.exports,
      seconds,
      pipelines: summary.pipelines,
      oracle: found === undefined ? { known: false } : { known: true, agrees: found.length === 0, differences: found },
    };
  }

  private get speed(): number {
    return this.options.speed ?? 1;
  }

  /** Runs until Ctrl-C. A few events arrive, and each run prints a line. Time is real, or faster on request. */
  private async live(clients: Clients): Promise<void> {
    const { runtime, progress } = this;
    const { signal } = this.io;
    const watch = new RunWatch(runtime, this.deps.pipelines, progress.style);
    await watch.news();
    if (this.speed === 1) this.reachPresent();
    progress.line(progress.style.dim(liveText(this.speed)));
    this.followPauses();
    let hasNews = true;
    runtime.onActivity(() => {
      hasNews = true;
    });
    runtime.setRate(this.speed);
    this.deps.page?.requests.accept();
    let nextBatch = performance.now() + LIVE_BATCH_EVERY_MS / 2;
    while (!signal.aborted) {
      if (performance.now() >= nextBatch) {
        nextBatch = performance.now() + LIVE_BATCH_EVERY_MS;
        await this.trickle(clients);
        this.file = { ...this.file, clock: runtime.now() };
        writeBatches(this.dataDir, this.file);
      }
      await this.deps.page?.requests.serve((request) => this.sendMore(clients, request));
      if (hasNews) {
        hasNews = false;
        for (const line of await watch.news()) progress.line(line);
        this.announce();
      }
      await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
    this.file = { ...this.file, clock: runtime.now() };
    writeBatches(this.dataDir, this.file);
    this.disk.signal.throwIfAborted();
    await this.lastWord();
  }

  /**
   * From now on the cluster pauses by its schedule. It did not before: a start must merge what it sends, and a cluster
   * that was just deployed is available too.
   */
  private followPauses(): void {
    const { runtime, progress } = this;
    runtime.pause.onChange((event) => progress.warning(pauseText(event, runtime, progress.style)));
    runtime.pause.followSchedule();
    const pausesAt = runtime.pause.next('pause');
    if (pausesAt !== undefined) progress.line(progress.style.dim(nextPauseText(pausesAt, runtime.now())));
  }

  /** Sets the clock to this machine's time, since the first run was in the past. */
  private reachPresent(): void {
    const { runtime } = this;
    runtime.leapTo(Date.now());
    const aheadMinutes = Math.round((runtime.now() - Date.now()) / MINUTE_MS);
    if (aheadMinutes > 0)
      this.progress.warning(
        `${this.progress.style.yellow('!')} the clock of ${this.options.data} is ${plural(aheadMinutes, 'minute')} ahead of this machine: your events are that late`,
      );
  }

  private async trickle(clients: Clients): Promise<void> {
    const share = this.speed === 1 ? 1000 : 100;
    const events = Math.max(10, Math.min(1000, Math.round(this.options.events / share)));
    await this.sendMore(clients, { events, shape: { overlap: 0 } });
  }

  /** @returns the number of records and rows that were sent */
  private async sendMore(clients: Clients, { events, shape }: BatchRequest): Promise<number> {
    const { signal } = this.io;
    const { complete } = this.file;
    writeBatches(this.dataDir, { ...this.file, complete: false });
    const batch = { seed: this.options.seed, events, withHistory: false, shape };
    const deployed = this.deps.generators.filter(({ pipeline }) => this.runtime.isDeployed(pipeline));
    const sent = await sendBatch(this.runtime, clients, deployed, this.file, batch, { signal });
    // The loop in `live` writes it.
    this.file = { ...sent.file, complete };
    return sent.records + sent.rows;
  }

  private async account(): Promise<RecordCounts> {
    const accounts: RecordCounts[] = [];
    for (const pipeline of this.runtime.deployedPipelines())
      accounts.push(await countRecords(this.runtime, pipeline, this.rows));
    return sumCounts(accounts);
  }

  /** Prints one line before the end, if the warehouse still answers at once. */
  private async lastWord(): Promise<void> {
    this.progress.stop();
    const { style } = this.progress;
    const account =
      this.runtime === undefined
        ? undefined
        : await Promise.race([this.account().catch(() => undefined), wait(LAST_WORD_MS, undefined)]);
    this.io.stderr.write(`\nstopped; the data stays in ${this.options.data}\n`);
    if (account === undefined) return;
    this.io.stderr.write(`${[equationText(account, style), ...pendingLines(account.parts, style)].join('\n')}\n`);
  }

  private async timed<T>(name: string, work: (stage: (detail: string) => void) => Promise<T>): Promise<T> {
    this.io.signal.throwIfAborted();
    const began = performance.now();
    const stage = this.progress.stage(name, doing[name]);
    let detail = '';
    try {
      const result = await work((text) => {
        detail = text;
        stage.update(text);
      });
      stage.done(detail);
      return result;
    } catch (error) {
      stage.failed();
      throw error;
    } finally {
      this.seconds[name] = (this.seconds[name] ?? 0) + (performance.now() - began) / 1000;
    }
  }
}

/** Counts the pending records that the environment can process without a person. */
const waitingOf = ({ pending, parts }: RecordCounts) =>
  pending - parts.reduce((sum, { records, stuck }) => sum + (stuck ? records : 0), 0);
