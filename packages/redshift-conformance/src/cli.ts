import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { ConformanceError } from './error';
import { readPack } from './pack';
import { reportOf, writeReport } from './report';
import { requireAnswer, runCases } from './run';
import { targetOf } from './target';

export interface CliIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const help = `Usage: redshift-conformance --cluster <id> | --workgroup <name>, --database <name> [options]

Runs SQL on a Redshift and tells where its answers differ from what the documentation says.
Every case works in a schema of its own, conformance_<run>_<case>, and drops it. The user must be allowed to create schemas.

  --cluster <id>        a provisioned cluster
  --workgroup <name>    a serverless workgroup
  --database <name>     its database
  --secret <arn>        secret of the database user
  --db-user <name>      database user of a cluster, by temporary credentials
  --region <name>       region of the warehouse (default: that of the AWS configuration)
  --endpoint <url>      another Data API than AWS's own, as redshift-local serves it
  --bucket <name>       a bucket in which COPY and UNLOAD may work, below conformance_<run>_<case>/
  --bucket-role <arn>   role of the warehouse for that bucket
  --stream-role <arn>   role of the warehouse for streams named conformance_…, which are made and deleted
  --topic <name>        only this topic
  --parallel <n>        cases at a time (default: 4)
  --out <file>          where the report goes (default: conformance-report.json)
  --list                only list the topics

Exit code 0: nothing differs. 1: something does. 2: the command line asks for something impossible.
`;

const text = { type: 'string' } as const;

/** Runs the command line and returns the exit code. */
export async function main(args: readonly string[], io: CliIo): Promise<0 | 1 | 2> {
  try {
    return await run(args, io);
  } catch (error) {
    io.stderr.write(`error: ${(error as Error).message}\n`);
    const { code } = error as NodeJS.ErrnoException;
    return (error instanceof ConformanceError && error.exitCode === 2) || code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
  }
}

async function run(args: readonly string[], { stdout, stderr }: CliIo): Promise<0 | 1> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ cluster: text, workgroup: text, database: text, secret: text, 'db-user': text, region: text },
      ...{ endpoint: text, bucket: text, 'bucket-role': text, 'stream-role': text, topic: text },
      parallel: { ...text, default: '4' },
      out: { ...text, default: 'conformance-report.json' },
      list: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    stdout.write(help);
    return 0;
  }
  const pack = readPack();
  if (values.list) {
    for (const { name, about, cases } of pack) stdout.write(`${name}: ${about} (${cases.length} cases)\n`);
    return 0;
  }
  const parallel = Number(values.parallel);
  if (!(Number.isInteger(parallel) && parallel >= 1 && parallel <= 16))
    throw new ConformanceError(`--parallel must be a whole number between 1 and 16, got '${values.parallel}'`, 2);
  const chosen = pack.filter(({ name }) => values.topic === undefined || name === values.topic);
  if (chosen.length === 0)
    throw new ConformanceError(
      `--topic must be one of ${pack.map(({ name }) => name).join(', ')}, got '${values.topic}'`,
      2,
    );
  const target = targetOf({
    ...values,
    dbUser: values['db-user'],
    bucketRole: values['bucket-role'],
    streamRole: values['stream-role'],
  });
  if (target === undefined) throw new ConformanceError('name a warehouse with --cluster or --workgroup', 2);
  const around = target.surroundings();
  try {
    await requireAnswer(around, target.name);
    const cases = chosen.flatMap((topic) => topic.cases);
    const results = await runCases(cases, around, { parallel, runId: randomBytes(4).toString('hex') });
    const report = reportOf(target.name, results);
    writeReport(values.out, report);
    for (const { topic, name, detail, ground } of report.differences)
      stdout.write(`${topic}: ${name} (${ground})\n    ${detail}\n`);
    stdout.write(
      `${report.cases} cases on ${report.target}: ${report.agree} agree, ${report.refused} refused, ${report.skipped} skipped, ${report.differ} differ\n`,
    );
    stderr.write(`the report is in ${values.out}\n`);
    return report.differ === 0 ? 0 : 1;
  } finally {
    await around.dispose();
  }
}
