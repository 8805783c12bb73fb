import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pipeline } from '../../pipelines/definition';
import type { PlanAnswer, PlannedChange } from '../../ui/api';
import type { Calls } from '../../ui/server';
import type { Change, Plan } from '../plan/plan';
import type { PagePorts } from './ports';

const root = join(__dirname, '../..');
/** The folders that people edit. */
const edited = ['pipelines', 'environments'];
const DEADLINE_MS = 60_000;
/** Where deployments are not counted, a plan is made again after so long. */
const KEPT_MS = 60_000;
const LARGEST_PLAN = 64e6;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Dependencies {
  readonly run: (args: readonly string[]) => Promise<Ran>;
  /** A text that changes with the working tree. */
  readonly tree: () => Promise<string>;
  /** A file of the working tree. @param file `pipelines/estore/exports/purchases.sql` */
  readonly read: (file: string) => Promise<string>;
}

/**
 * Answers the page's call for the plan. `millrace plan` runs in a process of its own, because this one has loaded the
 * pipelines as they were at its start. It runs again only after the working tree or the deployment changed.
 * @param ended aborted when the page ends: a plan that is being made then ends too
 */
export function planCalls(
  ports: Pick<PagePorts, 'connection' | 'deployments'>,
  pipelines: readonly Pipeline[],
  ended: AbortSignal,
  { run, tree, read }: Dependencies = {
    run: (args) => millrace(args, ended),
    tree: editedFiles,
    read: (file) => readFile(join(root, file), 'utf8'),
  },
): Pick<Calls, '/api/plan'> {
  const withExports = async (answer: PlanAnswer) => ({
    ...answer,
    changes: await Promise.all(answer.changes.map((change) => withExport(change, pipelines, read))),
  });
  let known: { readonly state: string; readonly at: number; readonly answer: Promise<PlanAnswer> } | undefined;
  return {
    async '/api/plan'() {
      const deployments = ports.deployments?.();
      const state = `${await tree()} ${deployments}`;
      const isOld = deployments === undefined && known !== undefined && performance.now() - known.at > KEPT_MS;
      if (known?.state !== state || isOld)
        known = {
          state,
          at: performance.now(),
          answer: run(argumentsOf(ports.connection)).then(answerOf).then(withExports),
        };
      return known.answer;
    },
  };
}

function argumentsOf({ environment, data, outputs }: PagePorts['connection']): string[] {
  const where = environment === undefined ? ['--data', data] : [environment, '--outputs', outputs];
  return ['plan', ...where, '--json', '--no-statements'];
}

/** Exit codes of a plan: nothing to do, changes, something refused. */
const planned = [0, 3, 4];

function answerOf({ code, stdout, stderr }: Ran): PlanAnswer {
  if (!planned.includes(code)) {
    const failure = stderr.trim().replace(/^error: /, '') || `millrace plan ended with ${code}`;
    return { comparedWith: '', changes: [], problems: [], failure };
  }
  const { comparedWith, changes, problems } = JSON.parse(stdout) as Plan;
  return {
    comparedWith,
    changes: changes.flatMap(({ object, action, summary, notes, query }): PlannedChange[] =>
      action === 'unchanged'
        ? []
        : [{ object, ...nodeOf({ object }), action, summary, notes, ...(query && { query }) }],
    ),
    problems: problems.map(({ object, problem, advice }) => `${object}: ${problem} ${advice}`),
  };
}

/** The plan knows only a hash of an export's query. This process has the query of its start, and the tree has the other. */
async function withExport(
  change: PlannedChange,
  pipelines: readonly Pipeline[],
  read: Dependencies['read'],
): Promise<PlannedChange> {
  const [, schema, name] = /^export ([^.]+)\.(\S+)$/.exec(change.object) ?? [];
  const found = pipelines
    .find((pipeline) => pipeline.name === schema)
    ?.exports.find((definition) => definition.name === name);
  if (found === undefined || change.action !== 'online') return change;
  const after = await read(found.file).catch(() => null);
  return { ...change, query: { before: found.query.trim(), after: after?.trim() ?? null } };
}

/** The graph of views names an export `estore.purchases (export)`. */
function nodeOf({ object }: Pick<Change, 'object'>): { node?: string } {
  const [, kind, name] = /^(view|table|export) (\S+)$/.exec(object) ?? [];
  if (kind === undefined) return {};
  return { node: kind === 'export' ? `${name} (export)` : name };
}

const millrace = (args: readonly string[], signal: AbortSignal): Promise<Ran> =>
  new Promise((resolve) => {
    const options = { cwd: process.cwd(), timeout: DEADLINE_MS, maxBuffer: LARGEST_PLAN, signal };
    const child = execFile(
      process.execPath,
      [join(root, 'bin/millrace.js'), ...args],
      options,
      (error, stdout, stderr) => {
        const isLate = error?.killed === true;
        resolve({
          code: child.exitCode ?? (error === null ? 0 : 1),
          stdout,
          stderr: isLate ? `the plan took longer than ${DEADLINE_MS / 1000} s` : stderr,
        });
      },
    );
  });

/** Paths, sizes and times of the files that people edit. */
async function editedFiles(): Promise<string> {
  const lists = await Promise.all(
    edited.map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })),
  );
  const files = lists.flat().filter((entry) => entry.isFile());
  const states = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      // A file may go between the list and this.
      const found = await stat(path).catch(() => undefined);
      return `${path} ${found?.size} ${found?.mtimeMs}`;
    }),
  );
  return states.sort().join('\n');
}
