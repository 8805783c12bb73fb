import { Progress } from '../../cli/progress';
import { styleFor } from '../../cli/terminal';

const collect = (isTTY: boolean, columns = 80) => {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
};
const plain = styleFor(collect(false), {});

/** A command whose clock is moved by hand. */
function started(isTTY: boolean, { columns, silent }: { columns?: number; silent?: boolean } = {}) {
  const output = collect(isTTY, columns);
  const clock = { ms: 0 };
  const progress = new Progress(output, plain, { now: () => clock.ms, silent });
  const last = () => output.written.at(-1)!.replace('\r\u001b[2K', '');
  return { output, clock, progress, last };
}

test('without a terminal a stage is one line when it ends', () => {
  const output = collect(false);
  let time = 0;
  const progress = new Progress(output, plain, { now: () => time });
  const stage = progress.stage('synth');
  stage.update('half');
  time = 1500;
  stage.done('done');
  expect(output.written).toEqual(['✔ synth     done  1.5 s\n']);
});

test('without a terminal a long stage says every ten seconds how far it is', () => {
  jest.useFakeTimers();
  try {
    const output = collect(false);
    const progress = new Progress(output, plain, { now: () => Date.now() });
    const stage = progress.stage('start', 'its services');
    jest.advanceTimersByTime(10_000);
    stage.update('3 of 5');
    jest.advanceTimersByTime(11_000);
    stage.done('5 of 5');
    jest.advanceTimersByTime(60_000);
    expect(output.written).toEqual([
      '· start     its services  10.0 s\n',
      '· start     3 of 5  20.0 s\n',
      '✔ start     5 of 5  21.0 s\n',
    ]);
  } finally {
    jest.useRealTimers();
  }
});

test('on a terminal a line goes above the running stage', () => {
  const output = collect(true);
  const progress = new Progress(output, plain, { now: () => 0 });
  progress.stage('start').update('3 of 5');
  progress.line('news');
  progress.stop();
  const at = output.written.indexOf('news\n');
  expect(output.written[at - 1]).toBe('\r\u001b[2K');
  expect(output.written[at + 1]).toMatch(/3 of 5/);
  expect(output.written.at(-1)).toBe('\r\u001b[2K');
});

test('on a terminal a count has a bar, its rate and the time that is left', () => {
  const { clock, progress, last } = started(true);
  const stage = progress.stage('load');
  stage.count(0, 'objects', 4000);
  clock.ms = 5000;
  stage.count(1000, 'objects', 4000);
  expect(last()).toBe('● load      █████░░░░░░░░░░░░░░ 1,000 of 4,000 objects, 200/s, 15 s left  5.0 s');
  progress.stop();
});

test('a count that stands still loses its rate and promises no end', () => {
  const { clock, progress, last } = started(true);
  const stage = progress.stage('load');
  stage.count(0, 'objects', 4000);
  clock.ms = 5000;
  stage.count(1000, 'objects', 4000);
  clock.ms = 60_000;
  stage.count(1000, 'objects', 4000);
  clock.ms = 64_000;
  stage.count(1000, 'objects', 4000);
  expect(last()).toBe('● load      █████░░░░░░░░░░░░░░░ 1,000 of 4,000 objects, 0.0/s  64.0 s');
  progress.stop();
});

test.each(['files', 'objects'])('another count in the same stage has a rate of its own: %s', (unit) => {
  const { clock, progress, last } = started(true);
  const stage = progress.stage('sweep');
  stage.count(5000, 'objects');
  clock.ms = 4000;
  stage.count(9000, 'objects');
  stage.count(1, unit);
  clock.ms = 8000;
  stage.count(9, unit);
  progress.above(() => undefined);
  expect(last()).toBe(`● sweep     9 ${unit}, 2.0/s  8.0 s`);
});

test.each([40, 60, 80])('the running stage fits a terminal of %d columns', (columns) => {
  const { clock, progress, last } = started(true, { columns });
  const stage = progress.stage('load');
  stage.count(0, 'objects', 4_000_000);
  clock.ms = 600_000;
  stage.count(1_000_000, 'objects', 4_000_000);
  clock.ms = 604_000;
  stage.count(1_001_000, 'objects', 4_000_000);
  expect(last().length).toBeLessThan(columns);
  expect(last()).toContain('1,001,000 of');
  stage.update('x'.repeat(300));
  expect(last().length).toBeLessThan(columns);
  progress.stop();
});

test('without a terminal there is no bar and no escape sequence', () => {
  jest.useFakeTimers();
  try {
    const output = collect(false);
    const progress = new Progress(output, plain, { now: () => Date.now() });
    const stage = progress.stage('load');
    stage.count(0, 'objects', 4000);
    jest.advanceTimersByTime(9000);
    stage.count(1800, 'objects', 4000);
    jest.advanceTimersByTime(1000);
    stage.done('4,000 objects');
    expect(output.written).toEqual([
      '· load      1,800 of 4,000 objects, 180/s, 13 s left  10.0 s\n',
      '✔ load      4,000 objects  10.0 s\n',
    ]);
  } finally {
    jest.useRealTimers();
  }
});

test.each([true, false])('with --json only warnings are written (terminal: %s)', (isTTY) => {
  const { output, progress } = started(isTTY, { silent: true });
  const stage = progress.stage('load');
  stage.count(1, 'objects', 2);
  progress.line('news');
  stage.done('2 objects');
  progress.stage('next').failed();
  progress.stop();
  expect(output.written).toEqual([]);
  progress.warning('lost');
  expect(output.written).toEqual(['lost\n']);
});

test('an interruption says what is done, what is not, and what to do', () => {
  const { clock, progress } = started(true);
  progress.stage('list').done('12 objects');
  progress.ifInterrupted('Run it again.');
  progress.stage('load').count(3, 'objects', 12);
  clock.ms = 1500;
  expect(progress.interruption()).toBe(
    'interrupted after 1.5 s\n  done      list: 12 objects\n  not done  load: 3 of 12 objects\nRun it again.',
  );
  progress.stop();
});
