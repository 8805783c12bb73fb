import type { Command } from 'commander';
import { pipelines } from '../../pipelines';
import { meaningOf } from '../cloud/aws-errors';
import { findEnvironment } from '../cloud/environments';
import { explain, Failure } from '../failure';
import { preflight } from '../preflight/checks';
import type { Finding } from '../preflight/finding';
import { awsAccount } from '../preflight/sdk';
import { type Io, styleFor } from '../terminal';
import type { Exit } from './context';

interface Options {
  readonly json?: true;
  readonly region?: string;
}

/** Exit code if nothing is known to fail, but not everything could be checked. */
const UNTOLD = 3;

export function addPreflight(program: Command, io: Io, exit: Exit): void {
  program
    .command('preflight <environment>')
    .summary('report what will fail in the first deployment to an account')
    .description(
      'Checks with your credentials, without changing anything, what `cdk deploy` of the environment needs in the account and region. Prints a line for each check: ok, will fail (with the fix ' +
        "for it), can't tell (with the permission that you lack). Exit code 0: all is well. 1: something will fail. 3: nothing is known to fail, but something could not be checked.",
    )
    .option('--region <region>', "region, if the environment names none (default: the SDK's own)")
    .option('--json', 'one JSON object on stdout')
    .action(async (name: string, options: Options) => {
      const environment = findEnvironment(name, 'the environment');
      const account = await awsAccount({ region: environment.region ?? options.region }).catch(stop);
      try {
        const caller = await account.caller().catch(stop);
        if (environment.account !== undefined && environment.account !== caller.account)
          throw new Failure(
            `environments/${name}.ts names the account ${environment.account}, and your credentials belong to ${caller.account}: choose another profile (AWS_PROFILE)`,
          );
        const findings = await preflight({ environment, pipelines, account, accountId: caller.account });
        print({ ...caller, region: account.region, environment: name }, findings, options, io);
        exit.code = exitCode(findings);
      } finally {
        account.close();
      }
    });
}

/** Without a caller nothing can be checked. */
function stop(error: unknown): never {
  throw new Failure(meaningOf(error)?.sentence ?? `your identity is not known: ${explain(error)}`, 1, { cause: error });
}

const exitCode = (findings: readonly Finding[]) =>
  findings.some(({ result }) => result === 'will fail')
    ? 1
    : findings.every(({ result }) => result === 'ok')
      ? 0
      : UNTOLD;

interface Where {
  readonly environment: string;
  readonly arn: string;
  readonly account: string;
  readonly region: string;
}

function print(where: Where, findings: readonly Finding[], { json }: Options, io: Io): void {
  const of = (result: Finding['result']) => findings.filter((finding) => finding.result === result).length;
  const counts = { ok: of('ok'), willFail: of('will fail'), cannotTell: of("can't tell") };
  if (json) return void io.stdout.write(`${JSON.stringify({ ...where, ...counts, findings })}\n`);
  const style = styleFor(io.stdout, io.env);
  const paint = { ok: style.green, 'will fail': style.red, "can't tell": style.yellow };
  io.stdout.write(`${where.environment} in ${where.account}, ${where.region}, as ${where.arn}\n\n`);
  const width = Math.max(...findings.map(({ check }) => check.length));
  for (const { check, result, detail, mend } of findings)
    io.stdout.write(
      `${paint[result](result.padEnd(10))}  ${check.padEnd(width)}  ${detail}${mend ? `. Mend it: ${mend}` : ''}\n`,
    );
  io.stdout.write(`\n${counts.ok} ok, ${counts.willFail} will fail, ${counts.cannotTell} unknown\n`);
}
