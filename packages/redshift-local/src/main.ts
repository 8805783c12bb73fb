import './process-settings';
import { endWithNpm } from 'aws-local-kit/parent';
import { main } from './cli';

endWithNpm(process.env);

main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, env: process.env }).then((code) => {
  process.exitCode = code;
});
