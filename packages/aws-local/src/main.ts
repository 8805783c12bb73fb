import { main } from './cli';

/** The first signal requests an orderly shutdown. The second exits at once. */
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, signal: stop.signal }).then((code) => {
  process.exitCode = code;
});
