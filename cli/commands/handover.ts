import type { Command } from 'commander';
import { ownerGrants } from '../../lib/existing/owner-grants';
import { pipelines } from '../../pipelines';
import { findEnvironment } from '../cloud/environments';
import { Failure } from '../failure';
import type { Io } from '../terminal';
import { page } from './handover/page';

interface Options {
  readonly account?: string;
  readonly json?: true;
}

export function addHandover(program: Command, io: Io): void {
  program
    .command('handover <environment>')
    .summary('print what the owners of your own stream and bucket have to add')
    .description(
      'Prints a page in Markdown for the people who own what the environment names as `existing`: the policies that they add, and what Millrace does with their things. It needs no AWS account ' +
        'and can be sent before the first deployment. `npx millrace preflight` checks what your credentials can see of it.',
    )
    .option('--account <id>', 'account of the environment, if it names none (default: CDK_DEFAULT_ACCOUNT)')
    .option('--json', 'one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  npx millrace handover prod --account 111122223333 > for-the-owners.md\n')
    .action((name: string, { account: given, json }: Options) => {
      const environment = findEnvironment(name, 'the environment');
      const account = given ?? environment.account ?? io.env['CDK_DEFAULT_ACCOUNT'];
      if (account === undefined)
        throw new Failure(`environments/${name}.ts names no account: give the environment's with --account`, 2);
      if (!/^\d{12}$/.test(account)) throw new Failure(`--account must be 12 digits, got '${account}'`, 2);
      if (environment.account !== undefined && account !== environment.account)
        throw new Failure(
          `--account must be ${environment.account}, which environments/${name}.ts names, got '${account}'`,
          2,
        );
      const grants = ownerGrants(environment, pipelines, account);
      io.stdout.write(
        json
          ? `${JSON.stringify({ environment: name, account, grants })}\n`
          : page(environment, pipelines, account, grants),
      );
    });
}
