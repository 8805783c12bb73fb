import { endWithNpm } from 'aws-local-kit/parent';
import { main } from './cli';

endWithNpm(process.env);
// The data folder's files are for their owner only.
process.umask(0o077);

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
