import { grouped, type Output, type Style, seconds } from './terminal';

export interface Stage {
  /** Replaces the text after the stage's name while it runs. */
  update(detail: string): void;
  /**
   * Replaces the text by a count, with its rate. If the total is known, also by the time that is left, and on a
   * terminal by a bar.
   * @param unit in the plural: `objects`
   */
  count(done: number, unit: string, total?: number): void;
  done(detail: string): void;
  failed(): void;
}

interface Counted {
  readonly done: number;
  readonly total?: number;
  readonly unit: string;
}

interface Running {
  readonly name: string;
  detail: string;
  counted?: Counted;
  /** Recent counts, for the rate. */
  samples: { readonly at: number; readonly done: number }[];
  readonly began: number;
}

/** Without a terminal, a running stage prints a line at this interval. */
const quietMs = 10_000;
const drawMs = 200;
/** The rate is that of the last so many milliseconds. */
const rateMs = 15_000;
/** A rate over a shorter time would jump. */
const shortestRateMs = 2000;
const widestBar = 20;
const narrowestBar = 8;
const labelWidth = 9;

export interface ProgressOptions {
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  /** True writes warnings only: the command has `--json`. @default false */
  readonly silent?: boolean;
}

/**
 * Shows how far a command is. A terminal shows the running stage, with a bar if its total is known. Any other output
 * gets a line about a running stage every ten seconds. Each stage that ended is one line with its time.
 */
export class Progress {
  private current: Running | undefined;
  private ticker: NodeJS.Timeout | undefined;
  private readonly ended: string[] = [];
  private advice = '';
  private readonly now: () => number;
  private readonly silent: boolean;
  private readonly began: number;

  constructor(
    private readonly output: Output,
    readonly style: Style,
    { now = () => performance.now(), silent = false }: ProgressOptions = {},
  ) {
    this.now = now;
    this.silent = silent;
    this.began = now();
  }

  /** @param doing what is shown until the first update */
  stage(name: string, doing = ''): Stage {
    const stage: Running = { name, detail: doing, samples: [], began: this.now() };
    this.current = stage;
    this.draw();
    clearInterval(this.ticker);
    this.ticker = this.output.isTTY
      ? setInterval(() => this.draw(), drawMs)
      : setInterval(() => this.write('·', stage, '\n'), quietMs);
    this.ticker.unref();
    const end = (mark: string, detail: string) => {
      this.stop();
      this.ended.push([name, detail].filter((text) => text !== '').join(': '));
      this.write(mark, { ...stage, detail, counted: undefined }, '\n');
    };
    return {
      update: (detail) => {
        stage.detail = detail;
        stage.counted = undefined;
        this.draw();
      },
      count: (done, unit, total) => {
        // Another count begins: the rate is its own.
        if (stage.counted?.unit !== unit || done < stage.counted.done) stage.samples = [];
        stage.counted = { done, unit, total };
        stage.detail = countText(stage.counted);
        this.sample(stage, done);
        this.draw();
      },
      done: (detail) => end(this.style.green('✔'), detail),
      failed: () => end(this.style.red('✘'), stage.detail || 'failed'),
    };
  }

  /** Writes a line above the running stage. */
  line(text: string): void {
    if (!this.silent) this.warning(text);
  }

  /** The same for what a person must know, with `--json` too. */
  warning(text: string): void {
    this.above(() => this.output.write(`${text}\n`));
  }

  /** Runs a function that writes whole lines to the same terminal. */
  above(write: () => void): void {
    this.erase();
    write();
    this.draw();
  }

  /** Cleans up the terminal line if the command ends in the middle of a stage. */
  stop(): void {
    this.erase();
    this.current = undefined;
    clearInterval(this.ticker);
  }

  /** Sets what is safe to do after an interruption from now on. `interruption` says it. */
  ifInterrupted(advice: string): void {
    this.advice = advice;
  }

  /** What is done and what is not, for a command that is interrupted now. */
  interruption(): string {
    const { current } = this;
    return [
      `interrupted after ${seconds(this.now() - this.began)}`,
      ...this.ended.map((stage) => `  done      ${stage}`),
      ...(current === undefined
        ? []
        : [`  not done  ${[current.name, current.detail].filter((text) => text !== '').join(': ')}`]),
      ...(this.advice === '' ? [] : [this.advice]),
    ].join('\n');
  }

  private sample(stage: Running, done: number): void {
    const at = this.now();
    stage.samples = [...stage.samples.filter((sample) => sample.at >= at - rateMs), { at, done }];
  }

  private draw(): void {
    if (!this.output.isTTY || this.current === undefined) return;
    this.write(`\r\u001b[2K${this.style.cyan('●')}`, this.current, '');
  }

  /** On a terminal the running stage never wraps: a wrapped line cannot be erased. */
  private write(mark: string, stage: Running, end: string): void {
    if (this.silent) return;
    const time = seconds(this.now() - stage.began);
    const isRunning = end === '';
    const room = isRunning ? Math.max(10, (this.output.columns ?? 80) - labelWidth - time.length - 6) : Infinity;
    const label = this.style.bold(stage.name.padEnd(labelWidth));
    this.output.write(`${mark} ${label} ${this.text(stage, room)}${this.style.dim(`  ${time}`)}${end}`);
  }

  /** The detail with as much of rate, time left and bar as there is room for. */
  private text(stage: Running, room: number): string {
    const { counted, detail } = stage;
    if (counted === undefined) return detail.slice(0, room);
    const fits = (text: string, more: string) => (text.length + more.length <= room ? text + more : text);
    const rate = rateOf(stage, this.now());
    let text = detail.slice(0, room);
    const left = counted.total === undefined ? 0 : counted.total - counted.done;
    if (rate !== undefined) text = fits(text, `, ${rateText(rate)}`);
    if (rate !== undefined && rate > 0 && left > 0) text = fits(text, `, ${duration(left / rate)} left`);
    if (counted.total === undefined || counted.total === 0 || !this.output.isTTY) return text;
    const width = Math.min(widestBar, room - text.length - 1);
    return width < narrowestBar ? text : `${barText(counted.done / counted.total, width)} ${text}`;
  }

  private erase(): void {
    if (this.output.isTTY && this.current !== undefined && !this.silent) this.output.write('\r\u001b[2K');
  }
}

const countText = ({ done, unit, total }: Counted) =>
  total === undefined ? `${grouped(done)} ${unit}` : `${grouped(done)} of ${grouped(total)} ${unit}`;

/** Per second over the recent samples. Undefined if they are too few. */
function rateOf({ samples }: Running, now: number): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || now - first.at < shortestRateMs) return undefined;
  return ((last.done - first.done) * 1000) / (now - first.at);
}

const rateText = (rate: number) => `${rate >= 10 ? grouped(Math.round(rate)) : rate.toFixed(1)}/s`;

function barText(share: number, width: number): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

/** `45 s`, `3 min`, `2.5 h`. */
function duration(inSeconds: number): string {
  if (inSeconds < 90) return `${Math.ceil(inSeconds)} s`;
  return inSeconds < 5400 ? `${Math.round(inSeconds / 60)} min` : `${(inSeconds / 3600).toFixed(1)} h`;
}
