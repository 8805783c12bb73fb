import { endWithNpm } from 'aws-local-kit/parent';
import { main } from '../cli/main';

endWithNpm(process.env);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has closed it.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, env: process.env }).then((code) => {
  // An interrupted command may still wait for an answer.
  if (code === 130) process.exit(code);
  process.exitCode = code;
});
