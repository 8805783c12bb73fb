import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { addAll } from '../../cli/main';
import { overview } from '../../cli/overview';
import { version } from '../../package.json';
import { Collected, millrace } from './io';

const dir = mkdtempSync(join(tmpdir(), 'millrace-bin-'));
afterAll(() => rmSync(dir, { recursive: true }));

test.each([
  ['an unknown verb', ['lcoal'], /unknown command 'lcoal'\n\(Did you mean local\?\)/],
  ['an unknown option', ['local', '--evnets', '3'], /unknown option '--evnets'\n\(Did you mean --events\?\)/],
  [
    'a number that is none',
    ['local', '--events', 'abc'],
    /--events must be a whole number from 0 to 100,000,000, got 'abc'/,
  ],
  [
    'a number out of bounds',
    ['local', '--port', '70000'],
    /--port must be a whole number from 1 to 65,535, got '70000'/,
  ],
  ['a share above 1', ['generate', '--late', '1.5'], /--late must be a number from 0 to 1, got '1.5'/],
  ['a time that is none', ['generate', '--start', 'soon'], /--start must be an ISO 8601 time .*, got 'soon'/],
  ['an unknown pipeline', ['generate', '--pipeline', 'x'], /--pipeline must be one of estore, pageviews, got 'x'/],
  [
    'options that exclude each other',
    ['generate', '--out', 'a', '--stream', 'b'],
    /--out and --stream exclude each other/,
  ],
  ['a missing argument', ['sql'], /missing required argument 'query'/],
  ['a backfill from nowhere', ['backfill'], /required option '--from <place>' not specified/],
  [
    'a backfill from a place that there is not',
    ['backfill', '--from', 'attic'],
    /argument 'attic' is invalid. Allowed choices are history, archive/,
  ],
  [
    'a time without its zone',
    ['backfill', '--from', 'history', '--since', '2026-11-21T09:00:00'],
    /--since must be a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z, got '2026-11-21T09:00:00'/,
  ],
  [
    'a time span that ends before it begins',
    ['backfill', '--from', 'history', '--since', '2026-11-21', '--until', '2026-11-20'],
    /--since must be before --until/,
  ],
  [
    'a day that no calendar has',
    ['backfill', '--from', 'history', '--since', '2026-02-30'],
    /--since must be a day such as 2026-01-31 .*, got '2026-02-30'/,
  ],
  [
    'an empty span',
    ['why', 'customer_id=x', '--since', '2026-11-21', '--until', '2026-11-21'],
    /--since must be before --until, got 2026-11-21T00:00:00.000Z and/,
  ],
  ['an empty glob', ['backfill', '--from', 'history', '--glob', ' '], /--glob must not be empty/],
  ['a place that is none', ['rejects', '--id', 'here'], /--id must be <shard>,<sequence number> or s3:.*, got 'here'/],
  ['a source that is none', ['rejects', '--source', 'attic'], /Allowed choices are stream, archive, history/],
  ['--apply without --retry', ['rejects', '--apply'], /--apply needs --retry/],
  [
    'history of a pipeline that there is not',
    ['files', '--pipeline', 'x'],
    /--pipeline must be one of estore, pageviews, got 'x'/,
  ],
])('%s ends with 2 and says what is wrong', async (_, args, message) => {
  const { code, stdout, stderr } = await millrace(...args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('--version and --help end with 0', async () => {
  expect(await millrace('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await millrace('--help');
  expect(help.code).toBe(0);
  const verbs = [
    'local',
    'generate',
    'sql',
    'endpoints',
    'files',
    'backfill',
    'redrive',
    'reprocess',
    'duplicates',
    'rejects',
    'why',
  ];
  for (const verb of verbs) expect(help.stdout).toContain(`\n  ${verb} `);
});

test('the overview shows each command as it is', () => {
  const program = new Command('millrace');
  addAll(program, { stdout: new Collected(), stderr: new Collected(), env: {} });
  const help = program.createHelp();
  const shown = program.commands.map((command) => [
    command.name(),
    [help.subcommandTerm(command), help.subcommandDescription(command)],
  ]);
  expect(overview).toEqual(Object.fromEntries(shown));
});

test('help names a command that there is', async () => {
  expect(await millrace('help', 'sql')).toEqual(await millrace('sql', '--help'));
  expect((await millrace('sqll')).stderr).toMatch(/Did you mean sql\?/);
});

test.each(['files', 'backfill', 'redrive', 'reprocess', 'duplicates', 'rejects', 'why'])(
  'the help of %s has an example',
  async (verb) => {
    expect((await millrace(verb, '--help')).stdout).toContain(`\n  npx millrace ${verb}`);
  },
);

test.each([
  ['sql', 'select 1'],
  ['endpoints'],
  ['files'],
  ['backfill', '--from', 'history'],
  ['redrive'],
  ['reprocess', 'estore/a/b/c.gz'],
  ['rejects'],
  ['why', 'action=view'],
])('%s without a running runtime ends with 1 and says how to start one', async (...args) => {
  const { code, stderr } = await millrace(...args, '--data', join(dir, 'none'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: no local runtime is running over .*none; start one with 'npm start'/);
});

describe('with a runtime file', () => {
  const write = (pid: number) =>
    writeFileSync(
      join(dir, 'runtime.json'),
      JSON.stringify({
        pid,
        endpoint: 'http://127.0.0.1:1234',
        region: 'eu-west-1',
        credentials: { accessKeyId: 'AK', secretAccessKey: "it's", sessionToken: 'T' },
        warehouse: { ClusterIdentifier: 'c', Database: 'd', SecretArn: 'arn:s' },
        outputs: {},
        pipelineOutputs: {},
      }),
    );

  test('endpoints prints lines for a shell, quoted', async () => {
    write(process.pid);
    expect((await millrace('endpoints', '--data', dir)).stdout).toBe(
      [
        'unset AWS_PROFILE',
        "export AWS_ENDPOINT_URL='http://127.0.0.1:1234'",
        "export AWS_REGION='eu-west-1'",
        "export AWS_DEFAULT_REGION='eu-west-1'",
        "export AWS_ACCESS_KEY_ID='AK'",
        "export AWS_SECRET_ACCESS_KEY='it'\\''s'",
        "export AWS_SESSION_TOKEN='T'",
        "export MILLRACE_CLUSTER='c'",
        "export MILLRACE_DATABASE='d'",
        "export MILLRACE_SECRET_ARN='arn:s'",
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await millrace('endpoints', '--json', '--data', dir)).stdout).AWS_REGION).toBe('eu-west-1');
  });

  test('a second start over the same folder is refused with the process that runs', async () => {
    writeFileSync(join(dir, 'lock'), String(process.pid));
    const { code, stderr } = await millrace('local', '--data', dir);
    rmSync(join(dir, 'lock'));
    expect(code).toBe(1);
    expect(stderr).toContain(
      `a local runtime (process ${process.pid}) is running over ${dir}; stop it, or choose another folder with --data`,
    );
  });

  test('a file left behind by a process that is gone counts for nothing', async () => {
    write(2 ** 22 + 1);
    expect((await millrace('endpoints', '--data', dir)).code).toBe(1);
  });
});

test('generate writes the same bytes for the same seed and start, to stdout and to a file', async () => {
  const args = ['generate', '--events', '500', '--seed', '9', '--start', '2026-11-21T09:00:00Z'];
  const once = await millrace(...args);
  const out = join(dir, 'events.ndjson');
  const oracle = join(dir, 'oracle.json');
  await millrace(...args, '--out', out, '--oracle', oracle);
  expect(once.code).toBe(0);
  expect(readFileSync(out, 'utf8')).toBe(once.stdout);
  expect(JSON.parse(readFileSync(oracle, 'utf8'))).toMatchObject({
    produced: once.stdout.trimEnd().split('\n').length,
    events: 500,
  });
});

describe('every verb', () => {
  const verbs: [string, ...string[]][] = [
    ['sql', 'select 1'],
    ['endpoints'],
    ['files'],
    ['backfill', '--from', 'history'],
    ['redrive'],
    ['reprocess', 'estore/a/b/c.gz'],
    ['duplicates'],
    ['rejects'],
    ['why', 'customer_id=x'],
  ];
  const folder = mkdtempSync(join(tmpdir(), 'millrace-verbs-'));
  const file = join(folder, 'runtime.json');
  const sound = {
    pid: process.pid,
    endpoint: 'http://127.0.0.1:1',
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    warehouse: { ClusterIdentifier: 'c', Database: 'd', SecretArn: 's' },
    outputs: { HistoryBucketName: 'h', ArchiveBucketName: 'a', ExportsBucketName: 'e', WorkBucketName: 'w' },
    pipelineOutputs: {},
  };
  afterAll(() => rmSync(folder, { recursive: true }));
  const refused = async (verb: readonly string[], code: number, message: RegExp) => {
    const answer = await millrace(...verb, '--data', folder);
    expect(answer.stderr).toMatch(message);
    expect(answer.stderr).not.toMatch(/\n\s+at /);
    expect({ code: answer.code, stdout: answer.stdout }).toEqual({ code, stdout: '' });
  };

  test.each(verbs)('%s without a running runtime says how to start one', async (...verb) => {
    rmSync(file, { force: true });
    await refused(verb, 1, /no local runtime is running over .*; start one with 'npm start', or name its folder/);
    writeFileSync(file, JSON.stringify({ ...sound, pid: 2 ** 22 + 1 }));
    await refused(verb, 1, /no local runtime is running over/);
  });

  test.each(verbs)('%s names a damaged runtime file and what is wrong with it', async (...verb) => {
    for (const [content, wrong] of [
      ['', /is not JSON/],
      ['{"pid": 1', /is not JSON/],
      ['[]', /pid must be a process id, got undefined/],
      [JSON.stringify({ ...sound, pid: 'x' }), /pid must be a process id, got "x"/],
      [JSON.stringify({ ...sound, endpoint: 5 }), /endpoint must be a text, got 5/],
      [JSON.stringify({ ...sound, credentials: null }), /credentials must be an object, got null/],
      [JSON.stringify({ ...sound, warehouse: undefined }), /warehouse must be an object, got undefined/],
    ] as const) {
      writeFileSync(file, content);
      await refused(verb, 1, new RegExp(`runtime\\.json is damaged: .*${wrong.source}`));
    }
  });

  test.each(verbs.slice(2).filter(([verb]) => verb !== 'reprocess'))(
    '%s names the pipelines that there are',
    async (...verb) => {
      await refused([...verb, '--pipeline', 'x'], 2, /--pipeline must be one of estore, pageviews, got 'x'/);
    },
  );

  test('of a key that belongs to nobody names the globs', async () => {
    await refused(['reprocess', 'attic/x'], 2, /<key> must match one of estore\/\*\/\*\/\*\.gz, archive\/estore/);
  });
});
