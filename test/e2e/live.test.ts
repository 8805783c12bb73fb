import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutRecordCommand } from '@aws-sdk/client-kinesis';
import { generators } from '../../cli/commands/generators';
import { clientsOf } from '../../cli/commands/local/clients';
import { openRuntime } from '../../cli/commands/local/open-runtime';
import { type LocalDependencies, runLocal } from '../../cli/commands/local/run';
import { readRuntimeFile } from '../../cli/commands/runtime-file';
import { pipelines } from '../../pipelines';
import { millrace } from '../cli/io';
import { secondTierTest } from '../support/tier';
import { devAssembly } from './image';

/** `npm start` itself, from its start to Ctrl-C, and again over its folder. */
const data = mkdtempSync(join(tmpdir(), 'millrace-live-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));
jest.setTimeout(400_000);

/** The schedule is moved away from the present, so that it pauses nothing while the test runs. */
const pauses = (new Date().getUTCHours() + 6) % 24;
const resumes = (pauses + 6) % 24;
const hour = (of: number) => String(of).padStart(2, '0');
const untilResumed = /the environment is paused until \S+Z; /;

function moveSchedule(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.template.json')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    // In one pass, because the schedule may move to hours that it has now.
    const moved = text.replace(
      /cron\(0 (20|6) \* \* \? \*\)/g,
      (_, was) => `cron(0 ${was === '20' ? pauses : resumes} * * ? *)`,
    );
    writeFileSync(join(folder, file), moved);
  }
}

const dependencies: LocalDependencies = {
  pipelines,
  generators: generators(),
  async synthesize(folder) {
    if (existsSync(folder)) return folder;
    cpSync(await devAssembly(), folder, { recursive: true });
    moveSchedule(folder);
    return folder;
  },
  open: openRuntime,
  clients: clientsOf,
};

/** Starts `npm start`. It is live once `live` resolves. */
function start() {
  const ctrlC = new AbortController();
  const waiting: { readonly text: RegExp; found(): void }[] = [];
  let said = '';
  const output = {
    write(text: string) {
      said += text;
      for (const { text: wanted, found } of waiting) if (wanted.test(said)) found();
    },
  };
  const options = { once: false, json: false, events: 3000, seed: 'live', data };
  const ended = runLocal(options, { stdout: output, stderr: output, env: {}, signal: ctrlC.signal }, dependencies);
  const says = (text: RegExp) =>
    Promise.race([
      new Promise<void>((found) => {
        if (text.test(said)) found();
        waiting.push({ text, found });
      }),
      ended.then(() => {
        throw new Error(`it ended before it said ${text}:\n${said}`);
      }),
    ]);
  return { live: says(/^live: /m), says, ended, said: () => said, ctrlC: () => ctrlC.abort() };
}

const command = async (...args: string[]) => {
  const { code, stdout, stderr } = await millrace(...args, '--data', data);
  if (code !== 0) throw new Error(stderr);
  return stdout;
};
const countOf = async (customer: string) =>
  JSON.parse(
    await command('sql', `select count(*) as n from estore.events where customer_id = '${customer}'`, '--json'),
  )[0].n;

/** As another program would: with an SDK client of its own. */
async function put(customer: string): Promise<void> {
  const { kinesis, destroy } = clientsOf(readRuntimeFile(data) as never);
  const event = {
    customer_id: customer,
    product: { product_id: 'p' },
    action: 'view',
    timestamp: '2026-11-21T10:00:00',
  };
  try {
    await kinesis.send(
      new PutRecordCommand({
        StreamName: 'millrace-dev-estore',
        PartitionKey: customer,
        Data: Buffer.from(JSON.stringify(event)),
      }),
    );
  } finally {
    destroy();
  }
}

secondTierTest(
  'it catches up, goes on in real time, pauses and resumes, and a second start goes on with its data',
  async () => {
    const newest = start();
    await newest.live;
    expect(newest.said()).toContain('✔ every count, sum and exported file agrees');
    newest.ctrlC();
    expect(await newest.ended).toBe(true);

    // In the same hour: the newest snapshot is older than what this start sends.
    const first = start();
    await first.live;
    expect(first.said()).toContain('✔ every count, sum and exported file agrees');
    expect(first.said()).toContain(`${hour(pauses)}:00 UTC`);
    const began = Date.now();
    await put('of-another-program');
    const jumped = Date.parse((await command('jump', '2m')).trim());
    expect(jumped).toBeGreaterThanOrEqual(began + 120_000);
    expect(await countOf('of-another-program')).toBe(1);

    expect(await command('pause')).toMatch(/^dev is paused until \S+Z; /);
    await put('while-paused');
    const { stderr } = await millrace('jump', '2m', '--data', data);
    expect(stderr).toMatch(untilResumed);
    await expect(countOf('while-paused')).rejects.toThrow(untilResumed);
    expect(await command('resume', '--no-wait')).toBe('dev is resumed\n');
    await command('jump', '2m');
    expect(await countOf('while-paused')).toBe(1);

    // The files of older snapshots go, and the counts of the generator are no longer right.
    const subject = ['forget', '--apply', 'customer_id=of-another-program', '--yes-many', '--no-wait', '--data', data];
    // 3: the snapshot before is there until the next one.
    const { code } = await millrace(...subject);
    expect(code).toBe(3);
    await command('jump', '65m');
    expect((await millrace(...subject)).stdout).toMatch(/exports +[1-9]/);

    first.ctrlC();
    expect(await first.ended).toBe(true);
    expect(first.said()).toMatch(/\nstopped; the data stays in .*\n✔ nothing vanished: /);
    expect(existsSync(join(data, 'runtime.json'))).toBe(false);

    const last = start();
    await last.live;
    expect(await countOf('while-paused')).toBe(1);
    expect(await countOf('of-another-program')).toBe(0);
    expect(last.said()).toContain('the expected counts are not known: subjects were forgotten');
    last.ctrlC();
    await last.ended;
    expect(last.said()).toContain('✔ nothing vanished: ');
  },
);
