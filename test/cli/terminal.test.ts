import { explain } from '../../cli/failure';
import { grouped, Progress, styleFor, table } from '../../cli/terminal';

const collect = (isTTY: boolean) => {
  const written: string[] = [];
  return { isTTY, columns: 80, written, write: (text: string) => written.push(text) };
};
const plain = styleFor(collect(false), {});

test('colours appear on a terminal only, and never with NO_COLOR', () => {
  expect(styleFor(collect(true), {}).green('x')).not.toBe('x');
  expect(styleFor(collect(true), { NO_COLOR: '1' }).green('x')).toBe('x');
  expect(styleFor(collect(false), {}).green('x')).toBe('x');
});

test('a table lines its columns up, numbers to the right', () => {
  expect(
    table(
      ['hour', 'revenue'],
      [
        ['09:00', '12.50'],
        ['10:00', '1200.00'],
        ['11:00', null],
      ],
      plain,
    ),
  ).toBe(['hour   revenue', '─────  ───────', '09:00    12.50', '10:00  1200.00', '11:00'].join('\n'));
});

test('a table without rows shows its columns', () => {
  expect(table(['a', 'b'], [], plain)).toBe('a  b\n─  ─');
});

test('control characters of the data do not reach the terminal', () => {
  expect(table(['a'], [['\u001b[31mred\u0007']], plain)).toMatch(/^ \[31mred$/m);
});

test('numbers are grouped by thousands', () => {
  expect([0, 999, 1000, 1_234_567].map(grouped)).toEqual(['0', '999', '1,000', '1,234,567']);
});

test('without a terminal a stage is one line when it ends', () => {
  const output = collect(false);
  let time = 0;
  const progress = new Progress(output, plain, () => time);
  const stage = progress.stage('synth');
  stage.update('half');
  time = 1500;
  stage.done('done');
  expect(output.written).toEqual(['✔ synth     done  1.5 s\n']);
});

test('without a terminal a long stage says every five seconds how far it is', () => {
  jest.useFakeTimers();
  try {
    const output = collect(false);
    const progress = new Progress(output, plain, () => Date.now());
    const stage = progress.stage('start', 'its services');
    jest.advanceTimersByTime(5000);
    stage.update('3 of 5');
    jest.advanceTimersByTime(6000);
    stage.done('5 of 5');
    jest.advanceTimersByTime(60_000);
    expect(output.written).toEqual([
      '· start     its services  5.0 s\n',
      '· start     3 of 5  10.0 s\n',
      '✔ start     5 of 5  11.0 s\n',
    ]);
  } finally {
    jest.useRealTimers();
  }
});

test('on a terminal a line goes above the running stage', () => {
  const output = collect(true);
  const progress = new Progress(output, plain, () => 0);
  progress.stage('start').update('3 of 5');
  progress.line('news');
  progress.stop();
  const at = output.written.indexOf('news\n');
  expect(output.written[at - 1]).toBe('\r\u001b[2K');
  expect(output.written[at + 1]).toMatch(/3 of 5/);
  expect(output.written.at(-1)).toBe('\r\u001b[2K');
});

test.each([
  ['a full disk', { code: 'ENOSPC', path: '/d/x' }, 'ENOSPC: no space left on device, write', '/d/x: the disk is full'],
  [
    'a folder of others',
    { code: 'EACCES', path: '/root/x' },
    'EACCES: permission denied, mkdir',
    '/root/x: permission denied',
  ],
  [
    'a busy port',
    { code: 'EADDRINUSE' },
    'listen EADDRINUSE: address already in use 127.0.0.1:80',
    'address already in use 127.0.0.1:80; choose another port with --port',
  ],
  ['anything else', {}, 'plain', 'plain'],
])('%s is explained in one line', (_, facts, message, text) => {
  expect(explain(Object.assign(new Error(message), facts))).toBe(text);
});
