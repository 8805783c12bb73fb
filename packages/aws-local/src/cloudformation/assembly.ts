import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly [attribute: string]: unknown;
}
export interface Template {
  readonly Parameters?: Readonly<Record<string, { readonly Type: string; readonly Default?: unknown }>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Rules?: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<
    Record<
      string,
      { readonly Value: unknown; readonly Export?: { readonly Name: unknown }; readonly Condition?: string }
    >
  >;
  readonly [section: string]: unknown;
}

/** One stack of a stage. */
export interface Stack {
  readonly name: string;
  /** For example `dev/Data`. */
  readonly displayName: string;
  /** Undefined if the template is environment-agnostic. */
  readonly account?: string;
  readonly region?: string;
  readonly template: Template;
  /** Construct path by logical id, for example `dev/Data/Stream/Resource`. */
  readonly paths: Readonly<Record<string, string>>;
}

export interface Assembly {
  /** In deployment order. */
  readonly stacks: readonly Stack[];
  /** Folders and files with the functions' code, by the S3 object key used in the templates. */
  readonly assets: ReadonlyMap<string, string>;
}

const stackType = 'aws:cloudformation:stack';

interface Artifact {
  readonly type: string;
  readonly environment?: string;
  readonly displayName?: string;
  readonly dependencies?: readonly string[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly metadata?: Metadata;
  readonly additionalMetadataFile?: string;
}
type Metadata = Readonly<Record<string, readonly { readonly type: string; readonly data?: unknown }[]>>;
interface AssetManifest {
  readonly files?: Readonly<
    Record<
      string,
      {
        readonly source: { readonly path?: string };
        readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
      }
    >
  >;
}

/**
 * Reads the output of `cdk synth` for one stage.
 * @param stageName @default - the app's own stacks, or the only stage if the app has no stacks of its own
 * @throws Error listing the stages if the named one is missing, or if there are several and none is named
 */
export function loadAssembly(assemblyDir: string, stageName?: string): Assembly {
  const folder = folderOf(assemblyDir, stageName);
  const artifacts = artifactsOf(folder);
  const assets = new Map<string, string>();
  for (const artifact of Object.values(artifacts)) {
    if (artifact.type === 'cdk:asset-manifest') readAssets(folder, artifact.properties!['file'] as string, assets);
  }
  const stacks = inOrder(artifacts).map(([id, artifact]) => readStack(folder, id, artifact));
  return { stacks, assets: new Map([...assets].filter(([key]) => !key.endsWith('.json'))) };
}

/** The folder whose manifest lists the stacks. */
function folderOf(assemblyDir: string, stageName: string | undefined): string {
  const root = Object.values(artifactsOf(assemblyDir));
  if (stageName === undefined && root.some(({ type }) => type === stackType)) return assemblyDir;
  const stages = root.filter(({ type }) => type === 'cdk:cloud-assembly');
  const names = stages.map(({ properties }) => properties?.['displayName']).join(', ') || 'none';
  if (stageName === undefined && stages.length > 1)
    throw new Error(`${assemblyDir} has several stages, and one has to be named: ${names}`);
  const stage =
    stageName === undefined ? stages[0] : stages.find(({ properties }) => properties?.['displayName'] === stageName);
  if (!stage) throw new Error(`${assemblyDir} has no stage ${stageName ?? 'and no stack'}; it has ${names}`);
  return join(assemblyDir, stage.properties!['directoryName'] as string);
}

function artifactsOf(folder: string): Record<string, Artifact> {
  const file = join(folder, 'manifest.json');
  if (!existsSync(file)) throw new Error(`${folder} holds no cloud assembly: it has no manifest.json`);
  return readJson<{ artifacts?: Record<string, Artifact> }>(file).artifacts ?? {};
}

function readStack(folder: string, id: string, artifact: Artifact): Stack {
  const properties = artifact.properties!;
  // The CDK omits the stack name if it equals the artifact's id.
  const name = (properties['stackName'] as string | undefined) ?? id;
  const [account, region] = (artifact.environment ?? '').replace('aws://', '').split('/');
  const extra = artifact.additionalMetadataFile
    ? readJson<Metadata>(join(folder, artifact.additionalMetadataFile))
    : {};
  return {
    name,
    displayName: artifact.displayName ?? name,
    account: account?.startsWith('unknown') ? undefined : account,
    region: region?.startsWith('unknown') ? undefined : region,
    template: readJson(join(folder, properties['templateFile'] as string)),
    paths: pathsOf({ ...artifact.metadata, ...extra }),
  };
}

function pathsOf(metadata: Metadata): Record<string, string> {
  const paths: Record<string, string> = {};
  for (const [path, entries] of Object.entries(metadata)) {
    for (const { type, data } of entries)
      if (type === 'aws:cdk:logicalId') paths[String(data)] = path.replace(/^\//, '');
  }
  return paths;
}

function readAssets(folder: string, file: string, into: Map<string, string>): void {
  const manifest = readJson<AssetManifest>(join(folder, file));
  for (const { source, destinations } of Object.values(manifest.files ?? {})) {
    if (!source.path) continue;
    for (const { objectKey } of Object.values(destinations)) into.set(objectKey, resolve(folder, source.path));
  }
}

function inOrder(artifacts: Readonly<Record<string, Artifact>>): (readonly [id: string, artifact: Artifact])[] {
  const ordered = new Map<string, Artifact>();
  const visit = (id: string) => {
    const artifact = artifacts[id];
    if (artifact?.type !== stackType || ordered.has(id)) return;
    for (const dependency of artifact.dependencies ?? []) visit(dependency);
    ordered.set(id, artifact);
  };
  for (const id of Object.keys(artifacts)) visit(id);
  return [...ordered];
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}
