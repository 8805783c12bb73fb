import { Progress } from '../cli/progress';
import { styleFor } from '../cli/terminal';

/** Shows which bench runs. */
export const progress = new Progress(process.stderr, styleFor(process.stderr, process.env));

/** Writes a line of results to stdout, above the running bench on a terminal. */
export const print = (text: string) => progress.above(() => process.stdout.write(`${text}\n`));
