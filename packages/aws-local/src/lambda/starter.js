/*
 * Starts the processes of functions for the local runtime. To start a process, the system copies the tables of the starting
 * process's memory. That stops the runtime for 60 ms once it has a gigabyte, and this process for 1 ms. Over IPC:
 *   parent -> starter  { type: 'start', id, address, token, program, cwd, env, yields } | { type: 'kill', id }
 *   starter -> parent  { type: 'exit', id, code, signal } | { type: 'failed', id, message }
 * A started process has connections to `address`, where the parent listens, in place of stdout, stderr and descriptor 3. The first
 * line on each of them is `<token> <id> <name>`.
 */
const { spawn } = require('node:child_process');
const net = require('node:net');
const os = require('node:os');

/** Processes that run, by id. Undefined while one is being started. */
const children = new Map();
/** On Linux, a process whose number is ten higher gets a tenth of the time. Several of them may start at once. */
const yieldBy = 10;
const names = ['stdout', 'stderr', 'channel'];

process.on('message', (message) => {
  if (message.type === 'start') start(message);
  if (message.type === 'kill') kill(message.id);
});
process.on('disconnect', () => {
  for (const child of children.values()) child?.kill('SIGKILL');
  process.exit(0);
});
// Ctrl-C reaches all processes of a terminal. The parent ends this one.
process.on('SIGINT', () => undefined);

async function start({ id, address, token, program, cwd, env, yields }) {
  children.set(id, undefined);
  let sockets = [];
  try {
    sockets = await Promise.all(names.map((name) => connected(address, `${token} ${id} ${name}\n`)));
    if (!children.has(id)) return;
    const child = spawn(process.execPath, [program], { cwd, env, stdio: ['ignore', ...sockets] });
    children.set(id, child);
    if (yields && child.pid !== undefined) lowerPriority(child.pid);
    child.on('exit', (code, signal) => ended(id, { type: 'exit', id, code, signal }));
    child.on('error', ({ message }) => ended(id, { type: 'failed', id, message }));
  } catch ({ message }) {
    ended(id, { type: 'failed', id, message });
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** On Linux this is the priority of the one thread that the process has by now, and of those that it starts later. */
function lowerPriority(pid) {
  try {
    os.setPriority(pid, Math.min(os.getPriority() + yieldBy, os.constants.priority.PRIORITY_LOW));
  } catch {
    // The process has ended, or the system refuses it: it runs all the same.
  }
}

/** Resolves when the system has taken the line. */
function connected(address, line) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(address);
    socket.once('error', reject);
    socket.write(line, () => resolve(socket));
  });
}

function kill(id) {
  if (!children.has(id)) return;
  const child = children.get(id);
  if (child) child.kill('SIGKILL');
  else ended(id, { type: 'exit', id, code: null, signal: 'SIGKILL' });
}

function ended(id, message) {
  if (children.delete(id) && process.connected) process.send(message);
}
