import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunEvent } from 'aws-local-kit';
import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';

/** The two folders that people edit, as they were when they were loaded. */
export interface Tree {
  readonly environment: Environment;
  readonly pipelines: readonly Pipeline[];
}

const DEADLINE_MS = 30_000;
const LARGEST_TREE = 64e6;

/**
 * Follows which tree is deployed. Node.js loads a module once, so another process loads the tree as a deployment begins,
 * shortly after its synthesis. It becomes the current one when the stack of the pipelines is complete.
 */
export class DeployedTree {
  private loading: Promise<Tree> | undefined;

  constructor(
    /** The tree that is deployed. */
    public current: Tree,
    /** The stack that every change of a pipeline changes. */
    private readonly stack: string,
    /** Called after a change. @param problem why the tree of before is still shown */
    private readonly onChange: (problem?: string) => void,
    private readonly load: (environment: string) => Promise<Tree> = loadTree,
  ) {}

  async hear(event: RunEvent): Promise<void> {
    if (event.kind !== 'stack') return;
    if (/FAILED|ROLLBACK/.test(event.status)) this.loading = undefined;
    else if (event.status === 'UPDATE_IN_PROGRESS') {
      this.loading ??= this.load(this.current.environment.name);
      // The error is reported when the tree is needed.
      this.loading.catch(() => {});
    } else if (event.status === 'UPDATE_COMPLETE' && event.name === this.stack) await this.adopt();
  }

  private async adopt(): Promise<void> {
    const { loading } = this;
    this.loading = undefined;
    try {
      if (loading === undefined) return;
      this.current = await loading;
      this.onChange();
    } catch (error) {
      this.onChange((error as Error).message);
    }
  }
}

/** Loads the tree in a process of its own. @throws Error with what that process said */
export async function loadTree(environment: string): Promise<Tree> {
  const args = ['--require', 'tsx/cjs', join(__dirname, 'print-tree.ts'), environment];
  const options = { cwd: join(__dirname, '../..'), timeout: DEADLINE_MS, maxBuffer: LARGEST_TREE };
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch((error) => {
    throw new Error(lastLine(String(error.stderr ?? '')) ?? String(error.message), { cause: error });
  });
  return JSON.parse(stdout) as Tree;
}

/** The message of an error that ended the process, without the stack around it. */
const lastLine = (text: string) => text.split('\n').find((line) => /^\w*Error: /.test(line));
