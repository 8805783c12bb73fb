import { PutObjectCommand } from '@aws-sdk/client-s3';
import { pipelines } from '../../../pipelines';
import type { ConnectOptions } from '../../cloud/connect';
import { exportFunction } from '../../cloud/export-function';
import type { NamedExport } from '../exports/named';
import { clockOf } from '../exports/request';
import { feedStream } from '../feed';
import type { Work } from '../work';
import type { SmokeClients } from './clients';
import { checked, type Finding, unknown } from './finding';
import { followable, followExport, followMarks, newestOf, windowsWithMarks } from './follow';
import { leftBy, type Marked, marked } from './mark';
import { correctExport, removeMarks } from './remove';

/** With the exports in which they must appear, and the number of each one's newest publication from before. */
type Sent = Marked & { readonly exports: readonly { readonly named: NamedExport; readonly before: number }[] };

/** Sends marked events through stream and history of every pipeline, follows them to tables, views and exports, and removes them whatever was found. */
export async function sendAndFollow(
  work: Work,
  options: ConnectOptions,
  clients: SmokeClients,
  mark: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const now = await clockOf(work);
  const sent: Sent[] = [];
  for (const pipeline of pipelines) {
    const what = marked(pipeline, mark, now);
    if (typeof what === 'string') findings.push(unknown(`${pipeline.name}: marked records`, 'sent', what));
    else {
      const exports = [];
      for (const named of followable(what)) exports.push({ named, before: await newestOf(work, named) });
      sent.push({ ...what, exports });
    }
  }
  try {
    findings.push(...(await checked(work, 'send marks', async () => sendAll(work, sent, clients))));
    const sentAt = await clockOf(work);
    for (const one of sent)
      findings.push(...(await checked(work, `follow ${one.pipeline.name}`, () => followMarks(work, one, sentAt))));
  } finally {
    for (const one of sent) findings.push(...(await exportAndRemove(work, options, clients, one)));
  }
  return findings;
}

async function sendAll(work: Work, sent: readonly Sent[], { kinesis, s3 }: SmokeClients): Promise<Finding[]> {
  for (const { pipeline, stream, object, mark } of sent) {
    await feedStream(
      kinesis,
      work.cloud.names.stream(pipeline.name),
      stream.map((data) => ({ data, partitionKey: mark })),
    );
    if (object)
      await s3.send(
        new PutObjectCommand({ Bucket: work.cloud.names.historyBucket, Key: object.key, Body: object.body }),
      );
  }
  return [];
}

/** Follows the marks into exports, then removes them. Removal has time of its own: a test that ran out of time leaves no marks either. */
async function exportAndRemove(
  work: Work,
  options: ConnectOptions,
  clients: SmokeClients,
  one: Sent,
): Promise<Finding[]> {
  const exports: WithWindows[] = [];
  const findings: Finding[] = [];
  for (const { named, before } of one.exports)
    findings.push(
      ...(await checked(work, `export ${named.name}`, async () => {
        const send = exportFunction(options, one.pipeline.name);
        const { findings: found, windows } = await followExport(work, one, named, before, send);
        exports.push({ named, windows });
        return found;
      })),
    );
  findings.push(...(await remove(withTimeOfItsOwn(work), options, clients, one, exports)));
  return findings;
}

interface WithWindows {
  readonly named: NamedExport;
  /** Starts of windows of which a publication has marks. */
  readonly windows: readonly number[];
}

async function remove(
  work: Work,
  options: ConnectOptions,
  clients: SmokeClients,
  one: Marked,
  exports: readonly WithWindows[],
): Promise<Finding[]> {
  const { name } = one.pipeline;
  const findings = await checked(work, `remove marks of ${name}`, () => removeMarks(work, one, clients));
  for (const { named, windows } of exports) {
    if (windows.length === 0) continue;
    const send = exportFunction(options, name);
    findings.push(
      ...(await checked(work, `correct ${named.name}`, () => correctExport(work, one, named, windows, send))),
    );
  }
  return findings;
}

/** Removes what a test of this mark left behind, for one that was killed. */
export async function removeLeftOvers(
  work: Work,
  options: ConnectOptions,
  clients: SmokeClients,
  mark: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const pipeline of pipelines) {
    const left = leftBy(pipeline, mark);
    if (!left) continue;
    const exports: WithWindows[] = [];
    for (const named of followable(left)) exports.push({ named, windows: await windowsWithMarks(work, left, named) });
    findings.push(...(await remove(work, options, clients, left, exports)));
  }
  return findings;
}

const REMOVAL_MS = 20 * 60_000;

function withTimeOfItsOwn(work: Work): Work {
  const deadline = performance.now() + REMOVAL_MS;
  return { ...work, remainingMs: () => deadline - performance.now() };
}
