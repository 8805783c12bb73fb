import type { Writable } from 'node:stream';

/** A stream of the command line. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The streams and the environment of one command line. */
export interface Io {
  readonly stdout: Writable & Output;
  readonly stderr: Writable & Output;
  readonly env: NodeJS.ProcessEnv;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const plain = (text: string) => text;
const wrap = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`;

/** Uses colours only on a terminal, and never if NO_COLOR is set to anything (no-color.org). */
export function styleFor(output: Output, env: NodeJS.ProcessEnv): Style {
  if (output.isTTY !== true || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb')
    return { bold: plain, dim: plain, green: plain, red: plain, yellow: plain, cyan: plain };
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    green: wrap(32, 39),
    red: wrap(31, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  };
}

export interface Stage {
  /** Replaces the text after the stage's name while it runs. */
  update(detail: string): void;
  done(detail: string): void;
  failed(): void;
}

interface Running {
  readonly name: string;
  detail: string;
  readonly began: number;
}

/** Without a terminal, a running stage prints a line at this interval. */
const quietMs = 5000;

/**
 * Writes each stage when it ends, one line with its time. A terminal also shows the running stage. Any other output
 * gets a line about a long one.
 */
export class Progress {
  private current: Running | undefined;
  private ticker: NodeJS.Timeout | undefined;

  constructor(
    private readonly output: Output,
    readonly style: Style,
    /** Milliseconds of a monotonic clock. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param doing what is shown until the first update */
  stage(name: string, doing = ''): Stage {
    const stage = { name, detail: doing, began: this.now() };
    this.current = stage;
    this.draw();
    clearInterval(this.ticker);
    this.ticker = this.output.isTTY
      ? setInterval(() => this.draw(), 200)
      : setInterval(() => this.write('·', stage, '\n'), quietMs);
    this.ticker.unref();
    const end = (mark: string, detail: string) => {
      this.stop();
      this.write(mark, { ...stage, detail }, '\n');
    };
    return {
      update: (detail) => {
        stage.detail = detail;
        this.draw();
      },
      done: (detail) => end(this.style.green('✔'), detail),
      failed: () => end(this.style.red('✘'), stage.detail || 'failed'),
    };
  }

  /** Writes a line above the running stage. */
  line(text: string): void {
    this.erase();
    this.output.write(`${text}\n`);
    this.draw();
  }

  /** Cleans up the terminal line if the command ends in the middle of a stage. */
  stop(): void {
    this.erase();
    this.current = undefined;
    clearInterval(this.ticker);
  }

  private label(name: string): string {
    return this.style.bold(name.padEnd(9));
  }

  private draw(): void {
    if (!this.output.isTTY || this.current === undefined) return;
    const room = Math.max(10, (this.output.columns ?? 80) - 24);
    const shown = { ...this.current, detail: this.current.detail.slice(0, room) };
    this.write(`\r\u001b[2K${this.style.cyan('●')}`, shown, '');
  }

  private write(mark: string, { name, detail, began }: Running, end: string): void {
    const time = this.style.dim(`  ${seconds(this.now() - began)}`);
    this.output.write(`${mark} ${this.label(name)} ${detail}${time}${end}`);
  }

  private erase(): void {
    if (this.output.isTTY && this.current !== undefined) this.output.write('\r\u001b[2K');
  }
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
export const grouped = (value: number) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
export const plural = (amount: number, noun: string) => `${grouped(amount)} ${noun}${amount === 1 ? '' : 's'}`;

export type Cell = string | number | boolean | null;

/** Formats rows below their column names: numbers to the right, nulls empty, long texts cut. */
export function table(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: Style,
  indent = '',
  longest = 60,
): string {
  const shown = rows.map((row) => row.map((cell) => cellText(cell, longest)));
  const numeric = columns.map(
    (_, index) => rows.length > 0 && rows.every((row) => row[index] === null || isNumber(row[index]!)),
  );
  const widths = columns.map((column, index) => Math.max(column.length, ...shown.map((row) => row[index]!.length)));
  const line = (cells: readonly string[], paint: (text: string) => string) =>
    indent +
    cells
      .map((cell, index) => paint(numeric[index] ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)))
      .join('  ')
      .trimEnd();
  const rule = indent + widths.map((width) => style.dim('─'.repeat(width))).join('  ');
  return [line(columns, style.bold), rule, ...shown.map((row) => line(row, plain))].join('\n');
}

const isNumber = (cell: Cell) =>
  typeof cell === 'number' || (typeof cell === 'string' && /^-?[\d,]+(\.\d+)?$/.test(cell));

function cellText(cell: Cell, longest: number): string {
  if (cell === null) return '';
  const text = printable(cell);
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** Replaces control characters, so that those of the data do not reach the terminal. */
export const printable = (value: unknown) => String(value).replace(/\p{Cc}/gu, ' ');
