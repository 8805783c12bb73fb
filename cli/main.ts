import { Command, CommanderError } from 'commander';
import { version } from '../package.json';
import { exitCodeOf, explain, Interrupted } from './failure';
import { overview } from './overview';
import type { Io } from './terminal';

/** Exit code of the process. */
type Exit = { code: number };
type AddVerb = (program: Command, io: Io, exit: Exit) => void;

const load = <Module>(verb: string) => require(`./commands/${verb}`) as Module;

/** Each command is loaded when it is named, so that none waits for the dependencies of others. */
const verbs = {
  local: () => load<typeof import('./commands/local')>('local').addLocal,
  new: () => load<typeof import('./commands/new')>('new').addNew,
  test: () => load<typeof import('./commands/test')>('test').addTest,
  jump: () => load<typeof import('./commands/jump')>('jump').addJump,
  pause: () => load<typeof import('./commands/pause')>('pause').addPause,
  resume: () => load<typeof import('./commands/pause')>('pause').addResume,
  status: () => load<typeof import('./commands/status')>('status').addStatus,
  deploy: () => load<typeof import('./commands/deploy')>('deploy').addDeploy,
  generate: () => load<typeof import('./commands/generate')>('generate').addGenerate,
  tail: () => load<typeof import('./commands/tail')>('tail').addTail,
  read: () => load<typeof import('./commands/read')>('read').addRead,
  replay: () => load<typeof import('./commands/replay')>('replay').addReplay,
  sql: () => load<typeof import('./commands/sql')>('sql').addSql,
  ui: () => load<typeof import('./commands/ui')>('ui').addUi,
  dbt: () => load<typeof import('./commands/dbt')>('dbt').addDbt,
  api: () => load<typeof import('./commands/api')>('api').addApi,
  endpoints: () => load<typeof import('./commands/endpoints')>('endpoints').addEndpoints,
  files: () => load<typeof import('./commands/files')>('files').addFiles,
  backfill: () => load<typeof import('./commands/backfill')>('backfill').addBackfill,
  redrive: () => load<typeof import('./commands/redrive')>('redrive').addRedrive,
  reprocess: () => load<typeof import('./commands/reprocess')>('reprocess').addReprocess,
  duplicates: () => load<typeof import('./commands/duplicates')>('duplicates').addDuplicates,
  rejects: () => load<typeof import('./commands/rejects')>('rejects').addRejects,
  forget: () => load<typeof import('./commands/forget')>('forget').addForget,
  why: () => load<typeof import('./commands/why')>('why').addWhy,
  cost: () => load<typeof import('./commands/cost')>('cost').addCost,
  preflight: () => load<typeof import('./commands/preflight')>('preflight').addPreflight,
  handover: () => load<typeof import('./commands/handover')>('handover').addHandover,
  plan: () => load<typeof import('./commands/plan')>('plan').addPlan,
  exports: () => load<typeof import('./commands/exports')>('exports').addExports,
  'export-all': () => load<typeof import('./commands/export-all')>('export-all').addExportAll,
  import: () => load<typeof import('./commands/import')>('import').addImport,
  partners: () => load<typeof import('./commands/partners')>('partners').addPartners,
  smoke: () => load<typeof import('./commands/smoke')>('smoke').addSmoke,
  warehouse: () => load<typeof import('./commands/warehouse')>('warehouse').addWarehouse,
  conformance: () => load<typeof import('./commands/conformance')>('conformance').addConformance,
} satisfies Record<string, () => AddVerb>;

/** Runs one command line and returns its exit code: 0 done, 1 failed, 2 invalid command line, 130 interrupted. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const setExitCode = { code: 0 };
  try {
    const program = createProgram(args, io, setExitCode);
    await program.parseAsync(args, { from: 'user' });
    return setExitCode.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0;
    io.stderr.write(error instanceof Interrupted ? `${error.message}\n` : `error: ${explain(error)}\n`);
    if (io.env['MILLRACE_DEBUG'] && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return exitCodeOf(error);
  }
}

function createProgram(args: readonly string[], io: Io, exit: Exit): Command {
  const program = new Command('millrace')
    .description(
      'From an event stream to fresh, complete, shareable analytics: the pipelines of this repository on this machine.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError('(add --help to see the options)');
  const [named = '', next = ''] = args.filter((argument) => !argument.startsWith('-'));
  const verb = named === 'help' ? next : named;
  if (isVerb(verb)) verbs[verb]()(program, io, exit);
  else addOverview(program);
  return program;
}

const isVerb = (name: string): name is keyof typeof verbs => Object.hasOwn(verbs, name);

/** Adds the commands for the overview, and for an error that suggests one. None can run. */
function addOverview(program: Command): void {
  const shown: Readonly<Record<keyof typeof verbs, readonly [usage: string, summary: string]>> = overview;
  const termOf = (name: string) => (isVerb(name) ? shown[name][0] : 'help [command]');
  program.configureHelp({ subcommandTerm: (command) => termOf(command.name()) });
  for (const [name, [, summary]] of Object.entries(shown)) program.command(name).summary(summary);
}

/** Adds all commands with all that they need. Only a test of the overview needs that. */
export function addAll(program: Command, io: Io): void {
  for (const verb of Object.values(verbs)) verb()(program, io, { code: 0 });
}
