import type { Context } from '../commands/context';
import { assertTimeLeft } from '../commands/context';
import { Failure } from '../failure';
import {
  type FullFile,
  type FullManifest,
  type FullManifestPipeline,
  type FullManifestTable,
  manifestName,
} from './manifest';
import { digestOf, download, pathIn, type S3Place, writeNew } from './place';

/** Copies a full export into a folder, and writes its manifest last. Returns it with the checksums of the files. */
export async function downloadAll(
  context: Context,
  { bucket, prefix }: S3Place,
  folder: string,
  manifest: FullManifest,
): Promise<FullManifest> {
  const stage = context.progress.stage('download');
  const total = manifest.pipelines.flatMap(({ tables }) => tables.flatMap(({ files }) => files)).length;
  let done = 0;
  const copied = async (file: FullFile): Promise<FullFile> => {
    assertTimeLeft(context, 'download');
    const path = pathIn(folder, file.path);
    const known = await digestOf(path);
    // A file appears when it is whole.
    const found =
      known?.bytes === file.bytes ? known : await download(context.cloud.buckets, bucket, prefix + file.path, path);
    if (found.bytes !== file.bytes) throw new Failure(`${path} must have ${file.bytes} bytes, got ${found.bytes}`);
    done += 1;
    stage.count(done, 'files', total);
    return { ...file, sha256: found.sha256 };
  };
  const pipelines: FullManifestPipeline[] = [];
  for (const pipeline of manifest.pipelines) {
    const tables: FullManifestTable[] = [];
    for (const table of pipeline.tables) {
      const files: FullFile[] = [];
      for (const file of table.files) files.push(await copied(file));
      tables.push({ ...table, files });
    }
    pipelines.push({ ...pipeline, tables });
  }
  const whole = { ...manifest, pipelines };
  if (!writeNew(pathIn(folder, manifestName), `${JSON.stringify(whole, null, 2)}\n`))
    throw new Failure(`${folder} has a ${manifestName} meanwhile; it is left as it is`);
  stage.done(`${total} files`);
  return whole;
}
