import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type Case,
  type CaseResult,
  type Report,
  readPack,
  removeOldMarks,
  reportOf,
  requireAnswer,
  runCases,
  type TargetOptions,
  targetOf,
  writeReport,
} from 'redshift-conformance';
import { reference } from 'redshift-local/reference';
import { localSurroundings } from '../../local/conformance';
import { Failure } from '../failure';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { type Io, type Output, plural, styleFor, table } from '../terminal';
import { text, wholeNumber } from './options';

/** From the root of the repository. */
export const referencePath = 'docs/reference/local-warehouse.md';

interface Options extends Omit<TargetOptions, 'endpoint'> {
  readonly topic?: string;
  readonly json?: boolean;
  readonly list?: boolean;
  readonly reference?: boolean;
  readonly out: string;
  readonly parallel: number;
}

const explanation = `Runs the conformance pack: SQL with the results of Amazon Redshift. Each case names its page of the documentation.

Without a cluster it runs against the local warehouse, which must agree or refuse. With one it reports where Redshift differs from the pack, in
a table and in a JSON file. Every case uses a schema of its own, named conformance_<run>_<case>, and drops it. The user must be allowed to
create schemas.

  npx millrace conformance
  npx millrace conformance --topic merge
  npx millrace conformance --cluster my-cluster --database dev --secret arn:aws:secretsmanager:…
  npx millrace conformance --workgroup my-workgroup --database dev --stream-role arn:aws:iam::…

Exit code 0: nothing differs. 1: something differs. 2: the command line is invalid.`;

export function addConformance(program: Command, io: Io, exit: { code: number }): void {
  const option = (command: Command, flag: string, description: string, standard?: string) =>
    command.option(flag, description, text(flag.split(' ')[0]!), standard);
  const command = program
    .command('conformance')
    .summary('compare the local warehouse, or a real one, with Redshift’s documentation')
    .description(explanation);
  option(command, '--topic <name>', 'only this topic');
  command.option('--list', 'only list the topics');
  command.option('--json', 'the report as one JSON object on stdout');
  command.option(
    '--reference',
    `take the marks of refusals that are gone from the pack, write ${referencePath}, and end`,
  );
  option(command, '--cluster <id>', 'a provisioned cluster');
  option(command, '--workgroup <name>', 'a serverless workgroup');
  option(command, '--database <name>', 'its database');
  option(command, '--secret <arn>', 'secret of the database user');
  option(command, '--db-user <name>', 'database user of a cluster, by temporary credentials');
  option(command, '--region <name>', 'region of the warehouse (default: that of the AWS configuration)');
  option(command, '--bucket <name>', 'a bucket in which COPY and UNLOAD may work, below conformance_<run>_<case>/');
  option(command, '--bucket-role <arn>', 'role of the warehouse for that bucket');
  option(
    command,
    '--stream-role <arn>',
    'role of the warehouse for streams named conformance_…, which are made and deleted',
  );
  option(command, '--out <file>', 'where the report on a real warehouse goes', 'conformance-report.json');
  command.option('--parallel <n>', 'cases at a time', wholeNumber('--parallel', 1, 16), 4);
  command.action(async (options: Options) => {
    if (options.reference) return refresh(io);
    if (options.list) return list(io.stdout);
    exit.code = await compare(options, io);
  });
}

async function refresh({ stderr }: Io): Promise<void> {
  const around = await localSurroundings();
  try {
    const removed = await removeOldMarks(readPack(), around);
    if (removed > 0) stderr.write(`${plural(removed, 'case')} of the pack now agree and lost their mark\n`);
  } finally {
    await around.dispose();
  }
  writeFileSync(join(__dirname, '../..', referencePath), reference(readPack()));
  stderr.write(`${referencePath} is written\n`);
}

function list(stdout: Output): void {
  for (const { name, about, cases } of readPack())
    stdout.write(`${name}: ${about} (${plural(cases.length, 'case')})\n`);
}

async function compare(options: Options, io: Io): Promise<number> {
  const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: options.json === true });
  try {
    return await interruptible(
      () => compareWith(options, io, progress),
      () => progress.interruption(),
    );
  } finally {
    progress.stop();
  }
}

async function compareWith(options: Options, io: Io, progress: Progress): Promise<number> {
  const cases = chosen(options.topic);
  const target = targetOf(options);
  const around = target === undefined ? await localSurroundings() : target.surroundings();
  try {
    if (target !== undefined) await requireAnswer(around, target.name);
    let done = 0;
    const runId = randomBytes(4).toString('hex');
    if (target !== undefined)
      progress.ifInterrupted(`Schemas named conformance_${runId}_… may be left in ${target.name}; drop them.`);
    const stage = progress.stage('compare', 'the cases');
    const onResult = () => stage.count(++done, 'cases', cases.length);
    const results = await runCases(cases, around, { parallel: options.parallel, runId, onResult });
    stage.done(plural(cases.length, 'case'));
    const report = reportOf(target?.name ?? 'the local warehouse', results);
    if (target !== undefined) writeReport(options.out, report);
    if (options.json) io.stdout.write(`${JSON.stringify(report)}\n`);
    else print(report, results, io);
    if (target !== undefined) io.stderr.write(`the report is in ${options.out}\n`);
    return report.differ === 0 ? 0 : 1;
  } finally {
    await around.dispose();
  }
}

function chosen(topic: string | undefined): Case[] {
  const pack = readPack();
  const found = topic === undefined ? pack : pack.filter(({ name }) => name === topic);
  if (found.length === 0)
    throw new Failure(`--topic must be one of ${pack.map(({ name }) => name).join(', ')}, got '${topic}'`, 2);
  return found.flatMap(({ cases }) => cases);
}

function print(report: Report, results: readonly CaseResult[], { stdout, env }: Io): void {
  const style = styleFor(stdout, env);
  const topics = [...new Set(results.map((result) => result.case.topic))];
  const count = (topic: string, ...verdicts: string[]) =>
    results.filter((result) => result.case.topic === topic && verdicts.includes(result.verdict)).length;
  const rows = topics.map((topic) => [
    topic,
    count(topic, 'agrees'),
    count(topic, 'refused'),
    count(topic, 'skipped'),
    count(topic, 'differs'),
  ]);
  stdout.write(`${table(['topic', 'agree', 'refused', 'skipped', 'differ'], rows, style)}\n`);
  for (const { topic, name, detail, ground } of report.differences)
    stdout.write(`${style.red('✘')} ${topic}: ${name} ${style.dim(`(${ground})`)}\n    ${detail}\n`);
  const { cases, agree, refused, skipped, differ } = report;
  stdout.write(
    `${plural(cases, 'case')} on ${report.target}: ${agree} agree, ${refused} refused, ${skipped} skipped, ${differ} differ\n`,
  );
}
