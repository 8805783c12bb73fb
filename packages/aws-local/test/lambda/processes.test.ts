import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcesses, type FunctionProcesses } from '../../src/lambda/processes';

const folder = mkdtempSync(join(tmpdir(), 'processes-'));
const opened: FunctionProcesses[] = [];
afterAll(async () => {
  await Promise.all(opened.map((processes) => processes.dispose()));
  rmSync(folder, { recursive: true, force: true });
});

const channel = `const channel = new (require('node:net').Socket)({ fd: 3, readable: true, writable: true });
const send = (message, done) => channel.write(JSON.stringify(message) + '\\n', done);
channel.on('close', () => process.exit(0));
`;

/** Starts a process and records what it does. */
function started(code: string, processes = createProcesses()) {
  opened.push(processes);
  const program = join(folder, `${opened.length}.js`);
  writeFileSync(program, channel + code);
  const messages: unknown[] = [];
  const output: string[] = [];
  let onMessage = () => {};
  let child: ReturnType<FunctionProcesses['start']>;
  const exit = new Promise<unknown[]>((resolve) => {
    child = processes.start(
      { program, cwd: folder, env: {}, yields: false },
      {
        onOutput: (text) => output.push(text),
        onMessage(message) {
          messages.push(message);
          onMessage();
        },
        onExit: (...how) => resolve(how),
      },
    );
  });
  const message = new Promise<void>((resolve) => {
    onMessage = resolve;
  });
  return { child: child!, exit, messages, output, message, processes };
}

test('a process receives messages and answers, whatever their length', async () => {
  const long = 'a line\n'.repeat(200_000);
  const { child, message, messages, exit, processes } = started(`send('ready');
    let text = ''; channel.setEncoding('utf8').on('data', (part) => { text += part; if (part.endsWith('\\n')) send(JSON.parse(text)); });`);
  await message;
  const answered = new Promise<void>((resolve) => {
    const timer = setInterval(() => messages.length > 1 && resolve(clearInterval(timer)), 5);
  });
  child.send({ long }, () => {
    throw new Error('not sent');
  });
  await answered;
  expect(messages[1]).toEqual({ long });
  await processes.dispose();
  expect((await exit)[1]).toBe('SIGKILL');
});

test('the end of a process is reported after its last message, with its code', async () => {
  const { exit, messages, output } = started(`console.log('bye'); send('last', () => process.exit(7));`);
  expect(await exit).toEqual([7, null, undefined]);
  expect(messages).toEqual(['last']);
  expect(output.join('')).toBe('bye\n');
});

test('a process that writes anything but JSON to its channel is killed', async () => {
  const { exit } = started(`channel.write('hello\\n');`);
  expect(await exit).toEqual([null, 'SIGKILL', undefined]);
});

test('when the starter is killed, its processes end, and the next one gets another starter', async () => {
  const first = started('send(process.ppid);');
  await first.message;
  process.kill(first.messages[0] as number, 'SIGKILL');
  expect((await first.exit)[1]).toBe('SIGKILL');
  expect(first.child.isUsable).toBe(false);
  const second = started('send(process.ppid);', first.processes);
  await second.message;
  expect(second.messages[0]).not.toBe(first.messages[0]);
});

test('a folder that does not exist is the error of the process', async () => {
  const processes = createProcesses();
  opened.push(processes);
  const how = await new Promise<unknown[]>((resolve) =>
    processes.start(
      { program: 'none.js', cwd: join(folder, 'missing'), env: {}, yields: false },
      { onOutput: () => {}, onMessage: () => {}, onExit: (...exit) => resolve(exit) },
    ),
  );
  expect(how).toEqual([null, null, expect.stringContaining('ENOENT')]);
});
