import { main } from '../cli/main';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has closed it.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, env: process.env }).then((code) => {
  process.exitCode = code;
});
