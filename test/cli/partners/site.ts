import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { PartnerSite } from '../../../cli/commands/partners/site';
import { writeRuntimeFile } from '../../../cli/commands/runtime-file';
import { dev } from '../../../environments/dev';
import type { Environment } from '../../../environments/environment';
import { exportPrefix } from '../../../lambda/export/contract';
import { createApp } from '../../../lib/app';
import { type Runtime, startRuntime } from '../../../local/runtime';
import { pipelines } from '../../../pipelines';
import { noBundles } from '../../lib/fixtures';

// biome-ignore lint/suspicious/noExplicitAny: templates as they are written
type Json = any;

/** What partners can see of an environment, and whatever that refers to. */
const seen = (id: string, type: string) =>
  /^AWS::S3::Bucket(Policy)?$|^AWS::SQS::QueuePolicy$|^AWS::KMS::Key$|^AWS::ApiGatewayV2::(Api|Stage|Route)$/.test(
    type,
  ) ||
  (id.startsWith('EndpointFunction') && type === 'AWS::Lambda::Permission') ||
  (id.startsWith('Partner') && !type.startsWith('Custom::'));

const synthesized = new Map<string, string>();

/** The assembly of an environment, synthesized once. */
function assemblyOf(environment: Environment): string {
  const key = JSON.stringify(environment);
  const known = synthesized.get(key);
  if (known !== undefined) return known;
  const outdir = mkdtempSync(join(tmpdir(), 'millrace-partners-'));
  createApp({ environments: [environment], pipelines, bundles: noBundles, app: { outdir } }).synth();
  synthesized.set(key, outdir);
  return outdir;
}

/**
 * Synthesizes the dev environment and leaves out what partners have nothing to do with, so that it starts in no time. Answers its folder.
 * @param edit changes the template of a stack, as an edit of the code would have
 */
export function partnersAssembly(
  folder: string,
  changes: Partial<Environment> = {},
  edit: (stack: 'data' | 'pipelines', template: Json) => void = () => {},
): string {
  cpSync(assemblyOf({ ...dev, ...changes }), folder, { recursive: true });
  const stage = join(folder, 'assembly-dev');
  for (const file of readdirSync(stage).filter((name) => name.endsWith('.template.json'))) {
    const template: Json = JSON.parse(readFileSync(join(stage, file), 'utf8'));
    answerAlways(template);
    reduce(template);
    edit(file.includes('Data') ? 'data' : 'pipelines', template);
    writeFileSync(join(stage, file), JSON.stringify(template));
  }
  return folder;
}

/** The function of endpoints answers whoever API Gateway lets in, so that the role's own permissions decide. It needs no warehouse. */
function answerAlways(template: Json): void {
  for (const [id, { Type, Properties }] of Object.entries<Json>(template.Resources)) {
    if (Type !== 'AWS::Lambda::Function' || !id.startsWith('EndpointFunction')) continue;
    const { Environment: _, Code: __, LoggingConfig: ___, ...others } = Properties;
    const ZipFile = 'exports.handler = async () => ({ statusCode: 200, body: "[]" });';
    template.Resources[id].Properties = { ...others, Code: { ZipFile } };
  }
}

function reduce(template: Json): void {
  const all: Record<string, Json> = template.Resources;
  const kept = new Set<string>();
  const keep = (id: string) => {
    if (kept.has(id) || !all[id]) return;
    kept.add(id);
    for (const other of references(all[id].Properties)) keep(other);
  };
  for (const [id, { Type }] of Object.entries(all)) if (seen(id, Type)) keep(id);
  template.Resources = Object.fromEntries(
    Object.entries(all)
      .filter(([id]) => kept.has(id))
      .map(([id, resource]) => [
        id,
        { ...resource, DependsOn: [resource.DependsOn ?? []].flat().filter((other: string) => kept.has(other)) },
      ]),
  );
  template.Outputs = Object.fromEntries(
    Object.entries<Json>(template.Outputs ?? {}).filter(([, output]) =>
      [...references(output.Value)].every((id) => !all[id] || kept.has(id)),
    ),
  );
}

function* references(value: Json): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  if (typeof value.Ref === 'string') yield value.Ref;
  const attribute = value['Fn::GetAtt'];
  if (attribute) yield String(Array.isArray(attribute) ? attribute[0] : attribute).split('.')[0]!;
  for (const member of Object.values(value)) yield* references(member);
}

export interface Started {
  readonly runtime: Runtime;
  readonly data: string;
  readonly site: PartnerSite;
}

/** Starts it; its command line takes `--data`. */
export async function startPartners(
  assemblyDir: string,
  data: string,
  changes: Partial<Environment> = {},
): Promise<Started> {
  const runtime = await startRuntime({ assemblyDir, stageName: 'dev', dataDir: data, clock: { rate: 0 } });
  const { endpoint, region, account, deployment } = runtime;
  const { credentials } = runtime.administrator;
  const [outputs, pipelineOutputs] = ['data', 'pipelines'].map(
    (part) => deployment.outputs[`millrace-dev-${part}`]!,
  ) as [Record<string, string>, Record<string, string>];
  const warehouse = { ClusterIdentifier: 'none', Database: 'none' };
  writeRuntimeFile(data, { pid: process.pid, endpoint, region, credentials, warehouse, outputs, pipelineOutputs });
  const site = {
    environment: { ...dev, ...changes },
    reach: { endpoint, region },
    credentials,
    controlToken: runtime.controlToken,
    account,
    region,
    data: outputs,
    pipelines: pipelineOutputs,
  };
  return { runtime, data, site };
}

/** Something to read in every bucket and below the prefix of every export. */
export async function fillBuckets({ site }: Started): Promise<void> {
  const { endpoint, region } = site.reach;
  const s3 = new S3Client({ endpoint, region, credentials: site.credentials, forcePathStyle: true });
  try {
    const put = (bucket: string, Key: string) =>
      s3.send(new PutObjectCommand({ Bucket: String(site.data[`${bucket}BucketName`]), Key, Body: '{}' }));
    for (const pipeline of pipelines)
      for (const { name } of pipeline.exports) await put('Exports', `${exportPrefix(pipeline.name, name)}latest.json`);
    for (const bucket of ['History', 'Archive', 'Work', 'Logs']) await put(bucket, 'something');
  } finally {
    s3.destroy();
  }
}
