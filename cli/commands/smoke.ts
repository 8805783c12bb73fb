import type { Command } from 'commander';
import { pipelines } from '../../pipelines';
import { warehouseTargetOf } from '../cloud/connect';
import { findEnvironment } from '../cloud/environments';
import { LOCAL_ENVIRONMENT } from '../cloud/names';
import { Failure } from '../failure';
import { table } from '../terminal';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  withContext,
} from './context';
import { text } from './options';
import { partnerSite } from './partners/site';
import { alarms } from './smoke/alarms';
import { type CheckResult, runCheck } from './smoke/check-result';
import { smokeClients } from './smoke/clients';
import { conformance } from './smoke/conformance';
import { freshness } from './smoke/freshness';
import { isMark, newMark } from './smoke/marked-events';
import { partners } from './smoke/partners';
import { pointers } from './smoke/pointers';
import { removeLeftOvers, sendAndFollow } from './smoke/send-and-follow';
import { statements } from './smoke/statements';

interface SmokeOptions extends ContextOptions {
  readonly readOnly?: boolean;
  readonly remove?: string;
  readonly as?: string;
}

const DESCRIPTION = `Proves an environment after a deployment. Ends with a table of what is expected and what was found.

It always checks how fresh the views are, the last merges, the state of statements, what latest.json of each export points at, and the alarms.
If the environment says "smoke: true", it also sends marked events through stream and history, follows them to events, views and an export,
opens the partners' roles with and without the external id, and removes its marks. Otherwise, and with --read-only, it runs the conformance
pack instead, in schemas of its own that it drops.

  npx millrace smoke                          the local runtime
  npx millrace smoke dev --outputs outputs.json     an environment in AWS

Needs: the owner's secret (the output OwnerSecretArn), for statements and to delete marks; the exports bucket; cloudwatch:DescribeAlarms. With
marks also kinesis:PutRecords, s3:PutObject and s3:DeleteObject on the history bucket, lambda:InvokeFunction on the export functions, sts:AssumeRole on the partners' roles
(--as: a profile of the partner's principal).

Exit code 0: nothing is wrong. 1: something is wrong. 2: the command line is invalid.`;

const HALF_AN_HOUR_SECONDS = 1800;

export function addSmoke(program: Command, io: CommandIo, exit: Exit): void {
  addContextOptions(
    program
      .command('smoke [environment]')
      .summary('prove a deployed environment: marked events from end to end, partners, freshness, alarms')
      .description(DESCRIPTION)
      .option('--read-only', 'send nothing, whatever the environment says')
      .option('--remove <mark>', 'only remove what a killed test of this mark left', text('--remove'))
      .option('--as <profile>', 'in AWS: profile with credentials of the principal of the partners', text('--as')),
    HALF_AN_HOUR_SECONDS,
  ).action((named: string | undefined, given: SmokeOptions) => {
    if (named !== undefined && given.environment !== undefined && named !== given.environment)
      throw new Failure(`name one environment, got '${named}' and --environment '${given.environment}'`, 2);
    const options = { ...given, environment: named ?? given.environment };
    const act = options.remove === undefined ? smoke : removal;
    return withContext(options, io, exit, (context) => act(context, options));
  });
}

async function removal(context: Context, options: SmokeOptions): Promise<boolean> {
  const environment = findEnvironment(options.environment ?? LOCAL_ENVIRONMENT, 'environment');
  const mark = options.remove!;
  if (!isMark(mark)) throw new Failure(`--remove must be a mark such as ${newMark()}, got '${mark}'`, 2);
  const clients = smokeClients(await partnerSite(options));
  try {
    return print(context, environment.name, await removeLeftOvers(context, options, clients, mark));
  } finally {
    clients.close();
  }
}

async function smoke(context: Context, options: SmokeOptions): Promise<boolean> {
  const environment = findEnvironment(options.environment ?? LOCAL_ENVIRONMENT, 'environment');
  const site = await partnerSite(options);
  const { reach, credentials } = site;
  const sends = environment.smoke === true && options.readOnly !== true;
  const findings: CheckResult[] = [];
  const group = async (name: string, act: () => Promise<readonly CheckResult[]>) => {
    findings.push(...(await runCheck(context, name, act)));
  };
  for (const pipeline of pipelines) await group(`freshness of ${pipeline.name}`, () => freshness(context, pipeline));
  await group('statements', () => statements(context));
  await group('published exports', () => pointers(context));
  await group('alarms', () => alarms(environment.name, reach, credentials));
  if (sends) {
    const clients = smokeClients(site);
    const mark = newMark();
    context.progress.warning(`the mark is ${mark}; if this test is killed, run millrace smoke --remove ${mark}`);
    context.progress.ifInterrupted(`Marked events may be left. \`npx millrace smoke --remove ${mark}\` removes them.`);
    try {
      findings.push(...(await sendAndFollow(context, options, clients, mark)));
    } finally {
      clients.close();
    }
    await group('partners', () => partners(site, options.as));
  } else await group('conformance pack', () => conformance(warehouseTargetOf(options), reach, credentials));
  return print(context, environment.name, findings);
}

/** Prints the table. Returns true if nothing is wrong. */
function print(context: Context, environment: string, findings: readonly CheckResult[]): boolean {
  const of = (result: CheckResult['result']) => findings.filter((each) => each.result === result).length;
  const counts = { ok: of('ok'), wrong: of('wrong'), unknown: of('unknown') };
  if (context.json) {
    context.stdout.write(`${JSON.stringify({ environment, ...counts, findings })}\n`);
    return counts.wrong === 0;
  }
  const marks = {
    ok: context.style.green('ok'),
    wrong: context.style.red('WRONG'),
    unknown: context.style.yellow("can't tell"),
  };
  const rows = findings.map(({ check, expected, found, result }) => [check, expected, found, marks[result]]);
  context.stdout.write(`${table(['check', 'expected', 'found', ''], rows, context.style, { longest: 200 })}\n\n`);
  context.stdout.write(`${counts.ok} ok, ${counts.wrong} wrong, ${counts.unknown} unknown\n`);
  return counts.wrong === 0;
}
