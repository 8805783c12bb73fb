import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { connect } from '../../../cli/cloud/connect';
import type { Names } from '../../../cli/cloud/names';
import { clientSettings } from '../../../lambda/shared/client-settings';
import { pipelines } from '../../../pipelines';
import type { Pipeline } from '../../../pipelines/definition';
import { equation, problemsOf, settle } from './balance';
import { root, runProgram } from './processes';
import { openStage, type Stage } from './stage';

const ENVIRONMENT = 'dev';
const EVENTS = 2000;
const MINUTE_MS = 60_000;
const EVENTS_END_BEFORE_MS = 6 * 60 * MINUTE_MS;

/**
 * Deploys the dev environment with the real CDK command line to an emulator that nobody here wrote, sends events, and balances the counts.
 * docs/reference/judges.md says what this judges and what it can't. Exit code 0 when everything holds.
 */
class Judge {
  private readonly began = performance.now();
  private readonly outputs: string;
  private readonly environment: readonly string[];

  constructor(
    private readonly folder: string,
    private readonly stage: Stage,
  ) {
    this.outputs = join(folder, 'outputs.json');
    this.environment = ['--environment', ENVIRONMENT, '--outputs', this.outputs];
  }

  async deploy(): Promise<void> {
    const cdk = join(root, 'node_modules/.bin/cdk');
    const assembly = join(this.folder, 'cdk.out');
    const app = ['--app', assembly];
    const log = join(this.folder, 'cdk.log');
    const synthesis = { CDK_OUTDIR: assembly, CDK_CONTEXT_JSON: JSON.stringify({ environment: ENVIRONMENT }) };
    await this.step('synthesis', () =>
      runProgram(process.execPath, ['bin/app.js'], { ...this.stage.env, ...synthesis }, log, 2 * MINUTE_MS),
    );
    await this.step('cdk bootstrap', () =>
      runProgram(cdk, ['bootstrap', this.stage.target, ...app], this.stage.env, log, 2 * MINUTE_MS),
    );
    const flags = ['--require-approval', 'never', '--progress', 'events', '--outputs-file', this.outputs];
    await this.step('cdk deploy of both stacks', () =>
      runProgram(cdk, ['deploy', `${ENVIRONMENT}/*`, ...app, ...flags], this.stage.env, log, 5 * MINUTE_MS),
    );
    await this.step('cdk diff finds what is deployed', () =>
      runProgram(cdk, ['diff', `${ENVIRONMENT}/*`, ...app, '--fail'], this.stage.env, log, MINUTE_MS),
    );
  }

  /** Sends events of every pipeline before it waits for any: each is refreshed at its own pace. */
  async balance(): Promise<void> {
    const cloud = connect({ environment: ENVIRONMENT, outputs: this.outputs, data: '' });
    try {
      const historyRows = new Map<string, number>();
      for (const pipeline of pipelines)
        await this.step(`${pipeline.name}: events onto the stream and into history`, async () => {
          historyRows.set(pipeline.name, await this.send(cloud.names, pipeline));
        });
      for (const pipeline of pipelines)
        await this.step(`${pipeline.name}: every record is in one place`, async () => {
          const account = await settle(cloud, pipeline, historyRows.get(pipeline.name)!, 6 * MINUTE_MS);
          const problems = problemsOf(account, this.at(pipeline, 'oracle.json'));
          if (problems.length > 0) throw new Error(problems.join('\n'));
          return equation(account);
        });
    } finally {
      cloud.close();
    }
  }

  async exports(): Promise<void> {
    let published = 0;
    for (const pipeline of pipelines)
      for (const { name } of pipeline.exports) {
        const full = `${pipeline.name}.${name}`;
        await this.step(`${full}: published, and read as a partner would`, async () => {
          await this.millrace('exports', 'run', full, '--apply', ...this.environment);
          const said = await this.millrace('exports', 'verify', full, '--json', ...this.environment);
          const { publications } = JSON.parse(said) as { publications: { rows: number }[] };
          const rows = publications.reduce((sum, publication) => sum + publication.rows, 0);
          published += rows;
          return `${publications.length} publications with ${rows} rows, whole`;
        });
      }
    if (published === 0) throw new Error('no export published a row');
  }

  private at(pipeline: Pipeline, name: string): string {
    return join(this.folder, `${pipeline.name}-${name}`);
  }

  /** Answers how many rows of history were put. The events are a few hours old, so that windows are due. */
  private async send(names: Names, pipeline: Pipeline): Promise<number> {
    const history = pipeline.history === undefined ? [] : ['--history', this.at(pipeline, 'history')];
    const stream = ['--stream', names.stream(pipeline.name), '--oracle', this.at(pipeline, 'oracle.json')];
    const start = ['--start', new Date(Date.now() - EVENTS_END_BEFORE_MS).toISOString()];
    const sizes = ['--pipeline', pipeline.name, '--events', String(EVENTS), ...start];
    await this.millrace('generate', ...sizes, ...stream, ...history);
    return history.length === 0 ? 0 : upload(names.historyBucket, this.at(pipeline, 'history'));
  }

  private millrace(...args: string[]): Promise<string> {
    const log = join(this.folder, 'millrace.log');
    return runProgram(process.execPath, [join(root, 'bin/millrace.js'), ...args], this.stage.env, log, 5 * MINUTE_MS);
  }

  private async step<T>(name: string, act: () => Promise<T>): Promise<T> {
    const result = await act().catch((error: Error) => {
      console.log(`✘ ${name}  ${this.seconds()} s`);
      throw error;
    });
    const detail = typeof result === 'string' && result !== '' && !result.includes('\n') ? `: ${result}` : '';
    console.log(`✔ ${name}${detail}  ${this.seconds()} s`);
    return result;
  }

  private seconds(): string {
    return ((performance.now() - this.began) / 1000).toFixed(0);
  }
}

/** Puts a folder into the history bucket and answers how many rows its objects have. */
async function upload(Bucket: string, folder: string): Promise<number> {
  const s3 = new S3Client(clientSettings());
  let rows = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const Body = readFileSync(path);
      await s3.send(new PutObjectCommand({ Bucket, Key: relative(folder, path), Body }));
      rows += gunzipSync(Body)
        .toString('latin1')
        .split('\n')
        .filter((line) => line.trim() !== '').length;
    }
    return rows;
  } finally {
    s3.destroy();
  }
}

async function main(): Promise<number> {
  const kept = process.argv[2];
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'millrace-judges-'));
  mkdirSync(folder, { recursive: true });
  let good = false;
  const stage = await openStage(folder);
  Object.assign(process.env, stage.env);
  try {
    const judge = new Judge(folder, stage);
    await judge.deploy();
    await judge.balance();
    await judge.exports();
    good = true;
  } catch (error) {
    console.error((error as Error).message);
  } finally {
    await stage.stop();
    if (good && kept === undefined) rmSync(folder, { recursive: true, force: true });
    else console.log(`logs and data: ${folder}`);
  }
  return good ? 0 : 1;
}

main().then((code) => {
  process.exitCode = code;
});
