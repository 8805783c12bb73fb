import { PutObjectCommand } from '@aws-sdk/client-s3';
import { pipelines } from '../../../pipelines';
import type { ConnectOptions } from '../../cloud/connect';
import { exportFunction } from '../../cloud/export-function';
import type { Context } from '../context';
import type { NamedExport } from '../exports/find-export';
import { clockOf, secondOf } from '../exports/publish';
import { feedStream } from '../feed';
import { type CheckResult, runCheck, unknownResult } from './check-result';
import type { SmokeClients } from './clients';
import { followable, followExport, followMarks, newestOf, windowsWithMarks } from './follow-marks';
import { createMarked, type Marked, marksLeftBy } from './marked-events';
import { correctExport, removeMarks } from './remove-marks';

/**
 * Marked records with the exports that must show them, and the number of each export's newest publication before the
 * test.
 */
type Sent = Marked & { readonly exports: readonly { readonly named: NamedExport; readonly before: number }[] };

/**
 * Sends marked events through stream and history of every pipeline, follows them to tables, views and exports, and
 * always removes them.
 */
export async function sendAndFollow(
  context: Context,
  options: ConnectOptions,
  clients: SmokeClients,
  mark: string,
): Promise<CheckResult[]> {
  const findings: CheckResult[] = [];
  const now = await clockOf(context);
  const sent: Sent[] = [];
  for (const pipeline of pipelines) {
    const what = createMarked(pipeline, mark, now);
    if (typeof what === 'string') findings.push(unknownResult(`${pipeline.name}: marked records`, 'sent', what));
    else {
      const exports = [];
      for (const named of followable(what)) exports.push({ named, before: await newestOf(context, named) });
      sent.push({ ...what, exports });
    }
  }
  try {
    findings.push(...(await runCheck(context, 'send marks', async () => sendAll(context, sent, clients))));
    const sentAt = await secondOf(context);
    for (const one of sent)
      findings.push(
        ...(await runCheck(context, `follow ${one.pipeline.name}`, (stage) =>
          followMarks(context, one, sentAt, stage),
        )),
      );
  } finally {
    for (const one of sent) findings.push(...(await exportAndRemove(context, options, clients, one)));
  }
  return findings;
}

async function sendAll(context: Context, sent: readonly Sent[], { kinesis, s3 }: SmokeClients): Promise<CheckResult[]> {
  for (const { pipeline, stream, object, mark } of sent) {
    await feedStream(
      kinesis,
      context.cloud.names.stream(pipeline.name),
      stream.map((data) => ({ data, partitionKey: mark })),
    );
    if (object)
      await s3.send(
        new PutObjectCommand({ Bucket: context.cloud.names.historyBucket, Key: object.key, Body: object.body }),
      );
  }
  return [];
}

/**
 * Follows the marks into exports, then removes them. Removal has a time limit of its own, so that a test that ran out
 * of time leaves no marks.
 */
async function exportAndRemove(
  context: Context,
  options: ConnectOptions,
  clients: SmokeClients,
  one: Sent,
): Promise<CheckResult[]> {
  const exports: WithWindows[] = [];
  const findings: CheckResult[] = [];
  for (const { named, before } of one.exports)
    findings.push(
      ...(await runCheck(context, `export ${named.name}`, async () => {
        const send = exportFunction(options, one.pipeline.name);
        const { findings: found, windows } = await followExport(context, one, named, before, send);
        exports.push({ named, windows });
        return found;
      })),
    );
  findings.push(...(await remove(withTimeOfItsOwn(context), options, clients, one, exports)));
  return findings;
}

interface WithWindows {
  readonly named: NamedExport;
  /** Starts of the windows with a publication that has marks. */
  readonly windows: readonly number[];
}

async function remove(
  context: Context,
  options: ConnectOptions,
  clients: SmokeClients,
  one: Marked,
  exports: readonly WithWindows[],
): Promise<CheckResult[]> {
  const { name } = one.pipeline;
  const findings = await runCheck(context, `remove marks of ${name}`, () => removeMarks(context, one, clients));
  for (const { named, windows } of exports) {
    if (windows.length === 0) continue;
    const send = exportFunction(options, name);
    findings.push(
      ...(await runCheck(context, `correct ${named.name}`, () => correctExport(context, one, named, windows, send))),
    );
  }
  return findings;
}

/** Removes what a killed test of this mark left. */
export async function removeLeftOvers(
  context: Context,
  options: ConnectOptions,
  clients: SmokeClients,
  mark: string,
): Promise<CheckResult[]> {
  const findings: CheckResult[] = [];
  for (const pipeline of pipelines) {
    const left = marksLeftBy(pipeline, mark);
    if (!left) continue;
    const exports: WithWindows[] = [];
    for (const named of followable(left))
      exports.push({ named, windows: await windowsWithMarks(context, left, named) });
    findings.push(...(await remove(context, options, clients, left, exports)));
  }
  return findings;
}

const REMOVAL_MS = 20 * 60_000;

function withTimeOfItsOwn(context: Context): Context {
  const deadline = performance.now() + REMOVAL_MS;
  return { ...context, remainingMs: () => deadline - performance.now() };
}
