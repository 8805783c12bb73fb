import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { environments } from '../../environments';
import type { Environment } from '../../environments/environment';
import { registryTable } from '../../lambda/warehouse-object/contract';
import { assertConfiguration } from '../../lib/configuration';
import { endedPartners } from '../../lib/rules/partners';
import { pipelines } from '../../pipelines';
import { findEnvironment } from '../cloud/environments';
import { LOCAL_ENVIRONMENT } from '../cloud/names';
import { costChange, costOf, type Line, UnknownPriceError } from '../cost/cost';
import { resourcesOf } from '../cost/templates';
import { readManifest } from '../dbt/manifest';
import { readRelations } from '../dbt/relations';
import { Failure } from '../failure';
import { withAssemblyOf } from '../plan/git-ref';
import { makePlan } from '../plan/make-plan';
import type { Plan, Problem, Sides } from '../plan/plan';
import { printedPlan } from '../plan/print';
import { queryWarehouse } from '../plan/query-warehouse';
import { readFolder, readRegistry } from '../plan/read-deployed';
import { treeStates } from '../plan/state';
import { isFolder, statesOfTemplate, templatesIn } from '../plan/template';
import { plural, styleFor } from '../terminal';
import { addContextOptions, type CommandIo, type ContextOptions, type Exit, withContext } from './context';
import { costOfTree, pricesFor } from './cost';
import { text } from './options';
import { isRunningOver } from './runtime-file';

interface PlanOptions extends ContextOptions {
  readonly from?: string;
  /** A manifest.json of dbt. */
  readonly dbt?: string;
  /** False hides the statements. `full` also shows statements of hundreds of lines. */
  readonly statements: boolean;
  readonly full?: boolean;
}

/** Exit codes beside the common ones. */
const CHANGES = 3;
const REFUSED = 4;

export function addPlan(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('plan')
    .summary('show what a deployment of this tree would do')
    .description(
      'Compares the deployed warehouse objects and declarations with those of this tree. Shows for each what a deployment would do to it, what\n' +
        'readers see, and which statements run in which order. Changes nothing.\n\n' +
        'Without an environment it queries the local runtime over the data folder, or, if none runs, reads the folder. With one it queries the\n' +
        'registry in that warehouse, with default AWS credentials. With --from it makes no call.\n\n' +
        '  npx millrace plan                      the local runtime\n' +
        '  npx millrace plan prod                 AWS, with outputs.json of cdk deploy --outputs-file\n' +
        '  npx millrace plan prod --from main     what merging this tree into main would do\n' +
        '  npx millrace plan --dbt analytics/target/manifest.json    also the models of dbt that it breaks\n\n' +
        'Exit code 0: nothing to do. 3: there are changes. 4: something would be refused, or is not as it was deployed. 1 and 2: no plan was made.',
    )
    .argument('[environment]', 'an environment in AWS (default: the local runtime)', text('[environment]'))
    .option(
      '--from <what>',
      'compare with a git ref, a template of the pipelines stack or a cloud assembly',
      text('--from'),
    )
    .option('--dbt <file>', 'also name what it breaks in a dbt project: its target/manifest.json', text('--dbt'))
    .option('--no-statements', 'leave the statements out')
    .addOption(new Option('--full', 'every line of every statement'));
  addContextOptions(command, 120).action(async (argument: string | undefined, options: PlanOptions) => {
    const name = chosenName(argument, options.environment);
    assertConfiguration(environments, pipelines);
    const environment = findEnvironment(name ?? LOCAL_ENVIRONMENT, '[environment]');
    for (const line of endedPartners([environment], Date.now())) io.stderr.write(`warning: ${line}\n`);
    const tree: Tree = {
      after: treeStates(environment, pipelines),
      ...(options.dbt === undefined
        ? {}
        : { dbt: { manifest: readManifest(options.dbt), relations: readRelations(pipelines) } }),
    };
    const plan =
      options.from === undefined
        ? await onlinePlan(name, environment, tree, options, io)
        : await offlinePlan(options.from, environment, tree);
    if (options.json) io.stdout.write(`${JSON.stringify(plan)}\n`);
    else io.stdout.write(printedPlan(plan, styleFor(io.stdout, io.env), options));
    exit.code = exitCode(plan);
  });
}

/** This side of the comparison. */
type Tree = Pick<Sides, 'after' | 'dbt'>;

/** Returns 0 for nothing to do, 3 for changes, 4 if something is refused or not as it was deployed. */
export function exitCode({ changes, problems }: Pick<Plan, 'changes' | 'problems'>): number {
  if (changes.some(({ action }) => action === 'refused') || problems.some(({ stops }) => stops)) return REFUSED;
  return changes.some(({ action }) => action !== 'unchanged') ? CHANGES : 0;
}

/** Returns the environment. The other commands take it as an option. */
function chosenName(argument: string | undefined, option: string | undefined): string | undefined {
  if (argument !== undefined && option !== undefined && argument !== option)
    throw new Failure(`[environment] and --environment name different ones: '${argument}' and '${option}'`, 2);
  return argument ?? option;
}

async function onlinePlan(
  name: string | undefined,
  environment: Environment,
  tree: Tree,
  options: PlanOptions,
  io: CommandIo,
): Promise<Plan> {
  if (name === undefined && !isRunningOver(options.data)) {
    const before = readFolder(options.data);
    return makePlan(environment.name, `what was deployed into ${options.data}, whose runtime does not run`, {
      before,
      ...tree,
    });
  }
  const { after } = tree;
  let plan: Plan | undefined;
  const where = name === undefined ? `the local runtime over ${options.data}` : `the warehouse of ${name}`;
  await withContext({ ...options, environment: name }, io, { code: 0 }, async (context) => {
    const recorded = await readRegistry(context);
    // The registry does not record the owner, who is older than the registry.
    const before = recorded === undefined ? [] : [...after.filter(({ kind }) => kind === 'owner'), ...recorded];
    const { facts, problems } = await queryWarehouse(context, before, after);
    const source = recorded === undefined ? `${where}, which has no registry yet` : `the registry of ${where}`;
    const known = recorded === undefined ? unrecorded(problems) : problems;
    plan = makePlan(environment.name, source, { before, facts, ...tree }, known);
    return true;
  });
  return plan!;
}

/**
 * Without a registry every object looks foreign: an edition without a registry deployed it, or it was created by hand.
 */
function unrecorded(problems: readonly Problem[]): Problem[] {
  if (problems.length === 0) return [];
  return [
    {
      object: registryTable,
      problem: `There is no registry, and ${plural(problems.length, 'object')} that it would list: ${problems.map(({ object }) => object).join(', ')}.`,
      advice:
        'If an earlier version of Millrace deployed them, compare with that by --from; the next deployment records what it finds to be the same.',
      stops: false,
    },
  ];
}

async function offlinePlan(from: string, environment: Environment, tree: Tree): Promise<Plan> {
  if (existsSync(from) && !isFolder(from))
    return makePlan(environment.name, from, { before: statesOfTemplate(from), ...tree });
  const read = (assembly: string) => ({
    before: templatesIn(assembly, environment.name).flatMap(statesOfTemplate),
    costs: ifPriced(() => costOf(resourcesOf(assembly, environment.name), undefined, pricesFor(environment.name))),
  });
  const { before, costs, comparedWith } = existsSync(from)
    ? { ...read(from), comparedWith: from }
    : await withAssemblyOf(from, environment.name, (assembly, commit) => ({
        ...read(assembly),
        comparedWith: `${from} (${commit.slice(0, 10)})`,
      }));
  const plan = makePlan(environment.name, comparedWith, { before, ...tree });
  const now = costs && (await costOfTree(environment.name).catch(withoutPrice));
  return costs && now ? { ...plan, costs: costChange(costs, now) } : plan;
}

/** A resource without a price leaves the costs out of a plan. `millrace cost` names it. */
function withoutPrice(error: unknown): undefined {
  if (!(error instanceof UnknownPriceError)) throw error;
}

function ifPriced(lines: () => Line[]): Line[] | undefined {
  try {
    return lines();
  } catch (error) {
    return withoutPrice(error);
  }
}
