import type { Runtime } from '../../local/runtime';
import type { DemoRuntime } from '../commands/local/demo-runtime';

/** The local runtime that the page shows. */
export interface PageRuntime {
  readonly runtime: Runtime;
  readonly demo: DemoRuntime;
  /** The data folder, in the form that the commands accept. */
  readonly dataDir: string;
}
