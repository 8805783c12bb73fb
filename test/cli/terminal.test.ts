import { explain } from '../../cli/failure';
import { grouped, styleFor, table } from '../../cli/terminal';

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

test('numbers are grouped by thousands, their decimals are not', () => {
  expect([0, 999, 1000, 1_234_567, 1234.56789].map(grouped)).toEqual(['0', '999', '1,000', '1,234,567', '1,234.56789']);
  expect(table(['rows'], [[1_234_567]], plain)).toBe('rows\n─────────\n1,234,567'.replace('rows', '     rows'));
  expect(table(['id'], [[1_234_567]], plain, { asIs: true })).toContain('1234567');
});

test.each([40, 60, 80, 200])('a table fits a terminal of %d columns and cuts no number', (columns) => {
  const style = styleFor({ ...collect(true), columns }, { NO_COLOR: '1' });
  const long = 'estore/2026-11-21/'.repeat(10);
  const lines = table(['key', 'reason', 'rows'], [[long, long, 1_234_567]], style, { indent: '  ', longest: 200 });
  for (const line of lines.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
  expect(lines).toContain('1,234,567');
  expect(table(['key'], [[long]], plain, { longest: 200 })).toContain(long);
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
